"""Measure everything and write docs/benchmarks.md: `make benchmark`.

    PYTHONPATH=src python benchmarks/benchmark.py            some ten minutes on two idle cores
    PYTHONPATH=src python benchmarks/benchmark.py --quick    a minute: tiny networks, no peers
    PYTHONPATH=src python benchmarks/benchmark.py --whole    and the whole workflow, for an hour
    ... --parts --whole builds tests                         of all only these

Times are wall time or processor time of processes; each comparison is of runs in turn.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import contest
import measurements
import pandas as pd
import planning
import workflow
from measurements import PROJECT, Row, measured

# Width: turns of each way as one process, and the peers whose sweep is measured at it.
WIDTHS: dict[int, tuple[int, list[str]]] = {
    128: (3, ["notebook", "cockpit", "lightning", contest.EVERYTHING]),
    32: (2, ["notebook", contest.EVERYTHING]),
    512: (1, []),
}
SLOWEST_AT = 128  # the first of them, where alone the slowest peer is measured, to save time
MORE_SWEEPS = {32: ["cockpit", "lightning"], 512: ["notebook", "cockpit", "lightning"]}
STEP_REPEATS = {32: 5, 128: 3, 512: 1}
TINY = 16  # the width of --quick
PLANNED = (500, 1000, 2000, 4000)
PARTS = ("alone", "sweep", "step", "growth")
# What --whole measures, and the part of its rows.
WHOLE = {"sweeps": "sweep", "builds": "workflow", "archive": "archive", "tests": "tests"}
KEPT = "measure these; the others' rows stay, if they are of the same machine and versions"
FEWEST = 6  # runs of a plan that costs what none does


def compared(folder: Path, parts: set[str], chosen: set[int], quick: bool) -> Iterator[Row]:
    """This project and its peers: ``alone``, and as a ``sweep``."""
    work = contest.prepare(folder)
    widths = {TINY: (1, [])} if quick else {w: how for w, how in WIDTHS.items() if w in chosen}
    work = replace(work, depth=5, epochs=1) if quick else work
    reasons = {} if quick else contest.usable(work)
    for width, (turns, ways) in widths.items():
        if width != SLOWEST_AT:
            reasons.pop("lightning, every step", None)
        if "alone" in parts:
            yield from contest.alone(replace(work, width=width), turns, reasons)
        if "sweep" in parts and (ways or quick):
            yield from contest.sweep(replace(work, width=width), ways, reasons)


def steps(chosen: set[int], quick: bool) -> Iterator[Row]:
    """A step's products, the loop without and with logging."""
    for width in sorted(chosen):
        repeats = 1 if quick else STEP_REPEATS[width]
        words = ["--width", width, "--repeats", repeats, "--json", *(["--epochs", 1] * quick)]
        found = _said("training_step.py", *words)
        yield Row("step", "products", width, 0, "operations", found["operations"], "1")
        for turn, taken in enumerate(found["turns"]):
            for way, milliseconds in taken.items():
                yield Row("step", way, width, turn, "time", milliseconds, "ms")


def grown(folder: Path, quick: bool) -> Iterator[Row]:
    """Training along each axis, and planning."""
    for axis, value, turn, seconds, memory in _said("growth.py", *(["--quick"] * quick)):
        yield Row("growth", axis, value, turn, "time", seconds, "s")
        yield Row("growth", axis, value, turn, "memory", memory, "MB")
    project = planning.project_with_stub(folder / "planned", layers=3, steps=2)
    how = {"plan": planning.PLAN}
    least = planning.costs(FEWEST, project, folder / "fewest", how)["plan"]
    for runs in (12, 24) if quick else PLANNED:
        cost = planning.costs(runs, project, folder / str(runs), how)["plan"]
        for quantity, more, unit in (
            ("time", cost.processor - least.processor, "s"),
            ("memory", cost.memory - least.memory, "MB"),
        ):
            yield Row("growth", "planned runs", runs, 0, quantity, more, unit)


