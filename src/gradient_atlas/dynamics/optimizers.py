"""Descent with momentum or a preconditioner on a loss of one flat vector, and its edge.

Each optimiser turns the gradients g it is given into steps θ ← θ + s, and has a curvature above
which it diverges on a quadratic (``theory.stability``); Cohen et al. (2021, 2022) find that
training with the full batch stays there.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor

from gradient_atlas.dynamics.descent import DIVERGENCE_FACTOR, Iterate, divergence_threshold
from gradient_atlas.dynamics.losses import Loss, quadratic, value_and_gradient
from gradient_atlas.dynamics.sharpness import top_eigenpairs
from gradient_atlas.errors import InputError


class Optimizer(Protocol):
    """Makes steps; ``preconditioner`` is the diagonal of P by which the last one was divided."""

    preconditioner: Tensor | None

    def step(self, slope: Tensor) -> Tensor:
        """The step (d,) that follows the gradient ``slope`` (d,)."""


class HeavyBall:
    """v ← β v - η g, s = v (Polyak 1964); β = 0 is gradient descent."""

    preconditioner: Tensor | None = None

    def __init__(self, learning_rate: float, momentum: float) -> None:
        self.learning_rate, self.momentum = learning_rate, momentum
        self._velocity: Tensor | float = 0.0

    def step(self, slope: Tensor) -> Tensor:
        """See the class."""
        velocity = self.momentum * self._velocity - self.learning_rate * slope
        self._velocity = velocity
        return velocity


class Nesterov(HeavyBall):
    """v ← β v - η g, s = β v - η g, g taken at θ itself (Sutskever et al. 2013, as in PyTorch)."""

    def step(self, slope: Tensor) -> Tensor:
        """See the class."""
        return self.momentum * super().step(slope) - self.learning_rate * slope


class Adam:
    """m ← β₁ m + (1 - β₁) g, ν ← β₂ ν + (1 - β₂) g², s = -η P⁻¹ m after t updates, with
    P = (1 - β₁ᵗ) (√(ν / (1 - β₂ᵗ)) + ε) (Kingma & Ba 2015, written as by Cohen et al. 2022).

    ``fixed`` holds P at this value: descent with a mean of gradients, whose threshold is Adam's.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float,
        second_momentum: float = 0.999,
        epsilon: float = 1e-8,
        fixed: Tensor | None = None,
    ) -> None:
        self.learning_rate, self.momentum = learning_rate, momentum
        self.second_momentum, self.epsilon = second_momentum, epsilon
        self.preconditioner = self._fixed = fixed
        self._first: Tensor | float = 0.0
        self._second: Tensor | float = 0.0
        self._updates = 0

    def step(self, slope: Tensor) -> Tensor:
        """See the class."""
        self._updates += 1
        first = self.momentum * self._first + (1 - self.momentum) * slope
        second = self.second_momentum * self._second + (1 - self.second_momentum) * slope * slope
        self._first, self._second = first, second
        if self._fixed is None:
            root = (second / (1 - self.second_momentum**self._updates)).sqrt()
            self.preconditioner = (1 - self.momentum**self._updates) * (root + self.epsilon)
        assert self.preconditioner is not None
        return -self.learning_rate * first / self.preconditioner


NAMES = ("heavy_ball", "nesterov", "adam")


def build(
    name: str,
    learning_rate: float,
    momentum: float,
    second_momentum: float = 0.999,
    epsilon: float = 1e-8,
) -> Optimizer:
    """The optimiser called ``name``, one of ``NAMES``; the last two parameters are Adam's.

    Raises ``InputError`` for an unknown name, a learning rate that is not positive, or a momentum
    outside [0, 1).
    """
    if not learning_rate > 0:
        raise InputError(f"learning_rate: {learning_rate} is not positive")
    for key, value in (("momentum", momentum), ("second_momentum", second_momentum)):
        if not 0 <= value < 1:
            raise InputError(f"{key}: {value} is not in [0, 1)")
    if name == "heavy_ball":
        return HeavyBall(learning_rate, momentum)
    if name == "nesterov":
        return Nesterov(learning_rate, momentum)
    if name == "adam":
        return Adam(learning_rate, momentum, second_momentum, epsilon)
    raise InputError(f"optimizer: {name!r} is none of {', '.join(NAMES)}")


def iterates(loss: Loss, optimizer: Optimizer) -> Iterator[Iterate]:
    """The iterates k = 0, 1, 2, ... without end; each is yielded with the next step prepared, so
    that the optimiser's preconditioner is the one by which that step is divided."""
    theta = loss.start.clone()
    while True:
        value, slope = value_and_gradient(loss, theta)
        step = optimizer.step(slope)
        yield Iterate(theta, value, slope)
        theta = theta + step


def with_fixed_preconditioner(
    name: str, loss: Loss, learning_rate: float, momentum: float
) -> Iterator[Iterate]:
    """The iterates of an optimiser whose preconditioner, if it has any, is held at 1."""
    optimizer = build(name, learning_rate, momentum)
    if isinstance(optimizer, Adam):
        optimizer = Adam(learning_rate, momentum, fixed=torch.ones_like(loss.start))
    return iterates(loss, optimizer)


def diverging_rate(name: str, momentum: float, upper: float, steps: int) -> tuple[float, float]:
    """The bracket (converging, growing) of the learning rate at which an optimiser begins to
    diverge on ½ θ², below ``upper``; see ``descent.divergence_threshold``."""
    path_of = partial(with_fixed_preconditioner, name)
    return divergence_threshold(quadratic([1.0]), momentum, upper, steps, path_of=path_of)


@dataclass(frozen=True)
class EdgePoint:
    """A measured point: the largest eigenvalue of P⁻¹ ∇²L (nan where the run has diverged)."""

    step: int
    loss: float
    sharpness: float
    status: Literal["ok", "diverged"]


def edge_path(loss: Loss, optimizer: Optimizer, steps: int, every: int) -> Iterator[EdgePoint]:
    """A point each ``every`` of ``steps`` steps, and the point at which a run diverges.

    Diverged is a loss that is not finite, or more than ``descent.DIVERGENCE_FACTOR`` times the
    loss at the start. Raises ``InputError`` if ``every`` is less than 1.
    """
    if every < 1:
        raise InputError(f"every: {every} steps between two measurements, it must be 1 or more")
    limit = math.inf
    for step, now in enumerate(iterates(loss, optimizer)):
        if step == 0:
            limit = DIVERGENCE_FACTOR * abs(now.loss)
        if not now.loss <= limit:
            yield EdgePoint(step, now.loss, math.nan, "diverged")
            return
        if step % every == 0:
            values, _ = top_eigenpairs(loss, now.theta, preconditioner=optimizer.preconditioner)
            yield EdgePoint(step, now.loss, float(values[0]), "ok")
        if step == steps:
            return
