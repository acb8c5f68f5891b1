"""Write one data set into a folder: python src/prepare_dataset.py mnist_5k --output results/..."""

from command_line import run_script

import argparse
from pathlib import Path

from gradient_atlas.datasets.prepare import NAMES, prepare


def main() -> None:
    """Parse the arguments, prepare the data set and say where it came from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help=f"{', '.join(NAMES)}, or the path of a .npz file")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--mirror", help="base address or folder with the published files")
    parser.add_argument(
        "--perturbation", type=float, default=0.0, help="relative change of every input when loaded"
    )
    arguments = parser.parse_args()
    origin = prepare(
        arguments.dataset,
        arguments.output,
        arguments.mirror,
        perturbation=arguments.perturbation,
    )
    print(f"{arguments.dataset}: {arguments.output} written from {origin}")


if __name__ == "__main__":
    run_script(main)
