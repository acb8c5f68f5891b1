"""Tabulate activations and their derivatives, and the gradients of scalar chains."""

from command_line import run_script

import argparse
from pathlib import Path

from gradient_atlas.networks.derivatives import linear_chain, tabulate
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.theory import ACTIVATIONS, LINEAR_CHAIN


def main() -> None:
    """Compute and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", nargs="+", required=True, help="names")
    parser.add_argument("--largest", type=float, default=8.0, help="end of the grid of z")
    parser.add_argument("--spacing", type=float, default=0.01, help="of the grid of z")
    parser.add_argument("--factors", type=float, nargs="+", required=True, help="of the chains")
    parser.add_argument("--layers", type=int, required=True, help="of the chains")
    parser.add_argument("--table", type=Path, required=True, help="Parquet file: activations")
    parser.add_argument("--chain", type=Path, required=True, help="Parquet file: linear_chain")
    arguments = parser.parse_args()
    grid = {"largest": arguments.largest, "spacing": arguments.spacing}
    write(ACTIVATIONS, tabulate(arguments.activations, **grid), arguments.table, {"grid": grid})
    chain = linear_chain(arguments.factors, arguments.layers)
    write(LINEAR_CHAIN, chain, arguments.chain, {"layers": arguments.layers})


if __name__ == "__main__":
    run_script(main)
