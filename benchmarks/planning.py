"""What the workflow itself costs: seconds and memory to plan, build and look over many short runs.

    python benchmarks/planning.py 100 1000 10000
    python benchmarks/planning.py --build 100 1000
    python benchmarks/planning.py --build --profile workflow/profiles/slurm 100

A sweep of so many runs over one figure is planned in a copy of the project whose trainer is a stub:
it writes tables of made-up numbers and imports no torch, so that what is left is the workflow. With
``--build`` they are computed too, then planned once more with nothing to do. Processor time and
memory are those of Snakemake and all that it starts; a scheduler's are not among them.
"""

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from fit import exponents
from measurements import PROJECT, Cost, measured

# What `snakemake --dry-run` says with the default profile: how many jobs, and not each one.
PLAN = ["--dry-run", "--quiet", "rules"]
STUB = '''"""Write tables of the right columns, for measuring everything but training."""

from command_line import run_script, training_parser

import dataclasses
from pathlib import Path

import pyarrow as pa

from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.training import GRADIENTS, METRICS


def rows(schema, layers, steps):
    number = {field.name: [0.5] * (layers * steps) for field in schema}
    places = {"seed": [0] * layers * steps, "step": sorted(list(range(steps)) * layers)}
    places |= {"layer": list(range(1, layers + 1)) * steps, "status": ["ok"] * layers * steps}
    places["first_nonfinite_step"] = [None] * layers * steps
    return {name: places.get(name, number[name]) for name in schema.names}


def main():
    parser = training_parser(__doc__)
    for option in ("--dataset", "--gradients", "--metrics"):
        parser.add_argument(option, required=True, type=Path)
    arguments, _ = parser.parse_known_args()  # what else the workflow tells the trainer
    run = parse_run(arguments.run)
    made_by = {"run": dataclasses.asdict(run), "data": {"classes": 10}, "seeds": arguments.seeds}
    tables.write(GRADIENTS, rows(GRADIENTS, LAYERS, STEPS), arguments.gradients, made_by)
    tables.write(METRICS, rows(METRICS, 1, STEPS), arguments.metrics, made_by)


run_script(main)
'''


def project_with_stub(folder: Path, layers: int, steps: int) -> Path:
    """Copy what a build needs, with the stub as trainer."""
    for part in ("config", "src", "workflow", "tests/recorded_verdicts.csv", "environment.yml"):
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
        copy(PROJECT / part, target)
    stub = STUB.replace("LAYERS, STEPS", f"{layers}, {steps}").replace("1, STEPS", f"1, {steps}")
    (folder / "src/train.py").write_text(stub)
    return folder


def config_of(runs: int) -> dict[str, object]:
    """A sweep of so many runs, and a figure that reads them."""
    rates = [round(0.001 + 0.001 * number, 6) for number in range(math.ceil(runs / 6))]
    sweep = {
        "base": {"dataset": "digits", "training_examples": 500, "depth": 3},
        "grid": {"learning_rate": rates},
    }
    return {
        "figures": ["training_loss"],
        "training": {"sweeps": {"training_loss": sweep | {"seeds": [0]}}},
    }


def costs(runs: int, project: Path, folder: Path, actions: dict[str, list[str]]) -> dict[str, Cost]:
    """What each of these ways of calling Snakemake costs for so many runs, one after the other."""
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config_of(runs)))
    snakemake = [sys.executable, "-m", "snakemake", "--nolock", "--configfile", "config.yaml"]
    snakemake += ["--snakefile", str(project / "workflow/Snakefile")]
    return {action: measured([*snakemake, *words], folder) for action, words in actions.items()}


def main() -> None:
    """Print a line a number of runs, and the exponents between them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=int, nargs="+")
    parser.add_argument("--build", action="store_true", help="compute the tables as well")
    parser.add_argument("--profile", help="workflow profile of a cluster, for --build")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--layers", type=int, default=3, help="of the stub's tables")
    parser.add_argument("--steps", type=int, default=2, help="of the stub's tables")
    arguments = parser.parse_args()
    how = (
        ["--workflow-profile", str(Path(arguments.profile).resolve())] if arguments.profile else []
    )
    how += [] if arguments.profile else ["--cores", arguments.cores]
    found: dict[str, list[tuple[int, Cost]]] = {}
    actions = {"plan": PLAN}
    if arguments.build:
        actions |= {"build": how, "look over": PLAN}
    with tempfile.TemporaryDirectory() as temporary:
        project = project_with_stub(Path(temporary, "project"), arguments.layers, arguments.steps)
        for runs in arguments.runs:
            for action, cost in costs(runs, project, Path(temporary, str(runs)), actions).items():
                found.setdefault(action, []).append((runs, cost))
                print(
                    f"{runs:6d} runs  {action:10s} {cost.seconds:7.1f} s  {cost.memory:6.0f} MB  "
                    f"{cost.processor:7.1f} s of processor  {cost.seconds / runs:.4f} s a run",
                    flush=True,
                )
    for action, each in found.items():
        for few, many, exponent in exponents([(runs, cost.seconds) for runs, cost in each]):
            print(f"{action}: from {few} to {many} runs, seconds grow as runs ** {exponent:.2f}")


if __name__ == "__main__":
    main()