def measurements_of(folder: Path, parts: set[str], widths: set[int], quick: bool) -> Iterator[Row]:
    """Rows of these parts, as they are measured."""
    if parts & {"alone", "sweep"}:
        yield from compared(folder, parts, widths, quick)
    if "step" in parts:
        yield from steps(widths, quick)
    if "growth" in parts:
        yield from grown(folder, quick)


def _said(script: str, *words: object) -> list | dict:
    """What a benchmark of its own process prints."""
    command = [sys.executable, PROJECT / "benchmarks" / script, *words]
    return json.loads(measured(command, PROJECT, contest.environments()[0]).said)


def whole(folder: Path, builds: Path, chosen: set[str]) -> Iterator[Row]:
    """What takes long."""
    if "sweeps" in chosen:
        work = contest.prepare(folder)
        reasons = contest.usable(work)
        for width, ways in MORE_SWEEPS.items():
            yield from contest.sweep(replace(work, width=width), ways, reasons)
    if "builds" in chosen:
        yield from workflow.builds(builds)
    if "archive" in chosen:
        yield from workflow.from_archive(builds)
    if "tests" in chosen:
        yield from workflow.tests()


def keep(rows: Iterator[Row], table: Path, facts: dict, before: list[Row]) -> None:
    """Write all rows, each shown as it comes; what there is, if they are cut short."""
    found = list(before)
    try:
        for row in rows:
            print(*(str(v) for v in vars(row).values() if v != ""), file=sys.stderr, flush=True)
            found.append(row)
    finally:
        measurements.write(found, table, facts)


def what_stays(table: Path, again: Callable[[pd.DataFrame], pd.Series], facts: dict) -> list[Row]:
    """What is not measured ``again``, if it was on this machine; ``facts`` keep the higher load."""
    rows, then = measurements.read(table)
    rows = rows.loc[~again(rows), measurements.SCHEMA.names]
    if rows.empty or any(then[key] != facts[key] for key in facts if key != "load"):
        return []
    facts["load"] = max(facts["load"], then["load"])
    return [Row(*values) for values in rows.to_numpy()]


def main() -> None:
    """Measure, write the table, have the page written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny, and apart from the page")
    parser.add_argument("--whole", nargs="*", choices=WHOLE, help=f"what takes long: {KEPT}")
    parser.add_argument("--builds", type=Path, help="where whole builds stay; else deleted")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS), help=KEPT)
    parser.add_argument(
        "--widths", nargs="+", type=int, choices=WIDTHS, default=list(WIDTHS), help=KEPT
    )
    parser.add_argument("--results", type=Path, default=PROJECT / "results", help="folder")
    parser.add_argument("--page", type=Path, help="default: docs/benchmarks.md")
    arguments = parser.parse_args()
    name = "benchmarks_quick" if arguments.quick else "benchmarks"
    page = PROJECT / "docs/benchmarks.md"
    page = arguments.page or (arguments.results / f"{name}.md" if arguments.quick else page)
    facts = measurements.machine()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        table, parts = arguments.results / f"{name}.parquet", set(arguments.parts)
        widths = {TINY} if arguments.quick else set(arguments.widths)
        before = what_stays(
            table,
            lambda rows: (
                rows["part"].isin(parts) & (rows["size"].isin(widths) | (rows["part"] == "growth"))
            ),
            facts,
        )
        keep(measurements_of(folder, parts, widths, arguments.quick), table, facts, before)
        if arguments.whole is not None:
            more, facts = table.with_stem(f"{name}_whole"), measurements.machine()
            chosen = set(arguments.whole or WHOLE)
            done = {WHOLE[part] for part in chosen}
            before = what_stays(more, lambda rows: rows["part"].isin(done), facts)
            long = whole(folder / "whole", arguments.builds or folder / "builds", chosen)
            keep(long, more, facts, before)
    writer = [sys.executable, PROJECT / "benchmarks/page.py", table]
    path = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
    subprocess.run([*map(str, writer), "--page", str(page)], env=path, check=True)


if __name__ == "__main__":
    try:
        main()
    except measurements.FailedError as failure:
        sys.exit(f"error: {failure}")
