"""Predict order, chaos and depth scales of tanh networks on the plane of σ_w² and σ_b²."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.theory import PHASES
from gradient_atlas.theory.phases import predict_phases


def main() -> None:
    """Predict map, cut and networks, write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="sigma_w2, sigma_b2 and plane as JSON"
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    settings = arguments.settings
    rows = predict_phases(settings["sigma_w2"], settings["sigma_b2"], settings["plane"])
    write(PHASES, rows, arguments.output, {})


if __name__ == "__main__":
    run_script(main)
