"""Say what a build has made: its figures, its verdicts, which of them changed, where they stand."""

from command_line import run_script

import argparse
from pathlib import Path

from gradient_atlas.claims.summary import build_summary, new_verdicts, read_verdicts
from gradient_atlas.tables.files import read


def main() -> None:
    """Compare the claims with those of the last build, print, remember."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", nargs="*", default=[], help="names of those drawn")
    parser.add_argument(
        "--claims", type=Path, help="Parquet table of claims, if they were asked for"
    )
    parser.add_argument("--report", type=Path, help="the page, if it was asked for")
    parser.add_argument("--last", type=Path, required=True, help="verdicts of the last build")
    arguments = parser.parse_args()
    if not arguments.figures and arguments.claims is None:
        return  # tables alone were asked for
    claims = None if arguments.claims is None else read(arguments.claims)
    before = read_verdicts(arguments.last)
    changed = None if claims is None or before is None else new_verdicts(before, claims)
    print(build_summary(arguments.figures, claims, changed, arguments.report))
    if claims is not None:
        arguments.last.parent.mkdir(parents=True, exist_ok=True)
        claims[["claim", "verdict"]].to_csv(arguments.last, index=False)


if __name__ == "__main__":
    run_script(main)
