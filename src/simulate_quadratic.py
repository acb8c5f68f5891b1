"""Gradient descent on a quadratic: paths, contraction per step, and the threshold by bisection."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.dynamics.quadratic_experiment import convergence, paths, thresholds
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.dynamics import CONVERGENCE, QUADRATIC, THRESHOLD


def main() -> None:
    """Parse, simulate, write three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="dynamics.quadratic as JSON")
    parser.add_argument("--paths", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--convergence", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--threshold", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    prepare_torch(flush_denormal=False)
    settings = arguments.settings
    spectrum, start, momenta = settings["spectrum"], settings["start"], settings["momenta"]
    scan, made_by = settings["scan"], {"settings": settings}
    descents = paths(spectrum, start, settings["learning_rates"], settings["steps"])
    write(QUADRATIC, descents, arguments.paths, made_by)
    rates = convergence(
        spectrum, start, momenta, scan["largest_rate"], scan["rates"], scan["steps"]
    )
    write(CONVERGENCE, rates, arguments.convergence, made_by)
    bracket = thresholds(spectrum, start, momenta, settings["bisection_steps"])
    write(THRESHOLD, bracket, arguments.threshold, made_by)


if __name__ == "__main__":
    run_script(main)
