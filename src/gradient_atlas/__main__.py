"""The command line: ``python -m gradient_atlas``, and a command.

``diagnose my_module:build --data images.npz`` says what is wrong with a network,
``check-figure some.pdf --venue icml`` what a venue would refuse in a figure.
"""

import os
import sys

# Python looks in the working folder first for whatever `python -m` imports. Of what lies there only
# a module that the command names is meant, and `runs.extension` finds that one.
if __name__ == "__main__" and sys.path[0] == os.getcwd():  # noqa: PTH109 (pathlib may lie there too)
    del sys.path[0]

import argparse
from pathlib import Path

import yaml

from gradient_atlas import arithmetic
from gradient_atlas.errors import InputError


def main() -> None:
    """Read the words and do what the first of them says."""
    parser = argparse.ArgumentParser(prog="python -m gradient_atlas", allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("diagnose", help="what is wrong with a network, and what mends it")
    one.add_argument("network", help="mlp, conv, resnet, transformer, or your own module:function")
    one.add_argument("--data", type=Path, required=True, help=".npz with images and labels")
    one.add_argument("--option", action="append", default=[], metavar="KEY=VALUE",
                     help="an option of the network; may be given again")  # fmt: skip
    one.add_argument("--examples", type=int, default=128, help="size of the batch (128)")
    one.add_argument("--seeds", type=int, default=5, help="networks that are drawn (5)")
    one.add_argument("--output", type=Path, default=Path("diagnosis"), help="folder (diagnosis)")
    one.add_argument("--venue", default="neurips", help="width and fonts of the figure (neurips)")
    one.set_defaults(command=_diagnose)
    two = commands.add_parser("check-figure", help="whether a PDF keeps the rules of a venue")
    two.add_argument("pdf", type=Path, nargs="+", help="of one page, from whatever program")
    two.add_argument("--venue", default="neurips", help="a venue's name, or custom (neurips)")
    two.add_argument("--column", default="full", choices=["full", "half"], help="its width (full)")
    two.add_argument("--width", help='with --venue custom: inches (3.5), or points ("252pt")')
    two.set_defaults(command=_check_figure)
    given = parser.parse_args()
    given.command(given)


def _diagnose(given: argparse.Namespace) -> None:
    arithmetic.pin()  # before torch is imported, which the work below does
    from gradient_atlas.watching.command import diagnose

    options = {}
    for word in given.option:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--option {word}: must be KEY=VALUE")
        options[key] = yaml.safe_load(value)
    diagnose(
        given.network, given.data, options, given.examples, given.seeds, given.output, given.venue
    )


def _check_figure(given: argparse.Namespace) -> None:
    from gradient_atlas.drawing.page_check import check_page
    from gradient_atlas.drawing.style import Style

    style = Style(given.venue, given.column, given.width)
    broken = False
    for pdf in given.pdf:
        if len(given.pdf) > 1:
            print(f"{pdf}:")
        for finding in check_page(pdf, style):
            print(finding)
            broken |= finding.holds is False
    sys.exit(broken)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
