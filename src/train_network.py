"""Train the network of one run with each seed; write what every module and the loss did."""

from command_line import kept, run_script, training_parser

import dataclasses
import json
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import image_shape, load
from gradient_atlas.networks.feedforward import PRECISIONS
from gradient_atlas.runs.network import parse_network_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.modules import MODULES
from gradient_atlas.tables.schemas.training import METRICS
from gradient_atlas.training.checkpoints import Checkpoint
from gradient_atlas.watching.training import train


def main() -> None:
    """Read the arguments, train, and write both tables."""
    parser = training_parser(__doc__)
    parser.add_argument("--dataset", required=True, type=Path, help="folder of a prepared data set")
    parser.add_argument("--modules", required=True, type=Path, help="Parquet file to write")
    parser.add_argument("--metrics", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()

    run = parse_network_run(arguments.run)
    prepare_torch()
    data = load(arguments.dataset, PRECISIONS[run.precision], run.training_examples)
    made_by = {
        # One text, so that runs can be told apart and grouped by it.
        "run": dataclasses.asdict(run)
        | {"architecture_options": json.dumps(run.architecture_options or {}, sort_keys=True)},
        "data": data.facts,
        "seeds": arguments.seeds,
        "dataset": data.sha256,
    }
    shape = image_shape(arguments.dataset)
    whole = made_by | {"run": dataclasses.asdict(run)}
    with Checkpoint(*kept(arguments), whole) as checkpoint:
        trained = train(run, data, shape, arguments.seeds, checkpoint)
        for schema, rows, path in (
            (MODULES, trained.modules, arguments.modules),
            (METRICS, trained.metrics, arguments.metrics),
        ):
            tables.write(schema, pd.DataFrame(rows, columns=schema.names), path, made_by)


if __name__ == "__main__":
    run_script(main)
