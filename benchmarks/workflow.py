"""How long the whole workflow takes: builds, what they do again, and the tests; in minutes.

`make benchmark ARGS=--whole` measures these too, into results/benchmarks_whole.parquet, where the
page finds them afterwards. Builds start from nothing in a folder of their own.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from contest import environments, snakemake
from measurements import PROJECT, FailedError, Row, cores, measured

FIGURE = "quadratic_trajectories"  # the one that is drawn alone
FIRST_VENUE, OTHER_VENUE = "style={venue: icml, column: half}", "style={venue: icml}"


def builds(folder: Path) -> Iterator[Row]:
    """Seconds of builds that compute everything, and of what they do again."""
    computed = ["--config", "tables=null"]
    steps: dict[str, tuple[str, list[object]]] = {
        "smoke build": ("smoke", ["--configfile", PROJECT / "config/smoke.yaml", *computed]),
        "default build": ("default", computed),
        "the same again, nothing to do": ("default", computed),
        "one figure for another venue": (
            "default",
            [f"figures/{FIGURE}.pdf", *computed, FIRST_VENUE],
        ),
        "every figure for another venue": ("default", [*computed, OTHER_VENUE]),
    }
    yield from _each("workflow", steps, folder)


def from_archive(folder: Path) -> Iterator[Row]:
    """Seconds of every figure with the tables of the archive that lies beside the README."""
    steps: dict[str, tuple[str, list[object]]] = {
        "every figure, with the archive's tables": ("archive", [])
    }
    yield from _each("archive", steps, folder)


def _each(part: str, steps: dict[str, tuple[str, list[object]]], folder: Path) -> Iterator[Row]:
    """Seconds of each command, one after the other, and the efficiency of the builds."""
    for name, (place, words) in steps.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            command = [*snakemake(cores()), *words]
            seconds = measured(command, folder / place, environments()[0]).seconds
        except FailedError as failure:
            yield Row(part, name, cores(), 0, "time", float("nan"), "s", str(failure))
            continue
        yield Row(part, name, cores(), 0, "time", seconds, "s")
        if name.endswith(" build"):
            share = job_seconds(folder / place / "logs") / (seconds * cores())
            yield Row(part, name, cores(), 0, "efficiency", share, "1")


def tests() -> Iterator[Row]:
    """Seconds of the README's test command."""
    print("make test ...", file=sys.stderr, flush=True)
    try:
        seconds = measured(["make", "test"], PROJECT, environments()[0]).seconds
        yield Row("tests", "make test", cores(), 0, "time", seconds, "s")
    except FailedError as failure:
        yield Row("tests", "make test", cores(), 0, "time", float("nan"), "s", str(failure))


def job_seconds(logs: Path) -> float:
    """Seconds of all jobs together, each from its start to its end, as Snakemake noted them."""
    return sum(float(pd.read_csv(file, sep="\t")["s"].sum()) for file in logs.rglob("*.tsv"))
