"""Loss of networks of several widths at several rates, and how far their units move."""

from command_line import Json, run_script

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.dynamics.width import coordinate_changes, descend, wide_network
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import COORDINATES, WIDTH


@np.errstate(all="ignore")  # a product that overflows is seen as divergence
def main() -> None:
    """Parse, descend for each parametrisation, width, seed and rate, write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.width, JSON")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--width", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--coordinates", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings, check = arguments.settings, arguments.settings["check"]
    data = load(arguments.dataset, getattr(torch, settings["precision"]), settings["examples"])
    inputs, labels, layers = data.train_inputs, data.train_labels, settings["hidden_layers"]
    runs, moved, base = [], [], min(settings["widths"])
    for name, width, seed in product(
        *(settings[k] for k in ("parametrizations", "widths", "seeds"))
    ):
        network = wide_network(inputs, labels, width, layers, seed, data.classes, name, base)
        here = {"parametrization": name, "width": width, "seed": seed}
        for rate in settings["learning_rates"]:
            _, loss, status = descend(network, rate, settings["steps"])
            runs.append(here | {"learning_rate": rate, "train_loss": loss, "status": status})
        theta, _, _ = descend(network, check["learning_rate"], check["steps"])
        for layer, change in enumerate(coordinate_changes(network, theta, inputs), start=1):
            moved.append(here | {"layer": layer, "layers": layers + 1, "change": change})
    run = {**settings, "dataset": arguments.dataset.name}
    made_by = {"run": run, "data": data.facts, "dataset_sha256": data.sha256}
    write(WIDTH, pd.DataFrame(runs), arguments.width, made_by)
    write(COORDINATES, pd.DataFrame(moved), arguments.coordinates, made_by)


if __name__ == "__main__":
    run_script(main)
