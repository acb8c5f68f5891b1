"""Put the claims of every perturbation into one table and one page."""

from command_line import Json, run_script

import argparse
from pathlib import Path

from gradient_atlas.claims.robustness import page, tabulate
from gradient_atlas.tables.files import read, write
from gradient_atlas.tables.schemas.claims import ROBUSTNESS


def main() -> None:
    """Read the tables of claims, write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--claims", action=Json, required=True, help="JSON: table of claims by perturbation"
    )
    parser.add_argument("--table", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--page", type=Path, required=True, help="Markdown file to write")
    arguments = parser.parse_args()
    table = tabulate({name: read(Path(file)) for name, file in arguments.claims.items()})
    write(ROBUSTNESS, table, arguments.table, {"perturbations": list(arguments.claims)})
    arguments.page.parent.mkdir(parents=True, exist_ok=True)
    arguments.page.write_text(page(table))


if __name__ == "__main__":
    run_script(main)
