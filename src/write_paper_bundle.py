"""Put figures into one zip that LaTeX compiles as it is: example text, drawings, macros, origin."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.drawing.paper_bundle import write_paper_bundle
from gradient_atlas.drawing.style import style_from
from gradient_atlas.tables.files import files_of, origin_of


def main() -> None:
    """Read what made the figures' tables, write the zip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="their .pdf files")
    parser.add_argument("--tables", action=Json, required=True, help="JSON: data sets by figure")
    parser.add_argument("--results", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--sweeps", action=Json, default={}, help="JSON: sweeps by data set")
    parser.add_argument("--style", action=Json, default={}, help="JSON: the config's style")
    parser.add_argument("--licence", type=Path, required=True, help="the project's licence")
    parser.add_argument("--output", type=Path, required=True, help="the .zip file")
    arguments = parser.parse_args()
    origins = {
        pdf.stem: {
            dataset: origin_of(files_of(dataset, arguments.results, arguments.sweeps))
            for dataset in arguments.tables[pdf.stem]
        }
        for pdf in arguments.figures
    }
    write_paper_bundle(
        arguments.output,
        arguments.figures,
        style_from(arguments.style),
        origins,
        arguments.licence.read_text(),
    )


if __name__ == "__main__":
    run_script(main)
