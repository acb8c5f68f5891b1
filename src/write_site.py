"""Write the site: every figure's page, the documentation and the library's interface."""

from command_line import Json, run_script

import shutil
import tempfile
from pathlib import Path

import yaml
from sphinx.cmd.build import build_main

from gradient_atlas.errors import InputError
from gradient_atlas.report.site import FILES, write_source
from gradient_atlas.tables.files import read
from page_arguments import entries_of, pages_parser

PROJECT = Path(__file__).parents[1]


def main() -> None:
    """Write the pages into a temporary folder, have Sphinx build them, put the files beside."""
    parser = pages_parser(__doc__)
    parser.add_argument("--config", action=Json, required=True, help="JSON: config by figure")
    arguments = parser.parse_args()
    entries = entries_of(arguments, lambda svg: f"{svg.stem}.png")
    config = {
        name: yaml.safe_dump(part, sort_keys=False, default_flow_style=None, width=100)
        for name, part in arguments.config.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder, "source"), Path(folder, "built")
        claims = read(arguments.claims)
        write_source(PROJECT, source, entries, claims, arguments.tables, config)
        words = [str(source), str(built), "-c", str(PROJECT / "docs"), "-d", f"{folder}/doctrees"]
        # A link that leads nowhere is a warning, and a warning is an error.
        if build_main([*words, "-b", "html", "--quiet", "--fail-on-warning"]):
            raise InputError("the site's pages cannot be built; Sphinx says why above")
        for svg in arguments.figures:
            for ending in FILES:
                shutil.copy(svg.with_suffix(f".{ending}"), built / "figures")
        shutil.copytree(built, arguments.output, dirs_exist_ok=True)


if __name__ == "__main__":
    run_script(main)
