"""Loss and sharpness of a network, full batch: along descent, or along the gradient flow."""

from command_line import Json, run_script

import argparse
import dataclasses
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.network_loss import network_losses
from gradient_atlas.dynamics.sharpness import descent_path, flow_path
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import FLOW_SHARPNESS, SHARPNESS


def main() -> None:
    """Parse, follow `descent` or `flow` for each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=["descent", "flow"])
    parser.add_argument(
        "--settings", action=Json, required=True, help="dynamics.sharpness for one job, as JSON"
    )
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings, descends = arguments.settings, arguments.method == "descent"
    networks, made_by = network_losses(arguments.dataset, settings)
    keys = ("learning_rate", "steps", "every") if descends else ("horizon", "points", "tolerance")
    rows = []
    for seed, loss in networks.items():
        path = (descent_path if descends else flow_path)(loss, *(settings[key] for key in keys))
        rows += [{"seed": seed} | dataclasses.asdict(point) for point in path]
    frame = pd.DataFrame(rows).rename(columns={"loss": "train_loss"})
    made_by["run"] |= {"method": arguments.method}
    schema = SHARPNESS if descends else FLOW_SHARPNESS
    write(schema, frame[schema.names], arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
