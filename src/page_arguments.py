"""What both scripts that write pages take: the figures of a build, their tables, the claims."""

from command_line import Json

import argparse
from collections.abc import Callable
from pathlib import Path

from gradient_atlas.report.entries import Entry, entry_of


def pages_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that say what was built."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="their .svg files")
    parser.add_argument("--tables", action=Json, required=True, help="JSON: data sets by figure")
    parser.add_argument("--results", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--sweeps", action=Json, default={}, help="JSON: sweeps by data set")
    parser.add_argument("--claims", type=Path, required=True, help="Parquet table of claims")
    parser.add_argument("--output", type=Path, required=True, help="the .html file, or the folder")
    return parser


def entries_of(arguments: argparse.Namespace, image: Callable[[Path], str]) -> list[Entry]:
    """What a page says of each figure; ``image`` gives the address of a drawing."""
    return [
        entry_of(svg, arguments.tables[svg.stem], arguments.results, arguments.sweeps, image(svg))
        for svg in arguments.figures
    ]
