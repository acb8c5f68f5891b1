"""Check one drawn figure against the rules of its venue; a broken rule fails the build."""

from command_line import Json, run_script

import argparse
import sys
from pathlib import Path

from gradient_atlas.drawing.check import ADVICE, check_figure, summary
from gradient_atlas.drawing.figure_style import style_of
from gradient_atlas.drawing.layout import Layout
from gradient_atlas.drawing.style import style_from
from gradient_atlas.errors import InputError


def main() -> None:
    """Read the page and its layout, check, write one line or fail with one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pdf", type=Path, help="the figure")
    parser.add_argument("--layout", type=Path, required=True, help="what stands where on it")
    parser.add_argument("--caption", type=Path, help="the caption's text, which shares the page")
    parser.add_argument("--style", action=Json, default={}, help="JSON: the config's style")
    parser.add_argument("--output", type=Path, required=True, help="written when all rules hold")
    arguments = parser.parse_args()
    said = arguments.caption.read_text() if arguments.caption else ""
    style = style_of(style_from(arguments.style), arguments.pdf.stem, caption=said)
    found = check_figure(arguments.pdf, Layout.from_json(arguments.layout.read_text()), style)
    name = arguments.pdf.name
    if broken := [violation for violation in found if violation.rule not in ADVICE]:
        raise InputError(f"{name}: {summary(broken)}")
    text = f"{name}: {summary(found) or 'all rules hold'}\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)
    print(text, file=sys.stderr, end="")


if __name__ == "__main__":
    run_script(main)
