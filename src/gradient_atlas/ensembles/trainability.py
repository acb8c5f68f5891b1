"""Which tanh networks with given σ_w² and σ_b² learn at which depth, many trained side by side.

As in Schoenholz et al. (2017), "Deep information propagation", section 5: weights N(0, σ_w²/n_in)
and biases N(0, σ_b²), all trained by plain stochastic gradient descent on cross-entropy. Networks
of one depth differ in σ_w² and in the rate; they see the same minibatches and are one batch of
matrices.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gradient_atlas.networks.products import product


@dataclass(frozen=True)
class Plane:
    """Networks on a line of the plane of σ_w² and σ_b²."""

    sigma_w2: Sequence[float]
    sigma_b2: float
    width: int
    depth: int


@dataclass(frozen=True)
class Training:
    """How long and with which rates they are trained."""

    learning_rates: Sequence[float]
    batch_size: int
    steps: int


def train(
    plane: Plane, training: Training, inputs: Tensor, labels: Tensor, classes: int, seed: int
) -> list[dict[str, float]]:
    """Return a row for each σ_w² and rate.

    Args:
        plane, training: what is trained, and how.
        inputs: (examples, features).
        labels: (examples,) of whole numbers below ``classes``.
        classes: of the data.
        seed: of weights, biases and minibatches; the same draws, scaled by σ_w, for each σ_w².

    ``accuracy`` is that on all examples after the last step; a network whose weights are no longer
    finite counts as guessing. ``log10_signal_ratio`` is the error signal's norm at the first layer
    over that at the last hidden one, before training.
    """
    generator = torch.Generator().manual_seed(seed)
    kinds = [(sigma, rate) for sigma in plane.sigma_w2 for rate in training.learning_rates]
    layers = _layers(plane, kinds, inputs, classes, generator)
    rates = torch.tensor([rate for _, rate in kinds], dtype=inputs.dtype)[:, None, None]
    ratios = _signal_ratios(layers, inputs[: training.batch_size], labels[: training.batch_size])
    for _ in range(training.steps):
        rows = torch.randint(len(inputs), (training.batch_size,), generator=generator)
        logits, _ = _forward(layers, inputs[rows])
        gradients = torch.autograd.grad(_loss(logits, labels[rows]), layers)
        with torch.no_grad():
            for parameter, gradient in zip(layers, gradients, strict=True):
                parameter -= rates * gradient
    with torch.no_grad():
        logits, _ = _forward(layers, inputs)
    right = (logits.argmax(2) == labels).double().mean(1)
    lost = ~torch.isfinite(logits).all(2).all(1)
    right = torch.where(lost, 1 / classes, right)
    return [
        {"sigma_w2": sigma, "learning_rate": rate, "accuracy": float(a), "log10_signal_ratio": r}
        for (sigma, rate), a, r in zip(kinds, right, ratios, strict=True)
    ]


def _layers(
    plane: Plane,
    kinds: list[tuple[float, float]],
    inputs: Tensor,
    classes: int,
    generator: torch.Generator,
) -> list[Tensor]:
    """Weights (S, n_in, n_out) and biases (S, 1, n_out) in turn, S networks."""
    sizes = [inputs.shape[1], *[plane.width] * (plane.depth - 1), classes]
    sigma_w = torch.tensor([sigma for sigma, _ in kinds], dtype=torch.float64).sqrt()
    layers = []
    for n_in, n_out in pairwise(sizes):
        weight = torch.randn(n_in, n_out, generator=generator, dtype=torch.float64)
        bias = torch.randn(1, n_out, generator=generator, dtype=torch.float64)
        scaled = sigma_w[:, None, None] * weight / math.sqrt(n_in)
        biases = (math.sqrt(plane.sigma_b2) * bias).repeat(len(kinds), 1, 1)
        layers += [scaled, biases]
    return [layer.to(inputs.dtype).requires_grad_() for layer in layers]


def _forward(layers: list[Tensor], inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits (S, B, classes) and the pre-activations of the hidden layers."""
    a, zs = inputs.expand(len(layers[0]), *inputs.shape), []
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        zs.append(product(a, weight) + bias)
        a = torch.tanh(zs[-1])
    return product(a, layers[-2]) + layers[-1], zs


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The sum over networks of the mean cross-entropy, so that each gets its own gradient."""
    flat = logits.flatten(0, 1)
    return functional.cross_entropy(flat, labels.repeat(len(logits))) * len(logits)


def _signal_ratios(layers: list[Tensor], inputs: Tensor, labels: Tensor) -> list[float]:
    logits, zs = _forward(layers, inputs)
    if len(zs) < 2:
        return [math.nan] * len(logits)
    ends = torch.autograd.grad(_loss(logits, labels), [zs[0], zs[-1]])
    first, last = (np.sqrt((end.detach().double() ** 2).sum((1, 2)).numpy()) for end in ends)
    with np.errstate(divide="ignore", invalid="ignore"):
        return [float(value) for value in np.log10(first / last)]
