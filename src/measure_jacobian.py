"""Singular values of the input-output Jacobian of one kind of random network, at many depths."""

from command_line import Json, run_script

import argparse
from pathlib import Path

import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.ensembles.jacobian import Ensemble, singular_values
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.ensembles import JACOBIAN
from gradient_atlas.theory.isometry import critical_point
from gradient_atlas.theory.nonlinearity import from_torch


def main() -> None:
    """Put the network on the critical line, draw it with each seed, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="width, depths, seeds and a network as JSON"
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch()
    settings = arguments.settings
    network = {key: settings[key] for key in ("activation", "initialization", "variance")}
    activation = from_torch(get_activation(network["activation"]))
    point = critical_point(activation, network["variance"])
    ensemble = Ensemble(
        **network, sigma_w2=point.sigma_w2, sigma_b2=point.sigma_b2, width=settings["width"]
    )
    rows = [
        pd.DataFrame({"singular_value": found, "rank": range(1, len(found) + 1)}).assign(
            seed=seed, depth=depth
        )
        for seed in settings["seeds"]
        for depth, found in singular_values(ensemble, settings["depths"], seed)
    ]
    made_by = {"run": network | {"width": settings["width"]}}
    write(JACOBIAN, pd.concat(rows, ignore_index=True), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
