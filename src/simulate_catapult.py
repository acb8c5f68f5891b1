"""Descent of two linear layers at many rates, beside the map that it keeps to."""

from command_line import Json, run_script

import argparse
import dataclasses
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.catapult import launches
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import CATAPULT
from gradient_atlas.theory.catapult import catapult


def main() -> None:
    """Parse, descend for each seed and rate, iterate the map, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.catapult, JSON")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings = arguments.settings
    width, steps, count = settings["width"], settings["steps"], settings["rates"]
    rates = [settings["largest_rate"] * number / count for number in range(1, count + 1)]
    rows = []
    for seed in settings["seeds"]:
        for run in launches(width, seed, rates, steps):
            end = catapult(run.start_output, run.start_curvature, width, run.learning_rate, steps)
            predicted = {
                "predicted_curvature": end.curvature,
                "predicted_largest_loss": end.largest_loss,
            }
            rows.append(dataclasses.asdict(run) | predicted)
    write(CATAPULT, pd.DataFrame(rows), arguments.output, {"run": settings})


if __name__ == "__main__":
    run_script(main)
