"""Say what a build has made: its figures, its verdicts, which of them changed, where they stand."""

from command_line import run_script

import argparse
from pathlib import Path

from gradient_atlas.claims.summary import build_summary, new_verdicts, read_verdicts
from gradient_atlas.tables.files import read


def main() -> None:
    """Compare the claims with those of the last build, print, remember."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", nargs="*", default=[], help="names of the config's figures")
    parser.add_argument("--claims", type=Path, required=True, help="Parquet table of claims")
    parser.add_argument("--report", type=Path, required=True, help="the page, if it is there")
    parser.add_argument("--last", type=Path, required=True, help="verdicts of the last build")
    arguments = parser.parse_args()
    if not arguments.claims.exists():
        return
    claims = read(arguments.claims)
    before = read_verdicts(arguments.last)
    changed = None if before is None else new_verdicts(before, claims)
    drawn = [name for name in arguments.figures if Path(f"figures/{name}.pdf").exists()]
    report = arguments.report if arguments.report.exists() else None
    print(build_summary(drawn, claims, changed, report))
    arguments.last.parent.mkdir(parents=True, exist_ok=True)
    claims[["claim", "verdict"]].to_csv(arguments.last, index=False)


if __name__ == "__main__":
    run_script(main)
