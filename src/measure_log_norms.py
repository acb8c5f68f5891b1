"""Logarithms of squared norms in many random ReLU networks of one width, at many depths."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.ensembles.log_norms import log_norms
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.ensembles import LOG_NORMS


def main() -> None:
    """Draw the networks of each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="width, depths, networks, seeds as JSON"
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch()
    settings = arguments.settings
    rows = [
        pd.DataFrame(found).assign(seed=seed, network=range(1, settings["networks"] + 1))
        for seed in settings["seeds"]
        for found in log_norms(settings["width"], settings["depths"], settings["networks"], seed)
    ]
    made_by = {"run": {"width": settings["width"], "initialization": "he", "activation": "relu"}}
    write(LOG_NORMS, pd.concat(rows, ignore_index=True), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
