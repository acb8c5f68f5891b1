"""Which tanh networks with given σ_w² and σ_b² learn at which depth, many trained side by side.

As in Schoenholz et al. (2017), "Deep information propagation", section 5: weights N(0, σ_w²/n_in)
and biases N(0, σ_b²), all trained by plain stochastic gradient descent on cross-entropy. Networks
of one depth differ in σ_w² and in the rate; they see the same minibatches and are one batch of
matrices.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gradient_atlas.networks.activations import BACKWARD
from gradient_atlas.networks.products import product, product_into


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


@np.errstate(all="ignore")  # a network that diverges is seen by its logits
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
    descent = _Descent(layers, rates, training.batch_size)
    for _ in range(training.steps):
        rows = torch.randint(len(inputs), (training.batch_size,), generator=generator)
        descent.step(inputs[rows], labels[rows])
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


class _Descent:
    """Steps of S networks without a graph, in tensors that are made once.

    They are those that autograd and θ ← θ - η ∂L/∂θ make, in the same order: no bit differs.
    """

    def __init__(self, layers: Sequence[Tensor], rates: Tensor, examples: int) -> None:
        """``layers`` as of ``_layers``, ``rates`` (S, 1, 1), and so many examples B a step."""
        parameters = [layer.detach() for layer in layers]
        pairs = list(zip(parameters[::2], parameters[1::2], strict=True))
        self.inputs = parameters[0].new_empty(examples, parameters[0].shape[1])
        self._forward: list[Callable[[], Any]] = []
        self._backward: list[list[Callable[[], Any]]] = []  # of each layer, the first one first
        a, delta = self.inputs.expand(len(rates), *self.inputs.shape), None
        for weight, bias in pairs:
            z = weight.new_empty(len(rates), examples, weight.shape[2])
            self._forward += [product_into(z, a, weight), partial(z.add_, bias)]
            self._forward += [partial(torch.tanh, z, out=z)]
            below, delta = delta, torch.empty_like(z)
            calls: list[Callable[[], Any]] = []
            if below is not None:  # ∂L/∂a, then ∂L/∂z of the layer before
                calls.append(product_into(below, delta, weight.mT))
                back = BACKWARD[torch.tanh]
                calls.append(partial(back, below, a, grad_input=below))
            of_weight, of_bias = torch.empty_like(weight), torch.empty_like(bias)
            calls.append(product_into(of_weight, a.mT, delta))
            calls.append(partial(torch.sum, delta, 1, keepdim=True, out=of_bias))
            for parameter, gradient in ((weight, of_weight), (bias, of_bias)):
                calls += [partial(gradient.mul_, rates), partial(parameter.sub_, gradient)]
            self._backward.append(calls)
            a = z
        self._forward.pop()  # the outputs are linear
        self._logits, self._delta = a, delta

    @torch.no_grad()
    def step(self, inputs: Tensor, labels: Tensor) -> None:
        """Go down the loss of these examples (B, features) and labels (B,)."""
        self.inputs.copy_(inputs)
        for call in self._forward:
            call()
        with torch.enable_grad():
            logits = self._logits.detach().requires_grad_()
            (slope,) = torch.autograd.grad(_loss(logits, labels), logits)
        assert self._delta is not None
        self._delta.copy_(slope)
        for calls in reversed(self._backward):
            for call in calls:
                call()


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
