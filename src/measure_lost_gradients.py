"""Cast one network's gradient to narrow floating-point formats and count what becomes 0."""

from command_line import run_script, training_parser

import dataclasses
from pathlib import Path

import pandas as pd
import torch

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.ensembles.half_precision import lost_shares
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.ensembles import LOST_SHARES


def main() -> None:
    """Load, draw the network with each seed, count, write one table."""
    parser = training_parser(__doc__)
    parser.add_argument("--loss-scales", required=True, type=int, nargs="+", help="k of 2^k")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of a prepared data set")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    # What is lost is lost in the cast: what is cast is computed as exactly as can be.
    run = dataclasses.replace(parse_run(arguments.run), precision="float64")
    # The smallest numbers of a format are its denormal ones, and count here.
    prepare_torch(flush_denormal=False)
    data = load(arguments.dataset, torch.float64)
    probe = slice(run.probe_examples)
    batch = data.train_inputs[probe], data.train_labels[probe], data.classes
    rows = [
        row
        for seed in arguments.seeds
        for row in lost_shares(run, *batch, arguments.loss_scales, seed)
    ]
    made_by = {"run": dataclasses.asdict(run), "data": data.facts, "dataset": data.sha256}
    write(LOST_SHARES, pd.DataFrame(rows), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
