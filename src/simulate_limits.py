"""A network under heavy ball and Adam, beside their continuous limits."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.flow import Tolerance
from gradient_atlas.dynamics.limit_experiment import paths
from gradient_atlas.dynamics.network_loss import network_losses
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import LIMITS


def main() -> None:
    """Parse, follow each limit for each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.limits, JSON")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings = arguments.settings
    networks, made_by = network_losses(arguments.dataset, settings | {"precision": "float64"})
    tolerance = Tolerance(**settings["tolerance"])
    frames = [
        paths(name, loss, case, tolerance).assign(seed=seed)
        for name, case in settings["cases"].items()
        for seed, loss in networks.items()
    ]
    write(LIMITS, pd.concat(frames, ignore_index=True), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
