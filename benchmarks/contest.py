"""The same work by this project and by what people would use instead, in turn on one machine.

The work: a perceptron of 50 layers on 4,000 images of MNIST in batches of 128, five epochs, the
gradient norm of every layer's weights at the same steps. Alone, each is one process from its start
to its end; as a sweep, 12 learning rates: a peer starts a process for each, as many at once as
there are cores, and the project runs them by its own workflow, whose planning counts. All peers are
first held against the project's norms, with the same weights and images.

A peer logs what is compared here and nothing else. The project evaluates no loss here and measures
its norms on as many rows as the peers do, those of a minibatch; error signals, activations and
shares of dead units come with them. What its default settings take is a way of its own.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from measurements import ONE_THREAD, PROJECT, Cost, FailedError, Row, cores, measured
from peers import environment
from ratios import OWN

from gradient_atlas import arithmetic
from gradient_atlas.runs.feedforward import Run, format_run
from gradient_atlas.runs.sweep import expand_sweep
from gradient_atlas.tables import files as tables

EVERYTHING = "this project, everything"  # loss on 2,000 rows, norms on 256
PEERS = {
    "notebook": ["notebook.py"],
    "lightning": ["lightning_module.py"],
    "lightning, every step": ["lightning_module.py", "--every-step"],
    "cockpit": ["cockpit_quantity.py"],
}
RATES = [round(0.001 * number, 3) for number in range(1, 13)]  # of a sweep
EXAMPLES, BATCH = 4000, 128  # rows of MNIST-5k for training, and of a minibatch
CHECKED = 256  # rows on which norms are compared before
SAME = 1e-4  # relative; float32 adds 50 layers in another order


@dataclass(frozen=True)
class Work:
    """What is trained; ``folder`` holds the data set and takes what is written."""

    folder: Path
    width: int = 128
    depth: int = 50
    epochs: int = 5
    learning_rate: float = 0.01
    everything: bool = False  # what the project logs by default

    @property
    def parameters(self) -> dict[str, Any]:
        """What the project is told of it, but for the learning rate."""
        logged = {} if self.everything else {"evaluation_examples": 0, "probe_examples": BATCH}
        shape = {"depth": self.depth, "width": self.width, "epochs": self.epochs}
        return {"dataset": "mnist_5k", "batch_size": BATCH} | shape | logged

    @property
    def run(self) -> Run:
        """The project's run."""
        return Run(**self.parameters, learning_rate=self.learning_rate)

    @property
    def images(self) -> Path:
        """The folder of the data set."""
        return self.folder / "results/datasets/mnist_5k"

    @property
    def logged(self) -> list[int]:
        """Steps before the last update that the project logs: 0, powers of two, ends of epochs."""
        epoch = EXAMPLES // self.run.batch_size
        total = self.epochs * epoch
        powers = {2**k for k in range(total.bit_length())}
        return sorted(s for s in {0} | powers | set(range(0, total, epoch)) if s < total)


def environments() -> tuple[dict[str, str], dict[str, str]]:
    """What the project's processes are told, and the peers', whose arithmetic is torch's own."""
    # make hands its ARGS on to every make below it.
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{plain.get('PATH', os.defpath)}"
    own = plain | {"PYTHONPATH": str(PROJECT / "src"), "PATH": path}
    peers = {k: v for k, v in plain.items() if k not in ("PYTHONPATH", arithmetic.CHOICE)}
    return own, peers | ONE_THREAD


def prepare(folder: Path) -> Work:
    """Put the data set where the workflow has it; return the default work on it."""
    work = Work(folder)
    script = PROJECT / "src/prepare_dataset.py"
    command = [sys.executable, script, "mnist_5k", "--output", work.images]
    folder.mkdir(exist_ok=True)
    measured(command, folder, environments()[0])
    return work


def own(work: Work, name: str = "own") -> Cost:
    """One run as a user starts it."""
    output = work.folder / name
    command = [sys.executable, PROJECT / "src/train.py", "--run", format_run(work.run)]
    command += ["--seeds", "0", "--dataset", work.images]
    command += [
        "--gradients",
        output / "gradients.parquet",
        "--metrics",
        output / "metrics.parquet",
    ]
    return measured(command, work.folder, environments()[0])


def loop(work: Work, *words: object) -> Cost:
    """The project's loop in a process that says how long it took (``own_loop.py``)."""
    command = [sys.executable, PROJECT / "benchmarks/own_loop.py", "--dataset", work.images]
    return measured(
        [*command, "--run", format_run(work.run), *words], work.folder, environments()[0]
    )


def peer(way: str, work: Work, *words: object, name: str = "peer") -> Cost:
    """One run of a peer."""
    script, *more = PEERS[way]
    command = [environment.PYTHON, PROJECT / "benchmarks/peers" / script, *more]
    command += ["--images", work.images, "--output", work.folder / name, "--width", work.width]
    command += ["--depth", work.depth, "--epochs", work.epochs]
    command += ["--learning-rate", work.learning_rate, "--logged", *work.logged, *words]
    try:
        return measured(command, work.folder, environments()[1])
    finally:
        shutil.rmtree(work.folder / name, ignore_errors=True)


