"""Predict the variance of the squared singular values of random networks' Jacobians."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.theory import SPECTRA
from gradient_atlas.theory.isometry import predict_spectra


def main() -> None:
    """Predict every network at every depth, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="ensembles.jacobian as JSON")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    settings = arguments.settings
    rows = predict_spectra(settings["networks"], settings["depths"], settings["width"])
    write(SPECTRA, rows, arguments.output, {})


if __name__ == "__main__":
    run_script(main)
