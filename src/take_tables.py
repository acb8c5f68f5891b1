"""Take tables out of an archive, each as it was computed; nothing is trained."""

from command_line import run_script

import argparse
import json
from pathlib import Path

from gradient_atlas.tables.archive import read_index, take


def main() -> None:
    """Write the tables, and the list of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--tables", nargs="+", help="their folders below the results")
    group.add_argument("--all", action="store_true", help="every table of the archive")
    parser.add_argument("--results", type=Path, required=True, help="folder of all tables")
    parser.add_argument("--list", type=Path, required=True, help="JSON file: what was taken")
    arguments = parser.parse_args()
    names = [f"{folder}/part.parquet" for folder in arguments.tables or ()]
    names = sorted(read_index(arguments.archive)) if arguments.all else names
    take(arguments.archive, names, arguments.results)
    arguments.list.write_text(json.dumps(names, indent=0) + "\n")


if __name__ == "__main__":
    run_script(main)
