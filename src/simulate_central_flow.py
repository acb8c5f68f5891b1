"""Full-batch descent of a small network beside its central flow and its gradient flow."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.central_flow import compare
from gradient_atlas.dynamics.network_loss import network_losses
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import CENTRAL_FLOW


def main() -> None:
    """Load, follow the three paths for each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="dynamics.central_flow as JSON"
    )
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings = arguments.settings
    networks, made_by = network_losses(arguments.dataset, settings)
    keys = ("learning_rate", "steps", "every", "substeps")
    rows = [
        {"seed": seed} | row
        for seed, loss in networks.items()
        for row in compare(loss, *(settings[key] for key in keys))
    ]
    write(CENTRAL_FLOW, pd.DataFrame(rows), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
