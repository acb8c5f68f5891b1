"""Put every built figure, its caption and its verdicts into a page, with small pictures."""

from command_line import run_script

import argparse
from pathlib import Path

import pandas as pd
from PIL import Image

from gradient_atlas.claims.page import allowed_text, measured_text
from gradient_atlas.errors import InputError

BEGIN, END = "<!-- gallery: begin (make gallery) -->", "<!-- gallery: end -->"
WIDTH = 800  # pixels


def main() -> None:
    """Shrink the pictures and replace what stands between the page's two marks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="+", help="names of built figures")
    parser.add_argument("--drawn", type=Path, required=True, help="folder of the built figures")
    parser.add_argument("--claims", type=Path, required=True, help="results/claims.parquet")
    parser.add_argument("--page", type=Path, required=True, help="Markdown page with both marks")
    parser.add_argument("--pictures", type=Path, required=True, help="folder beside the page")
    arguments = parser.parse_args()
    page = arguments.page.read_text()
    if BEGIN not in page or END not in page:
        raise InputError(f"{arguments.page}: the lines {BEGIN} and {END} must stand in it")
    claims = pd.read_parquet(arguments.claims)
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    entries = []
    for name in arguments.figures:
        target = arguments.pictures / f"{name}.png"
        with Image.open(arguments.drawn / f"{name}.png") as picture:
            small = picture.convert("RGB")
            small.thumbnail((WIDTH, 10 * WIDTH))
            small.quantize(64).save(target, optimize=True)
        caption = (arguments.drawn / f"{name}.md").read_text().strip()
        verdicts = claims[claims["figure"] == name]
        lines = [
            f"- `{row['claim']}`: {row['statement']}: **{row['verdict']}**, measured "
            f"{measured_text(row)}, allowed {allowed_text(row)}"
            for _, row in verdicts.iterrows()
        ]
        link = target.relative_to(arguments.page.parent)
        entries += [f"### {name}", "", f"![{name}]({link})", "", caption, ""]
        entries += ["<details><summary>Verdicts</summary>", "", *lines, "", "</details>", ""]
    head, tail = page.split(BEGIN)[0], page.split(END)[1]
    arguments.page.write_text("\n".join([head + BEGIN, "", *entries, END]) + tail)


if __name__ == "__main__":
    run_script(main)
