"""Minibatch training of one network, watched at logged steps.

At a logged step k the state after k updates is measured: every layer on the probe batch, loss and
accuracy on fixed rows, and what the update about to be made does. The data lie in memory as one
tensor each and minibatches are rows of a permutation, so that a step is little more than its matrix
products.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradient_atlas.datasets.load import Data
from gradient_atlas.errors import InputError
from gradient_atlas.networks.backpropagation import Passes, flatten
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training import checkpoints, norms
from gradient_atlas.training.checkpoints import Checkpoint
from gradient_atlas.training.minibatches import (
    generators,
    is_finite,
    loss_and_accuracy,
    minibatches,
)
from gradient_atlas.training.optimizers import Optimizer, build_optimizer, clip_gradients
from gradient_atlas.training.probe import Probe, SharesOff
from gradient_atlas.training.progress import Progress

_PROGRESS_CHECK = 20  # steps between two looks at the clock


@dataclass
class Tables:
    """Rows of the tables ``gradients`` and ``metrics``, columns by name."""

    gradients: dict[str, list[Any]] = field(default_factory=dict)
    metrics: dict[str, list[Any]] = field(default_factory=dict)


def log_steps(total: int, steps_per_epoch: int) -> set[int]:
    """Steps at which to measure: 0, powers of two, ends of epochs, and the last."""
    powers = {2**k for k in range(max(total, 1).bit_length())}
    ends = set(range(0, total + 1, steps_per_epoch))
    return {step for step in powers | ends | {total} if step <= total}


def total_steps(run: Run, examples: int) -> int:
    """Updates of a whole run; what is left of an epoch after the last full minibatch is dropped."""
    total = run.epochs * steps_per_epoch(run, examples)
    return total if run.max_steps is None else min(total, run.max_steps)


def steps_per_epoch(run: Run, examples: int) -> int:
    """Full minibatches in one pass; at least one, with all rows if they are fewer than a batch."""
    return max(1, examples // run.batch_size)


def train(
    run: Run,
    data: Data,
    seeds: Sequence[int],
    progress_label: str | None = None,
    checkpoint: Checkpoint = checkpoints.NONE,
) -> Tables:
    """Train the run's network once for each seed.

    Args:
        run: the parameters.
        data: inputs in the run's precision, (N, d), and labels (N,).
        seeds: each sets the weights and, apart, the order of the examples.
        progress_label: begin lines of progress on stderr with this; None: write none.
        checkpoint: keeps what an unfinished run has done.

    Returns:
        Rows of both tables for all seeds. A run whose minibatch loss or gradient is not finite ends
        there: its last row says ``diverged`` and its ``first_nonfinite_step``; no row is dropped.
        gradient_norm is that of the minibatch which the next update uses, before clipping;
        update_ratio is NaN where no update follows.

    Raises:
        InputError: an unknown activation or initialisation, momentum with LAMB, or batch
            normalisation of single examples.
    """
    if run.normalization == "batch_norm" and min(run.batch_size, len(data.train_inputs)) < 2:
        raise InputError(f"batch_size: {run.batch_size} with batch_norm; it must be at least 2")
    if run.normalization == "batch_norm" and min(run.probe_examples, len(data.train_inputs)) < 2:
        raise InputError(
            f"probe_examples: {run.probe_examples} with batch_norm; it must be at least 2"
        )
    if run.input_scale != 1:
        data = replace(
            data,
            train_inputs=run.input_scale * data.train_inputs,
            test_inputs=run.input_scale * data.test_inputs,
        )
    state = checkpoint.read()
    tables = Tables(state["gradients"], state["metrics"]) if state else Tables()
    for position in range(state.get("position", 0), len(seeds)):
        _train_seed(run, data, seeds, position, tables, progress_label, checkpoint, state)
        state = {}
    return tables


@np.errstate(all="ignore")  # a product that overflows is seen as what it is, and is no surprise
def _train_seed(
    run: Run,
    data: Data,
    seeds: Sequence[int],
    position: int,
    tables: Tables,
    progress_label: str | None,
    checkpoint: Checkpoint,
    state: Mapping[str, Any],
) -> None:
    seed = seeds[position]
    weight_generator, order_generator = generators(seed)
    examples = len(data.train_inputs)
    network = FeedForward(run, data.train_inputs.shape[1], data.classes, weight_generator)
    parameters = network.trained_parameters
    whole = flatten(parameters)
    batch = data.train_inputs.new_empty(min(run.batch_size, examples), *data.train_inputs.shape[1:])
    passes = Passes(network, batch, "train", parameters)
    # The layer-wise ones must know what is a layer; to the others all numbers are one tensor.
    layerwise = run.optimizer in ("lars", "lamb")
    optimizer = build_optimizer(run, parameters if layerwise else [whole])
    gradients = passes.gradients if layerwise else [passes.gradient]
    recorder = _Recorder(run, data, seed, tables, network)
    epoch_steps, total = steps_per_epoch(run, examples), total_steps(run, examples)
    logged = log_steps(total, epoch_steps)
    kept, first = checkpoints.tensors_of(network), state.get("step", 0)
    if state:
        checkpoints.put_back(state, kept, optimizer)
    progress = Progress(f"{progress_label} seed={seed}", total, first) if progress_label else None

    batches = minibatches(examples, run.batch_size, order_generator, first)
    for step in range(first, total + 1):
        if checkpoint.is_due():
            here = {"position": position, "step": step} | vars(tables)
            checkpoint.write(checkpoints.state_of(kept, optimizer) | here)
        rows = next(batches)
        torch.index_select(data.train_inputs, 0, rows, out=batch)
        passes.forward()
        loss = passes.backward(data.train_labels[rows])
        finite = is_finite(loss, [passes.gradient])
        gradient_norm = clipped_norm = math.nan
        if run.clip_norm is not None:
            (scaled,), gradient_norm, clipped_norm = clip_gradients(
                [passes.gradient], run.clip_norm
            )
            passes.gradient.copy_(scaled)
        if step in logged or not finite:
            if run.clip_norm is None:
                gradient_norm = clipped_norm = norms.global_norm([passes.gradient])
            recorder.record(step, step / epoch_steps, gradient_norm, clipped_norm, finite)
        if progress is not None and step % _PROGRESS_CHECK == 0 and progress.is_due():
            progress.report(step, float(loss))
        if step == total or not finite:
            break
        if step in logged:
            recorder.record_update(optimizer, gradients)
        else:
            optimizer.step(gradients)
    if progress is not None:
        progress.finish(step, "ok" if finite else "diverged")


class _Recorder:
    """Appends the rows of one seed."""

    def __init__(
        self, run: Run, data: Data, seed: int, tables: Tables, network: FeedForward
    ) -> None:
        self.seed = seed
        self.tables = tables
        self.network = network
        train_inputs, rows = data.train_inputs, run.probe_examples
        self.probe = Probe(network, train_inputs[:rows], data.train_labels[:rows])
        rows = run.evaluation_examples
        self.train = _Evaluation(network, train_inputs[:rows], data.train_labels[:rows])
        self.test = _Evaluation(network, data.test_inputs[:rows], data.test_labels[:rows])
        self.shares_off = (
            None
            if run.dead_examples is None
            else SharesOff(network, train_inputs[: run.dead_examples])
        )

    def record(
        self,
        step: int,
        epoch: float,
        gradient_norm: float,
        clipped_norm: float,
        finite: bool,
    ) -> None:
        """Measure the network at this step: a row of metrics, and a row of gradients a layer."""
        train_loss, train_accuracy = self.train.measure()
        test_loss, test_accuracy = self.test.measure()
        metrics = {
            "train_loss": train_loss,
            "test_loss": test_loss,
            "train_accuracy": train_accuracy,
            "test_accuracy": test_accuracy,
            "gradient_norm": gradient_norm,
            "clipped_gradient_norm": clipped_norm,
            "status": "ok" if finite else "diverged",
            "first_nonfinite_step": None if finite else step,
        }
        here = {"seed": self.seed, "step": step, "epoch": epoch}
        _extend(self.tables.metrics, {name: [value] for name, value in (here | metrics).items()})
        weights = self.network.weights
        unknown = [math.nan] * len(weights)
        # The initial matrices' alone: at every logged step it would cost more than the step.
        spectral_norms = [norms.spectral_norm(w) for w in weights] if step == 0 else unknown
        columns: dict[str, list[Any]] = {
            name: [value] * len(weights) for name, value in here.items()
        }
        columns |= {"layer": list(range(1, len(weights) + 1))} | vars(self.probe.measure())
        columns |= {"update_ratio": unknown, "float32_changed_fraction": unknown}
        columns |= self.shares_off.measure() if self.shares_off else {}
        _extend(self.tables.gradients, columns | {"weight_spectral_norm": spectral_norms})

    def record_update(self, optimizer: Optimizer, gradients: Sequence[Tensor]) -> None:
        """Make the update and fill in what it changes in the rows just recorded."""
        table, weights = self.tables.gradients, self.network.weights
        before = [weight.detach().clone() for weight in weights]
        optimizer.step(gradients)
        rows = slice(-len(weights), None)
        changes, changed = [], []
        for old, new in zip(before, weights, strict=True):
            change, moved = _change(old, new.detach())
            changes.append(change)
            changed.append(moved)
        sizes = zip(norms.each_norm(changes), table["weight_norm"][rows], strict=True)
        table["update_ratio"][rows] = [c / size if size else math.nan for c, size in sizes]
        table["float32_changed_fraction"][rows] = torch.stack(changed).tolist()


class _Evaluation:
    """Loss and accuracy on the same rows (N, n_inputs) whenever asked; NaN without rows."""

    def __init__(self, network: FeedForward, inputs: Tensor, labels: Tensor) -> None:
        self.labels = labels
        self.passes = Passes(network, inputs, "evaluate") if len(labels) else None

    def measure(self) -> tuple[float, float]:
        if self.passes is None:
            return math.nan, math.nan
        return loss_and_accuracy(self.passes.forward(), self.labels)


def _change(old: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """The update in float64, and the share of weights that are another float32 after it is added.

    In float32 a weight w + Δ is w again where |Δ| is less than half the spacing of the numbers at
    w: 6e-8 |w| at most, and the weights of one layer differ by decades.
    """
    stored = old.to(torch.float32)
    change = new.to(torch.float64) - old.to(torch.float64)
    moved = stored.to(torch.float64) + change
    return change, (moved.to(torch.float32) != stored).double().mean()


def _extend(columns: dict[str, list[Any]], rows: dict[str, list[Any]]) -> None:
    for name, values in rows.items():
        columns.setdefault(name, []).extend(values)
