"""What closed forms say of descent on quadratics and of escapes from slow regions."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas import theory as schemas
from gradient_atlas.theory import descent

TABLES = {
    "paths": (schemas.QUADRATIC_PATHS, descent.quadratic_paths),
    "bowl": (schemas.QUADRATIC_BOWL, descent.quadratic_bowl),
    "rates": (schemas.QUADRATIC_RATES, descent.quadratic_rates),
    "thresholds": (schemas.QUADRATIC_THRESHOLDS, descent.quadratic_thresholds),
    "escapes": (schemas.ESCAPES, descent.escapes),
}


def main() -> None:
    """Parse, evaluate, write five tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", action=Json, required=True, help="dynamics.quadratic and flow.escapes, JSON"
    )
    for table in TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True, help="Parquet file to write")
    arguments = parser.parse_args()
    for table, (schema, predict) in TABLES.items():
        part = arguments.settings["escapes" if table == "escapes" else "quadratic"]
        write(schema, predict(part), getattr(arguments, table), {"settings": part})


if __name__ == "__main__":
    run_script(main)
