"""Where a training step's time goes: its matrix products alone, the loop, and what it logs.

    PYTHONPATH=src python benchmarks/training_step.py --width 32 --repeats 5

All in one process on one thread, in turn, as processor time: the products of a step by themselves
(each layer's forward product, and two of the backward pass), the loop with an empty schedule of
logged steps, the loop that logs norms on as many rows as a minibatch has and evaluates no loss, and
the loop with all that it logs by default. The network is a ReLU perceptron with He's
initialisation; data are made-up numbers of the size of MNIST-5k.
"""

from command_line import run_script

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from gradient_atlas import arithmetic
from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import Data
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training import loop

INPUTS, CLASSES, EXAMPLES, TESTED = 784, 10, 4000, 1000


def made_up_data(examples: int = EXAMPLES, tested: int = TESTED) -> Data:
    """Normal inputs (examples, 784) and random labels."""
    generator = torch.Generator().manual_seed(0)
    return Data(
        train_inputs=torch.randn(examples, INPUTS, generator=generator),
        train_labels=torch.randint(CLASSES, (examples,), generator=generator),
        test_inputs=torch.randn(tested, INPUTS, generator=generator),
        test_labels=torch.randint(CLASSES, (tested,), generator=generator),
        classes=CLASSES,
        sha256="",
    )


def sizes(run: Run) -> list[tuple[int, int]]:
    """(inputs, outputs) of each layer."""
    return list(pairwise([INPUTS, *[run.width] * (run.depth - 1), CLASSES]))


def operations(run: Run) -> int:
    """Floating-point operations of a step's products; the first layer passes no gradient on."""
    layers = [2 * run.batch_size * n_in * n_out for n_in, n_out in sizes(run)]
    return 3 * sum(layers) - layers[0]


class Products:
    """A step's products on arrays that are there, which is the least a step can take."""

    def __init__(self, run: Run) -> None:
        generator = np.random.default_rng(0)

        # The library that the loop multiplies with, too (``networks.products``).
        portable = arithmetic.is_portable()
        self.dot = np.dot if portable else torch.mm

        def array(*shape: int) -> Any:
            drawn = generator.standard_normal(shape, dtype=np.float32)
            return drawn if portable else torch.from_numpy(drawn)

        empty_like = np.empty_like if portable else torch.empty_like

        batch, layers = run.batch_size, sizes(run)
        self.weights = [array(n_out, n_in) for n_in, n_out in layers]
        self.activations = [array(batch, n) for n in (INPUTS, *(n_out for _, n_out in layers))]
        self.signals = [empty_like(a) for a in self.activations]
        self.gradients = [empty_like(w) for w in self.weights]

    def step(self) -> None:
        """Forward, then backward."""
        for weight, a, z in zip(self.weights, self.activations, self.signals[1:], strict=False):
            self.dot(a, weight.T, out=z)
        for layer in reversed(range(len(self.weights))):
            signal = self.activations[layer + 1]  # numbers of the right shape
            self.dot(signal.T, self.activations[layer], out=self.gradients[layer])
            if layer:
                self.dot(signal, self.weights[layer], out=self.signals[layer])


def turns(run: Run, repeats: int) -> Iterator[dict[str, float]]:
    """Milliseconds of processor time a step, a turn after the other.

    RuntimeError if the loop logs although nothing was asked for, or training diverges.
    """
    prepare_torch()
    data, products = made_up_data(), Products(run)
    steps = loop.total_steps(run, EXAMPLES)
    schedule = loop.log_steps

    def unlogged(run: Run) -> None:
        loop.log_steps = lambda *_: set()
        try:
            if loop.train(run, data, [0]).metrics:
                raise RuntimeError("training.loop no longer asks log_steps what to log")
        finally:
            loop.log_steps = schedule

    def repeated(run: Run) -> None:
        for _ in range(loop.total_steps(run, EXAMPLES)):
            products.step()

    def logged(run: Run) -> None:
        if loop.train(run, data, [0]).metrics["status"][-1] != "ok":
            raise RuntimeError("training diverged, and so ended early")

    def norms(run: Run) -> None:
        logged(replace(run, evaluation_examples=0, probe_examples=run.batch_size))

    ways = {"products": repeated, "unlogged": unlogged, "norms": norms, "logged": logged}
    for do in ways.values():
        do(replace(run, max_steps=8))  # to be warm
    for _ in range(repeats):
        taken = {}
        for way, do in ways.items():
            start = time.process_time()
            do(run)
            taken[way] = (time.process_time() - start) / steps * 1e3
        yield taken


def main() -> None:
    """Print milliseconds a step of each turn, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5, help="of 31 steps each")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="all numbers, for a program")
    arguments = parser.parse_args()
    size = {"depth": arguments.depth, "width": arguments.width, "epochs": arguments.epochs}
    run = Run("random", learning_rate=0.01, **size)
    found = list(turns(run, arguments.repeats))
    if arguments.json:
        print(json.dumps({"turns": found, "operations": operations(run)}))
        return
    for what in found[0]:
        times = [turn[what] for turn in found]
        ratios = [turn[what] / turn["products"] for turn in found]
        print(
            f"{what:9s} {statistics.median(times):7.2f} ms a step   "
            f"{statistics.median(ratios):.2f} x products ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    for what in ("norms", "logged"):
        shares = [turn[what] / turn["unlogged"] for turn in found]
        spread = f"({min(shares):.2f} to {max(shares):.2f})"
        print(f"{what} / unlogged {statistics.median(shares):.2f} {spread}")


if __name__ == "__main__":
    run_script(main)
