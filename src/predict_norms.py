"""Predict the norms of every layer of the networks that a sweep's runs start from."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.theory import PREDICTED_NORMS
from gradient_atlas.theory.norms_of_runs import predict_runs


def main() -> None:
    """Read the runs and their data sets, predict, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help='{"runs": [parameters, ...]} as JSON'
    )
    parser.add_argument(
        "--dataset", required=True, type=Path, nargs="+", help="folder(s); see runs"
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch()
    runs = [parse_run(parameters) for parameters in arguments.settings["runs"]]
    folders = {folder.name: folder for folder in arguments.dataset}
    if missing := sorted({run.dataset for run in runs} - set(folders)):
        raise InputError(f"--dataset: no folder named {missing[0]}, which a run trains on")
    data = {run.dataset: load(folders[run.dataset], torch.float64) for run in runs}
    digests = {name: loaded.sha256 for name, loaded in data.items()}
    tables.write(PREDICTED_NORMS, predict_runs(runs, data), arguments.output, {"dataset": digests})


if __name__ == "__main__":
    run_script(main)
