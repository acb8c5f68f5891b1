"""Write a page with every built figure, its caption and its verdicts, and small pictures."""

from command_line import run_script

import argparse
from pathlib import Path

import pandas as pd
from PIL import Image

from gradient_atlas.claims.page import allowed_text, measured_text

WIDTH = 800  # pixels
HEAD = """# Gallery

Every figure of the default build, its caption as the build wrote it, and the verdicts on what is
said of it. Written by `make gallery`; `make site` makes a page of each, with more.
"""


def main() -> None:
    """Shrink the pictures and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="+", help="names of built figures")
    parser.add_argument("--drawn", type=Path, required=True, help="folder of the built figures")
    parser.add_argument("--claims", type=Path, required=True, help="results/claims.parquet")
    parser.add_argument("--page", type=Path, required=True, help="Markdown page to write")
    parser.add_argument("--pictures", type=Path, required=True, help="folder beside the page")
    arguments = parser.parse_args()
    claims = pd.read_parquet(arguments.claims)
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    entries = []
    for name in arguments.figures:
        target = arguments.pictures / f"{name}.png"
        with Image.open(arguments.drawn / f"{name}.png") as picture:
            small = picture.convert("RGB")
            small.thumbnail((WIDTH, 10 * WIDTH))
            # The default would give like colours one, and a legend's lines must stay apart.
            apart = small.quantize(255, method=Image.Quantize.MAXCOVERAGE)
            apart.save(target, optimize=True)
        caption = (arguments.drawn / f"{name}.md").read_text().strip()
        verdicts = claims[claims["figure"] == name]
        lines = [
            f"- `{row['claim']}`: {row['statement']}: **{row['verdict']}**, measured "
            f"{measured_text(row)}, allowed {allowed_text(row)}"
            for _, row in verdicts.iterrows()
        ]
        link = target.relative_to(arguments.page.parent)
        entries += [f"## {name}", "", f"![{name}]({link})", "", caption, ""]
        entries += ["<details><summary>Verdicts</summary>", "", *lines, "", "</details>", ""]
    arguments.page.write_text("\n".join([HEAD, *entries]), encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
