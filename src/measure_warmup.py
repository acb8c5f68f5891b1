"""Loss, gradient and sharpness of a network whose learning rate warms up, at several rates."""

from command_line import Json, run_script

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.network_loss import network_losses
from gradient_atlas.dynamics.sharpness import sharpness
from gradient_atlas.dynamics.warmup import scaled, warmup_path
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import WARMUP


@np.errstate(all="ignore")  # a product that overflows is seen as divergence
def main() -> None:
    """Parse, descend for each seed, warm-up and rate, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.warmup, JSON")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings = arguments.settings
    networks, made_by = network_losses(arguments.dataset, settings)
    steps, every, shown = settings["steps"], settings["every"], settings["shown_rate"]
    rates, rows = sorted({*settings["rates"], shown}), []
    for seed, network in networks.items():
        loss = scaled(network, settings["weight_scale"])
        start = sharpness(loss, loss.start)
        for warmup in settings["warmup_steps"]:
            for rate in rates:
                eta, measured = rate * 2 / start, rate == shown
                here = {"seed": seed, "warmup": warmup, "scaled_rate": rate, "learning_rate": eta}
                here |= {"start_sharpness": start, "shown": measured}
                path = warmup_path(loss, eta, warmup, steps, every, measured)
                rows += [here | dataclasses.asdict(point) for point in path]
    write(WARMUP, pd.DataFrame(rows), arguments.output, made_by)


if __name__ == "__main__":
    run_script(main)
