"""Train the network of one run with each seed; write what every layer and the loss did."""

from command_line import kept, run_script, training_parser

import dataclasses
import importlib
from pathlib import Path

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.networks.feedforward import PRECISIONS
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.training import GRADIENTS, METRICS
from gradient_atlas.training.checkpoints import Checkpoint
from gradient_atlas.training.loop import train


def main() -> None:
    """Read the arguments, train, and write both tables."""
    parser = training_parser(__doc__)
    parser.add_argument("--dataset", required=True, type=Path, help="folder of a prepared data set")
    parser.add_argument("--gradients", required=True, type=Path, help="Parquet file to write")
    parser.add_argument("--metrics", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()

    run = parse_run(arguments.run)
    prepare_torch()
    data = load(arguments.dataset, PRECISIONS[run.precision], run.training_examples)
    made_by = {
        "run": dataclasses.asdict(run),
        "data": data.facts,
        "seeds": arguments.seeds,
        "dataset": data.sha256,
    }
    label = f"{run.activation} {run.initialization} depth={run.depth}"
    with Checkpoint(*kept(arguments), made_by) as checkpoint:
        trained = train(run, data, arguments.seeds, label, checkpoint)
        tables.write(GRADIENTS, trained.gradients, arguments.gradients, made_by)
        tables.write(METRICS, trained.metrics, arguments.metrics, made_by)


if __name__ == "__main__":
    # LARS and LAMB alone need it: 0.6 s a job.
    run_script(main, warm_up=lambda: importlib.import_module("pytorch_optimizer"))
