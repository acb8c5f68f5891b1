"""Full-batch descent of tanh networks of several widths under a parametrisation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from gradient_atlas.dynamics.descent import DIVERGENCE_FACTOR
from gradient_atlas.dynamics.losses import Loss, value_and_gradient
from gradient_atlas.dynamics.network_loss import network_loss
from gradient_atlas.networks.parametrization import layer_scales
from gradient_atlas.networks.products import linear


@dataclass(frozen=True)
class WideNetwork:
    """A network's loss from its scaled start, and the factors of the learning rates (d,)."""

    loss: Loss
    rates: Tensor
    sizes: Sequence[int]


def wide_network(
    inputs: Tensor,
    labels: Tensor,
    width: int,
    layers: int,
    seed: int,
    classes: int,
    parametrization: str,
    base_width: int,
) -> WideNetwork:
    """A tanh network with so many hidden ``layers`` of one ``width``; see ``network_loss``.

    Raises:
        InputError: as ``network_loss`` and ``layer_scales``.
    """
    loss = network_loss(inputs, labels, [width] * layers, seed, classes)
    sizes, base = ([inputs.shape[1], *[units] * layers, classes] for units in (width, base_width))
    starts, rates = [], []
    for scale, (n_in, n_out) in zip(
        layer_scales(parametrization, sizes, base), pairwise(sizes), strict=True
    ):
        starts += [torch.full((n_out * n_in,), scale.weights), torch.ones(n_out)]
        rates += [torch.full((n_out * n_in,), scale.weight_rate)]
        rates += [torch.full((n_out,), scale.bias_rate)]
    start = loss.start * torch.cat(starts).to(loss.start.dtype)
    return WideNetwork(replace(loss, start=start), torch.cat(rates).to(loss.start.dtype), sizes)


def descend(
    network: WideNetwork, learning_rate: float, steps: int
) -> tuple[Tensor, float, Literal["ok", "diverged"]]:
    """θ and the loss after ``steps`` updates θ ← θ - η r ∇L, r the factors; loss inf if diverged.

    Diverged is a loss that is not finite, or more than ``DIVERGENCE_FACTOR`` times the first.
    """
    theta, limit = network.loss.start, math.inf
    for step in range(steps + 1):
        value, slope = value_and_gradient(network.loss, theta)
        limit = DIVERGENCE_FACTOR * abs(value) if step == 0 else limit
        if not value <= limit:
            return theta, math.inf, "diverged"
        if step < steps:
            theta = theta - learning_rate * network.rates * slope
    return theta, value, "ok"


def coordinate_changes(network: WideNetwork, theta: Tensor, inputs: Tensor) -> list[float]:
    """For each layer the root mean square, over units and examples, by which its output at
    ``theta`` differs from that at the start: activations of hidden layers, then the outputs."""
    before = _activations(network, network.loss.start, inputs)
    after = _activations(network, theta, inputs)
    return [
        float((b - a).to(torch.float64).square().mean().sqrt())
        for a, b in zip(before, after, strict=True)
    ]


def _activations(network: WideNetwork, theta: Tensor, inputs: Tensor) -> list[Tensor]:
    found, a, place = [], inputs, 0
    for layer, (n_in, n_out) in enumerate(pairwise(network.sizes)):
        weight = theta[place : place + n_out * n_in].view(n_out, n_in)
        place += n_out * n_in
        z = linear(a, weight, theta[place : place + n_out])
        place += n_out
        a = z if layer == len(network.sizes) - 2 else torch.tanh(z)
        found.append(a)
    return found
