"""Predict the norms of every layer of the networks that a sweep's runs start from."""

from command_line import run_script

import argparse
import json
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
    parser.add_argument("--runs", required=True, help="JSON: a list of runs, or a file with one")
    parser.add_argument(
        "--dataset", required=True, type=Path, nargs="+", help="folder(s); see runs"
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch()
    runs = [parse_run(parameters) for parameters in read_runs(arguments.runs)]
    folders = {folder.name: folder for folder in arguments.dataset}
    if missing := sorted({run.dataset for run in runs} - set(folders)):
        raise InputError(f"--dataset: no folder named {missing[0]}, which a run trains on")
    data = {run.dataset: load(folders[run.dataset], torch.float64) for run in runs}
    digests = {name: loaded.sha256 for name, loaded in data.items()}
    tables.write(PREDICTED_NORMS, predict_runs(runs, data), arguments.output, {"dataset": digests})


def read_runs(text: str) -> list[dict[str, object]]:
    """The list of runs' parameters in this JSON, or in the file that it names."""
    try:
        runs = json.loads(text if text.lstrip().startswith("[") else Path(text).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"--runs: not a JSON list and not a file with one ({error})") from None
    if not isinstance(runs, list):
        raise InputError("--runs: a list of runs' parameters is needed")
    return runs


if __name__ == "__main__":
    run_script(main)
