"""Predict the error signals of recurrent networks before training, against lag."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.runs.recurrent import parse_recurrent_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.theory import RECURRENT_SIGNALS
from gradient_atlas.theory.recurrent import predict_signals


def main() -> None:
    """Read the runs, predict, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help='{"runs": [parameters, ...]} as JSON'
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    runs = [parse_recurrent_run(parameters) for parameters in arguments.settings["runs"]]
    tables.write(RECURRENT_SIGNALS, predict_signals(runs), arguments.output, {})


if __name__ == "__main__":
    run_script(main)
