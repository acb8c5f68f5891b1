"""Predict which share of wide networks' gradients becomes 0 in each floating-point format."""

from command_line import dataset_folders, prediction_parser, run_script

import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.theory import PREDICTED_LOST_SHARES
from gradient_atlas.theory.half_precision import predict_lost_shares


def main() -> None:
    """Read the runs and their data sets, predict, write."""
    arguments = prediction_parser(__doc__).parse_args()
    prepare_torch()
    settings = arguments.settings
    runs = {name: parse_run(parameters) for name, parameters in settings["runs"].items()}
    folders = dataset_folders(arguments.dataset, [run.dataset for run in runs.values()])
    data = {name: load(folder, torch.float64) for name, folder in folders.items()}
    rows = predict_lost_shares(runs, data, settings["loss_scales"])
    digests = {name: loaded.sha256 for name, loaded in data.items()}
    write(PREDICTED_LOST_SHARES, rows, arguments.output, {"dataset": digests})


if __name__ == "__main__":
    run_script(main)
