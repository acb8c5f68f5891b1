"""Predict which share of wide networks' gradients becomes 0 in each floating-point format."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.theory import PREDICTED_LOST_SHARES
from gradient_atlas.theory.half_precision import predict_lost_shares


def main() -> None:
    """Read the runs and their data sets, predict, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="runs by variant and loss_scales as JSON"
    )
    parser.add_argument("--dataset", required=True, type=Path, nargs="+", help="folder(s)")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch()
    settings = arguments.settings
    runs = {name: parse_run(parameters) for name, parameters in settings["runs"].items()}
    data = {folder.name: load(folder, torch.float64) for folder in arguments.dataset}
    rows = predict_lost_shares(runs, data, settings["loss_scales"])
    digests = {name: loaded.sha256 for name, loaded in data.items()}
    write(PREDICTED_LOST_SHARES, rows, arguments.output, {"dataset": digests})


if __name__ == "__main__":
    run_script(main)
