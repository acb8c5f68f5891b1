"""Predict the error signals of recurrent networks before training, against lag."""

import argparse
import json
from pathlib import Path

from command_line import run_script
from gradient_atlas.runs.recurrent import parse_recurrent_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.theory import RECURRENT_SIGNALS
from gradient_atlas.theory.recurrent import predict_signals


def main() -> None:
    """Read the runs, predict, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=json.loads, required=True, help="JSON: a list of runs")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    runs = [parse_recurrent_run(parameters) for parameters in arguments.runs]
    tables.write(RECURRENT_SIGNALS, predict_signals(runs), arguments.output, {})


if __name__ == "__main__":
    run_script(main)
