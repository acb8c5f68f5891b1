"""Descent beside its gradient flow: paths, the loss around them, orders, and times of escape."""

from command_line import run_script

import argparse
import json
from pathlib import Path

import torch

from gradient_atlas.datasets.load import load
from gradient_atlas.dynamics.flow_experiment import simulate
from gradient_atlas.dynamics.network_loss import network_loss
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import ESCAPE, FLOW, LANDSCAPE, ORDER

TABLES = {"flow": FLOW, "landscape": LANDSCAPE, "order": ORDER, "escape": ESCAPE}


def main() -> None:
    """Parse, simulate every problem, write four tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json.loads, required=True, help="dynamics.flow")
    parser.add_argument("--dataset", type=Path, required=True, help="the network's data set")
    for table in TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    network = arguments.settings["network"]
    data = load(arguments.dataset, torch.float64, network["examples"])
    networks = {
        seed: network_loss(
            data.train_inputs, data.train_labels, network["hidden_widths"], seed, data.classes
        )
        for seed in network["seeds"]
    }
    said = {key: network[key] for key in ("examples", "hidden_widths")}
    said["dataset"] = arguments.dataset.name
    made_by = {
        "run": said,
        "data": data.facts,
        "dataset_sha256": data.sha256,
        "settings": arguments.settings,
    }
    for table, frame in simulate(arguments.settings, networks).items():
        write(TABLES[table], frame, getattr(arguments, table), made_by)


if __name__ == "__main__":
    run_script(main)
