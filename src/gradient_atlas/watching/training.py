"""Train a named network with each seed, watched module by module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gradient_atlas.datasets.load import Data, as_images
from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import build
from gradient_atlas.runs.network import NetworkRun
from gradient_atlas.runs.schedule import warmup_factor
from gradient_atlas.training import checkpoints, norms
from gradient_atlas.training.adam import Adam
from gradient_atlas.training.checkpoints import Checkpoint
from gradient_atlas.training.minibatches import (
    generators,
    is_finite,
    loss_and_accuracy,
    minibatches,
)
from gradient_atlas.training.optimizers import SGD
from gradient_atlas.watching.watch import watch


@dataclass
class Tables:
    """Rows of the tables ``modules`` and ``metrics``."""

    modules: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)


def train(
    run: NetworkRun,
    data: Data,
    shape: Sequence[int],
    seeds: Sequence[int],
    checkpoint: Checkpoint = checkpoints.NONE,
) -> Tables:
    """Train once for each seed, which draws the weights and, apart, the order of the examples.

    Args:
        run: the parameters.
        data: inputs in the run's precision, (N, d), images row by row with channels last.
        shape: (channels, rows, columns).
        seeds: one run each.
        checkpoint: keeps what is done; of a network, parameters and buffers.

    Returns:
        Rows of both tables. A run whose loss or gradient is not finite ends there, ``diverged``.

    Raises:
        InputError: the network cannot be built.
    """
    state = checkpoint.read()
    tables = Tables(state["modules"], state["metrics"]) if state else Tables()
    for position in range(state.get("position", 0), len(seeds)):
        _train_seed(run, data, shape, seeds, position, tables, checkpoint, state)
        state = {}
    return tables


@np.errstate(all="ignore")  # a product that overflows is seen as what it is, and is no surprise
def _train_seed(
    run: NetworkRun,
    data: Data,
    shape: Sequence[int],
    seeds: Sequence[int],
    position: int,
    tables: Tables,
    checkpoint: Checkpoint,
    state: Mapping[str, Any],
) -> None:
    seed = seeds[position]
    weights, order = generators(seed)
    torch.manual_seed(weights.initial_seed())
    model = build(run.architecture, shape, data.classes, run.architecture_options or {})
    model.to(data.train_inputs.dtype)
    parameters = [one for one in model.parameters() if one.requires_grad]
    optimizer = (
        Adam(parameters, run.learning_rate)
        if run.optimizer == "adam"
        else SGD(parameters, run.learning_rate, run.momentum)
    )
    inputs, labels = as_images(data.train_inputs, shape), data.train_labels
    shown = slice(run.evaluation_examples)
    test = as_images(data.test_inputs[shown], shape), data.test_labels[shown]
    kept, first = checkpoints.tensors_of(model), 0
    if state:
        checkpoints.put_back(state, kept, optimizer)
        first = state["step"]
    batches = minibatches(len(labels), run.batch_size, order, first)
    epoch_steps = max(1, len(labels) // run.batch_size)
    fixed = inputs[: run.probe_examples], labels[: run.probe_examples]
    if len(fixed[1]) < 2:
        raise InputError(f"probe_examples: {run.probe_examples} is wrong; it must be 2 or more")
    with watch(model, fixed, every=run.every, seed=seed) as watching:
        if state:
            watching.go_on(first, state["watched"])
        for step in range(first, run.max_steps + 1):
            if checkpoint.is_due():
                checkpoint.write(
                    checkpoints.state_of(kept, optimizer)
                    | {"position": position, "step": step, "watched": watching.rows}
                    | vars(tables)
                )
            rows = next(batches)
            loss = functional.cross_entropy(model(inputs[rows]), labels[rows])
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            known = [
                torch.zeros_like(p) if g is None else g
                for p, g in zip(parameters, gradients, strict=True)
            ]
            finite = is_finite(loss, known)
            if step % run.every == 0 or step == run.max_steps or not finite:
                train_loss, train_accuracy = _evaluate(model, inputs[shown], labels[shown])
                test_loss, test_accuracy = _evaluate(model, *test)
                norm = norms.global_norm(known)
                tables.metrics.append(
                    {
                        "seed": seed,
                        "step": step,
                        "epoch": step / epoch_steps,
                        "train_loss": train_loss,
                        "test_loss": test_loss,
                        "train_accuracy": train_accuracy,
                        "test_accuracy": test_accuracy,
                        "gradient_norm": norm,
                        "clipped_gradient_norm": norm,
                        "status": "ok" if finite else "diverged",
                        "first_nonfinite_step": None if finite else step,
                    }
                )
            if step == run.max_steps or not finite:
                break
            factor = warmup_factor(step, run.warmup_steps)
            optimizer.learning_rate = factor * run.learning_rate
            optimizer.step(known)
            watching.step()
    tables.modules += watching.rows


@torch.no_grad()
def _evaluate(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    training = model.training
    model.eval()
    logits = model(inputs)
    model.train(training)
    return loss_and_accuracy(logits, labels)
