"""Record the verdicts of a build, and how far each is from flipping, for strict builds."""

from command_line import run_script

import argparse
import csv
from pathlib import Path

from gradient_atlas.claims import robustness
from gradient_atlas.tables.files import read

COLUMNS = ["measured", "interval_low", "interval_high", "lower", "upper", "margin"]


def main() -> None:
    """Read the claims and, if it is there, the table of robustness; write a CSV file.

    What the file has recorded of a claim that was not perturbed again stays in it.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, required=True, help="results/claims.parquet")
    parser.add_argument("--robustness", type=Path, help="results/robustness.parquet")
    parser.add_argument("--output", type=Path, required=True, help="CSV file to write")
    arguments = parser.parse_args()
    frame = read(arguments.claims)
    said: dict[str, str] = {}
    if arguments.output.exists():
        with arguments.output.open(newline="") as file:
            said = {row["claim"]: row["robustness"] for row in csv.DictReader(file)}
    if arguments.robustness and arguments.robustness.exists():
        said |= robustness.survived(read(arguments.robustness))
    flipping = {claim: text.partition("; ")[2] for claim, text in said.items()}
    frame = robustness.downgraded(frame, {k: reason for k, reason in flipping.items() if reason})
    frame["robustness"] = frame["claim"].map(said).fillna("")
    columns = ["claim", "verdict", *COLUMNS, "robustness"]
    frame[columns].to_csv(arguments.output, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    run_script(main)
