"""Train one recurrent network with each seed; write error signals against lag, and losses."""

from command_line import kept, run_script, training_parser

import dataclasses
from pathlib import Path

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.runs.recurrent import parse_recurrent_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.training import RECURRENT, RECURRENT_LOSSES
from gradient_atlas.training.checkpoints import Checkpoint
from gradient_atlas.training.recurrent_loop import train


def main() -> None:
    """Read the arguments, train, and write both tables."""
    parser = training_parser(__doc__)
    parser.add_argument("--signals", required=True, type=Path, help="Parquet file to write")
    parser.add_argument("--losses", required=True, type=Path, help="Parquet file to write")
    parser.add_argument(
        "--perturbation", type=float, default=0.0, help="relative change of every input"
    )
    arguments = parser.parse_args()

    run = parse_recurrent_run(arguments.run)
    prepare_torch()
    label, perturbation = arguments.signals.parent.name, arguments.perturbation
    made_by = {"run": dataclasses.asdict(run), "seeds": arguments.seeds}
    with Checkpoint(*kept(arguments), made_by | {"perturbation": perturbation}) as checkpoint:
        signals, losses = train(run, arguments.seeds, label, perturbation, checkpoint)
        tables.write(RECURRENT, signals, arguments.signals, made_by)
        tables.write(RECURRENT_LOSSES, losses, arguments.losses, made_by)


if __name__ == "__main__":
    run_script(main)
