"""Sharpness of a network under heavy ball, Nesterov and Adam, and where each diverges."""

from command_line import Json, run_script

import argparse
import dataclasses
from itertools import product
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics import optimizers
from gradient_atlas.dynamics.network_loss import network_losses
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas import dynamics as schemas
from gradient_atlas.theory.stability import threshold


def main() -> None:
    """Parse, follow each optimiser for each seed, bisect, write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.edges, JSON")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--edges", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--thresholds", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings = arguments.settings
    networks, made_by = network_losses(arguments.dataset, settings)
    edges = []
    for name, given in settings["optimizers"].items():
        steps, rule = given["steps"], {k: v for k, v in given.items() if k != "steps"}
        shared = {k: given[k] for k in ("learning_rate", "momentum", "steps")}
        shared |= {"threshold": threshold(name, given["learning_rate"], given["momentum"])}
        for seed, loss in networks.items():
            path = optimizers.edge_path(
                loss, optimizers.build(name, **rule), steps, settings["every"]
            )
            here = shared | {"optimizer": name, "seed": seed}
            edges += [here | dataclasses.asdict(point) for point in path]
    steps = settings["thresholds"]["steps"]
    thresholds = []
    for name, momentum in product(settings["optimizers"], settings["thresholds"]["momenta"]):
        known = threshold(name, 1.0, momentum)  # on ½ θ²; the search begins above it
        bracket = optimizers.diverging_rate(name, momentum, 2 * known, steps)
        thresholds.append((name, momentum, *bracket, known))
    frame = pd.DataFrame(edges).rename(columns={"loss": "train_loss"})
    write(schemas.OPTIMIZER_EDGES, frame, arguments.edges, made_by)
    rows = pd.DataFrame(thresholds, columns=schemas.OPTIMIZER_THRESHOLDS.names)
    write(schemas.OPTIMIZER_THRESHOLDS, rows, arguments.thresholds, {"run": settings["thresholds"]})


if __name__ == "__main__":
    run_script(main)
