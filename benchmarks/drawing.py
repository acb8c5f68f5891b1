"""What deciding claims and drawing cost over many runs: seconds, and memory of the largest process.

    python benchmarks/drawing.py 100 1000 10000

Tables of made-up numbers are written as a trainer writes them, of runs of so many layers and logged
steps, for the sweep of the figure ``training_loss``; its claims are decided and the figure is drawn
from them by the project's own scripts. The tables lie in a folder of the system's temporary ones
(``TMPDIR``; two gigabytes for 10,000 runs of 50 layers and 100 steps) and are removed after.
"""

from command_line import run_script

import argparse
import dataclasses
import functools
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from fit import exponents
from planning import PROJECT, Cost, measured

from figures.training_loss import TABLES
from gradient_atlas.runs.sweep import expand_sweep
from gradient_atlas.tables import files, provenance
from gradient_atlas.tables.schemas.training import GRADIENTS, METRICS

FIGURE = "training_loss"
EPOCHS = 10  # that the logged steps are spread over


def sweep_of(runs: int) -> dict[str, Any]:
    """The default config's sweep of the figure, with learning rates enough for so many runs."""
    default = yaml.safe_load((PROJECT / "config/config.yaml").read_text())
    sweep = default["training"]["sweeps"][FIGURE]
    number = math.ceil(runs / len(sweep["variants"]))
    rates = [float(f"{rate:.6g}") for rate in np.geomspace(1e-3, 1.0, number)]
    return sweep | {"grid": {"learning_rate": rates}}


def columns(schema: pa.Schema, layers: int, steps: int) -> pd.DataFrame:
    """Rows of one run: norms that wander over the layers and a loss that falls."""
    noise = np.random.default_rng(0)
    places = {
        "seed": np.zeros(layers * steps, dtype=int),
        "step": np.repeat(np.arange(steps) * 10, layers),
        "epoch": np.repeat(np.linspace(0, EPOCHS, steps), layers),
        "layer": np.tile(np.arange(1, layers + 1), steps),
        "status": ["ok"] * (layers * steps),
        "first_nonfinite_step": [None] * (layers * steps),
        "train_loss": np.repeat(np.geomspace(2.3, 0.3, steps), layers),
    }
    made = {
        name: places[name] if name in places else noise.lognormal(size=layers * steps)
        for name in schema.names
    }
    return pd.DataFrame(made)


def write_tables(sweep: dict[str, Any], results: Path, layers: int, steps: int) -> None:
    """Write the tables of every run of the sweep."""
    provenance.code_digest = functools.cache(provenance.code_digest)  # it is always the same
    rows = {"gradients": columns(GRADIENTS, layers, steps), "metrics": columns(METRICS, 1, steps)}
    schemas = {"gradients": GRADIENTS, "metrics": METRICS}
    for number, (path, run) in enumerate(expand_sweep(FIGURE, sweep).items()):
        loss = rows["metrics"]["train_loss"] * (1 + 0.1 * math.sin(number))
        data = {"classes": 10, "test_rows": 1000, "training_rows": 2000}
        made_by = {"run": dataclasses.asdict(run), "data": data, "seeds": [0]}
        for table, frame in rows.items():
            made = frame.assign(train_loss=loss) if table == "metrics" else frame
            place = results / f"training/{FIGURE}/{table}/{path}/{files.FILE}"
            files.write(schemas[table], made, place, made_by)


def costs(sweep: dict[str, Any], folder: Path) -> dict[str, Cost]:
    """What each script takes for this folder's tables."""
    members = {"grid": sweep["grid"], "variants": {name: {} for name in sweep["variants"]}}
    where = ["--results", "results", "--sweeps", json.dumps({f"training/{FIGURE}": members})]
    claims = ["--figures", json.dumps({FIGURE: TABLES}), "--output", "claims.parquet"]
    claims += ["--markdown", "claims.md"]
    draw = [FIGURE, "--tables", json.dumps(TABLES), "--output", FIGURE]
    scripts = {"check_claims.py": claims, "draw_figure.py": draw}
    return {
        script: measured([sys.executable, str(PROJECT / "src" / script), *words, *where], folder)
        for script, words in scripts.items()
    }


def main() -> None:
    """Print a line a script and number of runs, and the exponents between them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=int, nargs="+")
    parser.add_argument("--layers", type=int, default=50)
    parser.add_argument("--steps", type=int, default=100, help="that are logged of each run")
    arguments = parser.parse_args()
    found: dict[str, list[tuple[int, Cost]]] = {}
    for runs in arguments.runs:
        with tempfile.TemporaryDirectory() as temporary:
            sweep = sweep_of(runs)
            write_tables(sweep, Path(temporary, "results"), arguments.layers, arguments.steps)
            for script, cost in costs(sweep, Path(temporary)).items():
                found.setdefault(script, []).append((runs, cost))
                print(
                    f"{runs:6d} runs  {script:16s} {cost.seconds:7.1f} s  {cost.memory:6.0f} MB  "
                    f"{cost.processor:7.1f} s of processor",
                    flush=True,
                )
    for script, of_runs in found.items():
        for what in ("processor", "memory"):
            points = [(runs, getattr(cost, what)) for runs, cost in of_runs]
            for few, many, exponent in exponents(points):
                print(
                    f"{script}: from {few} to {many} runs, {what} grows as runs ** {exponent:.2f}"
                )


if __name__ == "__main__":
    run_script(main)
