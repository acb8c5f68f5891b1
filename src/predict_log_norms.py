"""Predict mean and variance of the logarithm of squared norms in random ReLU networks."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.theory import PREDICTED_LOG_NORMS
from gradient_atlas.theory.finite_width import predict_log_norms


def main() -> None:
    """Predict every width at every depth, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action=Json, required=True, help="widths and depths as JSON")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    rows = predict_log_norms(arguments.settings["widths"], arguments.settings["depths"])
    write(PREDICTED_LOG_NORMS, rows, arguments.output, {})


if __name__ == "__main__":
    run_script(main)
