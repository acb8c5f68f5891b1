"""Write one page with every figure, its caption, claims and parameters, readable offline."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.report import Entry, image_address, page, parameters_of, runtimes
from gradient_atlas.tables.files import files_of, read


def main() -> None:
    """Read the bundles, claims and benchmark files; write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="their .svg files")
    parser.add_argument("--tables", action=Json, required=True, help="JSON: data sets by figure")
    parser.add_argument("--results", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--sweeps", action=Json, default={}, help="JSON: sweeps by data set")
    parser.add_argument("--claims", type=Path, required=True, help="Parquet table of claims")
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of .tsv files")
    parser.add_argument("--output", type=Path, required=True, help="the .html file")
    arguments = parser.parse_args()
    entries = []
    for svg in arguments.figures:
        datasets = arguments.tables[svg.stem]
        files = [
            file
            for dataset in datasets
            for file in files_of(dataset, arguments.results, arguments.sweeps)
        ]
        entries.append(
            Entry(
                name=svg.stem,
                category=datasets[0].partition("/")[0],
                caption=svg.with_suffix(".md").read_text().strip(),
                image=image_address(svg, svg.with_suffix(".png")),
                parameters=parameters_of(files),
            )
        )
    text = page(entries, read(arguments.claims), runtimes(arguments.benchmarks))
    arguments.output.write_text(text)


if __name__ == "__main__":
    run_script(main)
