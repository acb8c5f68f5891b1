"""Predict the norms of every module of the named networks that a sweep's runs start from."""

from command_line import dataset_folders, prediction_parser, run_script

import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import image_shape, load
from gradient_atlas.runs.network import parse_network_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.theory import PREDICTED_MODULES
from gradient_atlas.theory.norms_of_networks import predict_networks


def main() -> None:
    """Read the runs and their data sets, predict, write."""
    arguments = prediction_parser(__doc__).parse_args()
    prepare_torch()
    runs = [parse_network_run(parameters) for parameters in arguments.settings["runs"]]
    folders = dataset_folders(arguments.dataset, [run.dataset for run in runs])
    data = {
        name: (load(folder, torch.float64), image_shape(folder)) for name, folder in folders.items()
    }
    digests = {name: loaded.sha256 for name, (loaded, _) in data.items()}
    predicted = predict_networks(runs, data)
    tables.write(PREDICTED_MODULES, predicted, arguments.output, {"dataset": digests})


if __name__ == "__main__":
    run_script(main)