def usable(work: Work) -> dict[str, str]:
    """For each peer why it cannot be measured, or an empty text once it is found to do the work.

    SystemExit if it runs and its norms at step 0, with the weights and images of the project's
    probe, are not the project's.
    """
    if reason := environment.install():
        return dict.fromkeys(PEERS, reason)
    file = work.folder / "weights.npz"
    said = loop(replace(work, epochs=0, everything=True), "--weights", file)
    expected = json.loads(said.said)["norms"]
    reasons = {}
    for way in PEERS:
        words = ["--weights", file, "--batch-size", CHECKED, "--examples", CHECKED]
        try:
            found = json.loads(peer(way, replace(work, epochs=1), *words).said)["norms"]["0"]
        except FailedError as failure:
            reasons[way] = str(failure)
            continue
        if len(found) != work.depth or not np.allclose(found, expected, rtol=SAME, atol=0):
            sys.exit(f"{way}: norms at step 0 are {found[:3]}..., not {expected[:3]}...")
        reasons[way] = ""
    return reasons


def alone(work: Work, turns: int, reasons: dict[str, str]) -> Iterator[Row]:
    """Each as one process, in turn: seconds, processor seconds, and those of the loop."""
    for way in (way for way, reason in reasons.items() if reason):
        yield Row("alone", way, work.width, 0, "process", np.nan, "s", reasons[way])
    own_works = {OWN: work, EVERYTHING: replace(work, everything=True)}
    ways: dict[str, Callable[[], Cost]] = {
        w: lambda one=one: own(one) for w, one in own_works.items()
    }
    ways |= {w: lambda w=w: peer(w, work) for w, reason in reasons.items() if not reason}
    for turn in range(turns):
        for way, run in ways.items():
            cost = run()
            yield Row("alone", way, work.width, turn, "process", cost.seconds, "s")
            yield Row("alone", way, work.width, turn, "processor", cost.processor, "s")
            yield Row("alone", way, work.width, turn, "memory", cost.memory, "MB")
            seconds = json.loads((loop(own_works[way]) if way in own_works else cost).said)
            yield Row("alone", way, work.width, turn, "loop", seconds["loop_seconds"], "s")


def sweep(work: Work, ways: Sequence[str], reasons: dict[str, str]) -> Iterator[Row]:
    """Twelve runs on all cores, each peer's between two of the project's."""
    turn = 0
    yield Row("sweep", OWN, work.width, turn, "sweep", own_sweep(work), "s")
    for way in ways:
        if reasons.get(way):
            yield Row("sweep", way, work.width, turn, "sweep", np.nan, "s", reasons[way])
            continue
        taken = own_sweep if way == EVERYTHING else partial(peer_sweep, way)
        changed = replace(work, everything=way == EVERYTHING)
        yield Row("sweep", way, work.width, turn, "sweep", taken(changed), "s")
        turn += 1
        yield Row("sweep", OWN, work.width, turn, "sweep", own_sweep(work), "s")


def peer_sweep(way: str, work: Work) -> float:
    """Seconds until the last of a process for each rate has ended, as many at once as cores."""
    works = [replace(work, learning_rate=rate) for rate in RATES]
    start = time.perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(lambda one: peer(way, one, name=str(one.learning_rate)), works))
    return time.perf_counter() - start


def own_sweep(work: Work) -> float:
    """Seconds from the command to its end; the data set is there, the tables are not."""
    shutil.rmtree(work.folder / "results/training", ignore_errors=True)
    sweep = {"base": work.parameters, "grid": {"learning_rate": RATES}, "seeds": [0]}
    config = {"training": {"sweeps": {"benchmark": sweep}}}
    config["arithmetic"] = os.environ.get(arithmetic.CHOICE, arithmetic.PORTABLE)
    (work.folder / "sweep.yaml").write_text(yaml.safe_dump(config))
    metrics = Path("results/training/benchmark/metrics")
    targets = [metrics / path / "part.parquet" for path in expand_sweep("benchmark", sweep)]
    command = [*snakemake(cores()), "--configfile", "sweep.yaml", "--", *targets]
    seconds = measured(command, work.folder, environments()[0]).seconds
    ended = tables.read([work.folder / target for target in targets])["status"]
    if not (ended == "ok").all():
        sys.exit("sweep of the project: a run diverged, and so ended early")
    return seconds


def snakemake(jobs: int) -> list[object]:
    """Snakemake from a folder elsewhere, on the project's rules."""
    words = ["--nolock", "--cores", jobs, "--snakefile", PROJECT / "workflow/Snakefile"]
    return [sys.executable, "-m", "snakemake", *words]
