"""Check the claims of all figures against their tables and write the verdicts."""

from command_line import Json, run_script

import argparse
import csv
from pathlib import Path

import pandas as pd

from figure_modules import claims_of
from gradient_atlas.claims.claim import to_frame
from gradient_atlas.claims.page import changed_verdicts, to_markdown
from gradient_atlas.claims.robustness import downgraded, flips, reasons_of
from gradient_atlas.errors import InputError
from gradient_atlas.tables.files import gather, read, write
from gradient_atlas.tables.schemas.claims import CLAIMS


def main() -> None:
    """Read, decide, write; with ``--recorded``, refuse verdicts other than the recorded ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--figures", action=Json, required=True, help="JSON: data sets by name, by figure"
    )
    parser.add_argument("--results", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--sweeps", action=Json, default={}, help="JSON: sweeps by data set")
    parser.add_argument("--output", type=Path, required=True, help="Parquet table of claims")
    parser.add_argument("--markdown", type=Path, required=True, help="the same as a page")
    parser.add_argument("--robustness", type=Path, help="table; what flips there is undecided")
    parser.add_argument("--recorded", type=Path, help="CSV of claim, verdict that must hold")
    arguments = parser.parse_args()
    once: dict[str, pd.DataFrame] = {}  # most tables are named by several figures
    declared = {
        name.rpartition(":")[2]: claims_of(name)(
            gather(datasets, arguments.results, arguments.sweeps, once)
        )
        for name, datasets in arguments.figures.items()
    }
    frame = to_frame(declared)
    if arguments.robustness:
        frame = downgraded(frame, reasons_of(flips(read(arguments.robustness))))
    if arguments.recorded:
        with arguments.recorded.open(newline="") as file:
            rows = list(csv.DictReader(file))
        # What was seen to flip is undecided on every machine, whatever it is on this one.
        flipping = {row["claim"]: row.get("robustness", "").partition("; ")[2] for row in rows}
        frame = downgraded(frame, {claim: text for claim, text in flipping.items() if text})
        if changed := changed_verdicts(frame, {row["claim"]: row["verdict"] for row in rows}):
            raise InputError(
                f"verdicts differ from {arguments.recorded.name}: " + " | ".join(changed)
            )
    write(CLAIMS, frame, arguments.output, {"figures": list(declared)})
    arguments.markdown.write_text(to_markdown(frame))


if __name__ == "__main__":
    run_script(main)
