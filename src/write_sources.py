"""Write both sources sentence by sentence, each with its verdict, from the table of claims."""

from command_line import run_script

import argparse
from pathlib import Path

import pandas as pd

from gradient_atlas.claims.sources_page import read_sentences, to_markdown


def main() -> None:
    """Read the table and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, required=True, help="results/claims.parquet")
    parser.add_argument("--page", type=Path, required=True, help="Markdown page to write")
    arguments = parser.parse_args()
    sentences, beyond = read_sentences()
    claims = pd.read_parquet(arguments.claims)
    page = to_markdown(sentences, beyond, claims, "gallery/{}.png")
    arguments.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
