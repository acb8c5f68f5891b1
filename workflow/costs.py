"""How long jobs take: what a build of the default config took, and this machine beside that one.

``costs.yaml`` is written by ``benchmarks/costs.py`` from the times that a build leaves in its logs.
A job whose settings are others is taken to need as much longer as its seeds and steps are more.
For what is said to a user alone: no table depends on it.
"""

import contextlib
import json
import math
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from snakemake.logging import logger

from gradient_atlas import arithmetic

_HERE = Path(__file__).resolve().parent
RECORDED = _HERE / "costs.yaml"
_SEEDS = ("seeds",)
_STEPS = ("steps", "max_steps", "epochs")
_WORTH_CALIBRATING = 60.0  # seconds of a build


@dataclass(frozen=True)
class Costs:
    """What was recorded.

    Attributes:
        kinds: by kind of job the ``seconds`` and the ``work`` of all its jobs, and their number.
        start: seconds of a job that does next to nothing.
        calibration: the ``product`` and ``loop`` of the machine, in seconds.
    """

    kinds: Mapping[str, Mapping[str, float]]
    start: float
    calibration: Mapping[str, float]

    def seconds(self, kind: str, work: float) -> float:
        """Estimated seconds of a job on the recorded machine; nan where none was recorded."""
        found = self.kinds.get(kind) or self.kinds.get(kind.partition("/")[0])
        if found is None:
            return math.nan
        # Starting, reading and writing take their time, however little is to be done.
        started = self.start * found["jobs"]
        working = max(0.0, found["seconds"] - started)
        return min(self.start, found["seconds"] / found["jobs"]) + working * work / found["work"]


@cache
def recorded() -> Costs:
    """Read ``costs.yaml``."""
    found = yaml.safe_load(RECORDED.read_text())
    return Costs(found["kinds"], found["start"], found["calibration"])


def kind_of(job: Any) -> str:
    """Which jobs are alike: those of a rule, and of a sweep."""
    return "/".join([job.rule.name, *filter(None, [job.wildcards_dict.get("sweep")])])


def work_of(job: Any) -> float:
    """The work of a job in units of its kind: its seeds times its steps, as its parameters say."""
    parameters = [_read(value) for value in job.params]
    seeds = next((found for key, found in _values(parameters, _SEEDS) if found), [0])
    seeds = getattr(job.params, "seeds", seeds)
    steps = [found for _, found in _values(parameters, _STEPS) if isinstance(found, int | float)]
    return len(seeds) * max(1.0, sum(steps))


def _read(value: Any) -> Any:
    """A parameter as the job's script reads it: JSON as one quoted argument."""
    if isinstance(value, str) and "{" in value:
        with contextlib.suppress(ValueError):
            return json.loads(shlex.split(value)[0])
    return None


def _values(settings: Any, keys: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """What stands under these keys, at any depth."""
    inside = settings.items() if isinstance(settings, Mapping) else ()
    for key, value in inside or (("", one) for one in settings if isinstance(settings, list)):
        if key in keys:
            yield key, value
        elif isinstance(value, Mapping):
            yield from _values(value, keys)


@cache
def slowness() -> float:
    """How many times as long as on the recorded machine work takes here; 1.0: it cannot be said."""
    command = [sys.executable, str(_HERE / "calibration.py")]
    environment = os.environ | {arithmetic.CHOICE: "portable"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return 1.0
    here, there = json.loads(done.stdout), recorded().calibration
    return math.sqrt(here["product"] / there["product"] * here["loop"] / there["loop"])


def estimate(
    jobs: Iterable[Any], cores: int, work: Callable[[Any], float] = work_of
) -> tuple[float, dict[int, float]]:
    """Estimated seconds of a build here, and of each of its jobs by its number.

    A job of a kind that was never recorded counts as an average one.

    Args:
        jobs: Snakemake's, those that are to be run.
        cores: how many run beside each other.
        work: what to take for a job's work; that of recorded and new jobs is compared.
    """
    found = {job.jobid: recorded().seconds(kind_of(job), work(job)) for job in jobs}
    known = [seconds for seconds in found.values() if not math.isnan(seconds)]
    average = sum(known) / len(known) if known else 1.0
    found = {job: average if math.isnan(s) else s for job, s in found.items()}
    factor = slowness() if duration(found.values(), cores) > _WORTH_CALIBRATING else 1.0
    found = {job: seconds * factor for job, seconds in found.items()}
    return duration(found.values(), cores), found


def announce(workflow: Any, work: Callable[[Any], float]) -> None:
    """Say how long the build that begins will take; the progress line goes on from that."""
    jobs = [job for job in workflow.dag.needrun_jobs() if not job.is_norun]
    if jobs:
        cores = min(workflow.resource_settings.cores, os.cpu_count() or 1)
        seconds, each = estimate(jobs, cores, work)
        text = f"{_number(len(jobs), 'job')}, about {in_words(seconds)} on {_number(cores, 'core')}"
        logger.info(text, extra={"costs": each, "cores": cores})


def _number(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def duration(seconds: Iterable[float], cores: int) -> float:
    """Seconds that jobs take beside each other: at least the longest one's."""
    seconds = list(seconds)
    return max(sum(seconds) / max(1, cores), max(seconds, default=0.0))


def in_words(seconds: float) -> str:
    """A duration as one says it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
