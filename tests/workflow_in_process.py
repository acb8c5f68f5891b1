"""The workflow's own jobs, run inside the test's process: a small build takes seconds.

Snakemake plans, so every rule, parameter and input is the workflow's; the script of each planned
command is imported and called with the command's arguments. A job whose command, code and inputs
are known already is not run again, whatever folder its output had: a mutated config computes only
what it touches. GRADIENT_ATLAS_TEST_CACHE names a folder that keeps the jobs from one run of
pytest to the next.
"""

import contextlib
import hashlib
import importlib
import io
import logging
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)

PROJECT = Path(__file__).parents[1]
SNAKEFILE = PROJECT / "workflow/Snakefile"
sys.path.append(str(PROJECT / "src"))


@dataclass(frozen=True)
class Job:
    """A job of a plan: its rule, its script and the script's arguments, what it reads and writes.

    ``command`` is what a shell would be given. ``sweep`` is the training sweep that it belongs to,
    if any; ``key`` is the same for jobs that write the same bytes.
    """

    rule: str
    sweep: str | None
    script: Path
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    key: str
    command: str


class NotPlannedError(Exception):
    """The workflow refuses the config; the message is what a user would read."""


def plan(config: Mapping[str, Any], targets: Sequence[str], folder: Path) -> list[Job]:
    """Return the jobs that these targets need in an empty folder, each after what it reads.

    Of an archive none is taken, unless the config names one.

    Raises:
        NotPlannedError: the config is refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("snakemake.logging").setLevel(logging.ERROR)
    said = io.StringIO()
    with (
        _working_in(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api,
    ):
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config={"tables": None, **config}),
            snakefile=SNAKEFILE,
            workdir=folder,
        )
        try:
            workflow.dag(dag_settings=DAGSettings(targets=set(targets))).printrulegraph()
            dag = workflow._workflow.dag
            jobs = list(dag.toposorted(set(dag.jobs)))
        except WorkflowError as error:
            raise NotPlannedError(str(error)) from error
        made_by: dict[str, str] = {}
        return [_job(job, made_by) for level in jobs for job in sorted(level, key=str)]


def _job(job: Any, made_by: dict[str, str]) -> Job:
    words = shlex.split(job.shellcmd)
    ends = [words.index(end) for end in ("2>", "2>&1", "|") if end in words]
    # Before it stand variables of the environment, which this process has its own way of setting.
    start = words.index("python") + 1
    script, *arguments = words[start : min(ends)] if ends else words[start:]
    inputs, outputs = tuple(map(str, job.input)), tuple(map(str, job.output))
    digest = hashlib.sha256()
    places = {output: f"output {number}" for number, output in enumerate(outputs)}
    for word in (Path(script).name, *arguments):
        digest.update(places.get(word, word).encode() + b"\0")
    for file in sorted(inputs):
        digest.update((made_by.get(file) or _digest_of(str(Path(file).absolute()))).encode())
    made_by |= dict.fromkeys(outputs, digest.hexdigest())
    sweep = job.wildcards_dict.get("sweep")
    return Job(
        job.rule.name,
        sweep,
        Path(script),
        tuple(arguments),
        inputs,
        outputs,
        digest.hexdigest(),
        job.shellcmd,
    )


@cache
def _digest_of(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def needed(jobs: Sequence[Job], target: str) -> list[Job]:
    """Those of a plan's jobs that this file needs, in the plan's order, its own the last."""
    wanted, found = {target}, []
    for job in reversed(jobs):
        if wanted & set(job.outputs):
            found.append(job)
            wanted |= set(job.inputs)
    return found[::-1]


def run(jobs: Sequence[Job], folder: Path, kept: Path) -> None:
    """Run the jobs in ``folder``, taking from ``kept`` what was computed before."""
    for job in jobs:
        store = kept / job.key
        if not store.exists():
            with _working_in(folder):
                _call(job)
            kept.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept, ignore_cleanup_errors=True) as begun:
                for number, output in enumerate(job.outputs):
                    Path(begun, str(number)).write_bytes((folder / output).read_bytes())
                with contextlib.suppress(OSError):  # another worker of pytest was first
                    Path(begun).rename(store)
        for number, output in enumerate(job.outputs):
            place = folder / output
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.hardlink_to(store / str(number))


def _call(job: Job) -> None:
    import torch

    for output in job.outputs:
        Path(output).unlink(missing_ok=True)
        Path(output).parent.mkdir(parents=True, exist_ok=True)
    before, threads = sys.argv, torch.get_num_threads()
    sys.argv = [str(job.script), *job.arguments]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            importlib.import_module(job.script.stem).main()
    finally:
        # A script sets these for its process; here they must not reach other tests.
        sys.argv = before
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
