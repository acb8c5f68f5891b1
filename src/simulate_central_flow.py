"""Full-batch descent of a small tanh network beside its central flow and its gradient flow."""

from command_line import run_script

import argparse
from pathlib import Path

import pandas as pd
import torch

from gradient_atlas.datasets.load import load
from gradient_atlas.dynamics.central_flow import compare
from gradient_atlas.dynamics.network_loss import network_loss
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import CENTRAL_FLOW


def main() -> None:
    """Load, follow the three paths for each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--examples", type=int, required=True, help="training rows in the batch")
    parser.add_argument("--hidden-widths", type=int, nargs="+", required=True)
    parser.add_argument("--precision", choices=["float32", "float64"], default="float64")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--every", type=int, required=True, help="steps between measurements")
    parser.add_argument(
        "--substeps", type=int, required=True, help="of a flow in a step of descent"
    )
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    data = load(arguments.dataset, getattr(torch, arguments.precision), arguments.examples)
    inputs, labels = data.train_inputs, data.train_labels
    rows = []
    for seed in arguments.seeds:
        loss = network_loss(inputs, labels, arguments.hidden_widths, seed, data.classes)
        paths = compare(
            loss, arguments.learning_rate, arguments.steps, arguments.every, arguments.substeps
        )
        rows += [{"seed": seed} | row for row in paths]
    run = {k: v for k, v in vars(arguments).items() if k not in ("dataset", "output")}
    run["dataset"] = arguments.dataset.name
    made_by = {"run": run, "data": data.facts, "dataset_sha256": data.sha256}
    write(CENTRAL_FLOW, pd.DataFrame(rows), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
