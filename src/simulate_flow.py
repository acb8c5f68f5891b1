"""Descent beside its gradient flow: paths, the loss around them, orders, and times of escape."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.flow_experiment import simulate
from gradient_atlas.dynamics.network_loss import network_losses
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import ESCAPE, FLOW, LANDSCAPE, ORDER

TABLES = {"flow": FLOW, "landscape": LANDSCAPE, "order": ORDER, "escape": ESCAPE}


def main() -> None:
    """Parse, simulate every problem, write four tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.flow as JSON")
    parser.add_argument("--dataset", type=Path, required=True, help="the network's data set")
    for table in TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    network = arguments.settings["network"]
    networks, made_by = network_losses(arguments.dataset, network | {"precision": "float64"})
    # The columns of a problem without a network must not say the network's rate and horizon.
    kept = {"examples", "hidden_widths", "dataset", "architecture", "architecture_options"}
    made_by["run"] = {key: value for key, value in made_by["run"].items() if key in kept}
    made_by["settings"] = arguments.settings
    for table, frame in simulate(arguments.settings, networks).items():
        write(TABLES[table], frame, getattr(arguments, table), made_by)


if __name__ == "__main__":
    run_script(main)
