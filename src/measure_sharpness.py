"""Loss and sharpness of a tanh network, full batch: along descent, or along the gradient flow."""

from command_line import run_script

import argparse
import dataclasses
from pathlib import Path

import pandas as pd
import torch

from gradient_atlas.datasets.load import load
from gradient_atlas.dynamics.network_loss import network_loss
from gradient_atlas.dynamics.sharpness import descent_path, flow_path
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import FLOW_SHARPNESS, SHARPNESS

OPTIONS: dict[str, dict[str, type]] = {
    "descent": {"--learning-rate": float, "--steps": int, "--every": int},
    "flow": {"--horizon": float, "--points": int, "--tolerance": float},
}


def main() -> None:
    """Parse `descent` or `flow` and what both share, measure each seed, write one table."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    shared.add_argument("--examples", type=int, required=True, help="training rows in the batch")
    shared.add_argument("--hidden-widths", type=int, nargs="+", required=True)
    shared.add_argument("--precision", choices=["float32", "float64"], default="float32")
    shared.add_argument("--seeds", type=int, nargs="+", required=True)
    shared.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    parser = argparse.ArgumentParser(description=__doc__)
    methods = parser.add_subparsers(dest="method", required=True)
    for method, options in OPTIONS.items():
        subparser = methods.add_parser(method, parents=[shared])
        for option, kind in options.items():
            subparser.add_argument(option, type=kind, required=True)
    arguments = parser.parse_args()
    data = load(arguments.dataset, getattr(torch, arguments.precision), arguments.examples)
    inputs, labels = data.train_inputs, data.train_labels
    schema = SHARPNESS if arguments.method == "descent" else FLOW_SHARPNESS
    rows = []
    for seed in arguments.seeds:
        loss = network_loss(inputs, labels, arguments.hidden_widths, seed, data.classes)
        if arguments.method == "descent":
            path = descent_path(loss, arguments.learning_rate, arguments.steps, arguments.every)
        else:
            path = flow_path(loss, arguments.horizon, arguments.points, arguments.tolerance)
        rows += [{"seed": seed} | dataclasses.asdict(point) for point in path]
    frame = pd.DataFrame(rows).rename(columns={"loss": "train_loss"})
    frame["learning_rate"] = getattr(arguments, "learning_rate", None)
    run = {k: v for k, v in vars(arguments).items() if k not in ("dataset", "output")}
    run["dataset"] = arguments.dataset.name
    made_by = {"run": run, "data": data.facts, "dataset_sha256": data.sha256}
    write(schema, frame[schema.names], arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
