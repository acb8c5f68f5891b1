"""Train tanh networks on a line of the plane of σ_w² and σ_b², at several depths."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import pandas as pd
import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.ensembles.trainability import Plane, Training, train
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.ensembles import TRAINABILITY


def main() -> None:
    """Load, train at every depth with each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="ensembles.phase_diagram as JSON"
    )
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch()
    settings = arguments.settings
    data = load(arguments.dataset, torch.float32, settings["examples"])
    training = Training(*(settings[key] for key in ("learning_rates", "batch_size", "steps")))
    rows = []
    for depth in settings["depths"]:
        plane = Plane(settings["sigma_w2"], settings["sigma_b2"], settings["width"], depth)
        for seed in settings["seeds"]:
            found = train(plane, training, data.train_inputs, data.train_labels, data.classes, seed)
            rows += [{"depth": depth, "seed": seed} | row for row in found]
    keys = ("sigma_b2", "width", "batch_size", "steps", "examples")
    run = {key: settings[key] for key in keys} | {"dataset": arguments.dataset.name}
    made_by = {"run": run, "data": data.facts, "dataset_sha256": data.sha256}
    write(TRAINABILITY, pd.DataFrame(rows), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
