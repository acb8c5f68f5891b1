"""Gradient descent and heavy ball with a constant learning rate, and where they stop converging.

The update is v ← β v - η ∇L(θ), θ ← θ + v (Polyak 1964); β = 0 is gradient descent, which is also
the explicit Euler method for the gradient flow with step η.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradient_atlas.dynamics.losses import Loss, value_and_gradient
from gradient_atlas.errors import InputError

# A run whose loss is so many times that of its start has diverged.
DIVERGENCE_FACTOR = 1e6


@dataclass(frozen=True)
class Trajectory:
    """Points on a path, from its start.

    times: (n,), effective time t = kη of descent or the time of the flow. points: (n, d).
    losses: (n,), L at the points. status: ``ok``, or ``diverged`` when the run ended early.
    """

    times: NDArray[np.float64]
    points: NDArray[np.float64]
    losses: NDArray[np.float64]
    status: str


class Iterate(NamedTuple):
    """θ_k (d,), L(θ_k), ∇L(θ_k) (d,), and whether the loss left all bounds."""

    theta: Tensor
    loss: float
    slope: Tensor
    diverged: bool = False


def iterates(loss: Loss, learning_rate: float, momentum: float = 0.0) -> Iterator[Iterate]:
    """The iterates k = 0, 1, 2, ... of full-batch descent, without end.

    Raises ``InputError`` unless learning_rate > 0 and 0 ≤ momentum < 1.
    """
    if not learning_rate > 0:
        raise InputError(f"learning_rate: {learning_rate} is not positive")
    if not 0 <= momentum < 1:
        raise InputError(f"momentum: {momentum} is not in [0, 1)")
    theta, velocity = loss.start.clone(), torch.zeros_like(loss.start)
    while True:
        value, slope = value_and_gradient(loss, theta)
        yield Iterate(theta, value, slope)
        velocity = momentum * velocity - learning_rate * slope
        theta = theta + velocity


def until_divergence(
    loss: Loss,
    learning_rate: float,
    steps: int,
    momentum: float = 0.0,
    divergence_factor: float = DIVERGENCE_FACTOR,
) -> Iterator[Iterate]:
    """The iterates 0 to ``steps``, or to the first that has diverged, that one included.

    Diverged is one whose loss is not finite, or is more than ``divergence_factor`` times the loss
    at the start.
    """
    limit = math.inf
    for step, iterate in enumerate(iterates(loss, learning_rate, momentum)):
        if step == 0:
            limit = divergence_factor * abs(iterate.loss)
        diverged = not iterate.loss <= limit
        yield iterate._replace(diverged=diverged)
        if diverged or step == steps:
            return


def descend(
    loss: Loss,
    learning_rate: float,
    steps: int,
    momentum: float = 0.0,
    divergence_factor: float = DIVERGENCE_FACTOR,
) -> Trajectory:
    """Make at most ``steps`` updates from ``loss.start``; n = updates made + 1.

    A run that diverges (see ``until_divergence``) ends there with status ``diverged`` and keeps
    every row so far, that one included.
    """
    path = list(until_divergence(loss, learning_rate, steps, momentum, divergence_factor))
    times = learning_rate * np.arange(len(path), dtype=np.float64)
    points = np.array([iterate.theta.numpy() for iterate in path])
    losses = np.array([iterate.loss for iterate in path])
    return Trajectory(times, points, losses, "diverged" if path[-1].diverged else "ok")


def contraction(loss: Loss, learning_rate: float, momentum: float = 0.0, steps: int = 400) -> float:
    """The factor by which ‖θ‖ changes per step, once transients are gone.

    exp of the least-squares slope of ln‖θ_k‖ over the second half of ``steps`` steps (of those
    made, when the norm overflows earlier); for a loss whose minimum is the origin. Below 1
    converges.
    """
    norms: list[float] = []
    for iterate in iterates(loss, learning_rate, momentum):
        norm = float(torch.linalg.vector_norm(iterate.theta))
        if len(norms) > steps or not math.isfinite(norm):
            break
        norms.append(norm)
    late = np.arange(len(norms) // 2, len(norms))
    values = np.array(norms)[late]
    # A run that has landed on the minimum has no slope left: its contraction is total.
    return 0.0 if (values == 0).any() else float(np.exp(np.polyfit(late, np.log(values), 1)[0]))


def divergence_threshold(
    loss: Loss,
    momentum: float = 0.0,
    upper: float = 1.0,
    steps: int = 1000,
    relative_tolerance: float = 1e-6,
    path_of: Callable[[Loss, float, float], Iterator[Iterate]] = iterates,
) -> tuple[float, float]:
    """Bisect for the learning rate at which ‖θ‖ starts to grow; returns (converging, growing).

    A rate grows if ‖θ_k‖ at the end of ``steps`` steps exceeds that at half of them: the slow
    directions, which shrink at any small rate, have died out by the half, and what is left is
    the direction that decides. No eigenvalue enters. ``upper`` must grow, else ``InputError``.
    ``path_of`` gives the iterates of a loss at a rate and a momentum, descent's by default.
    """

    def grows(learning_rate: float) -> bool:
        path = path_of(loss, learning_rate, momentum)
        half = 0.0
        for step in range(steps + 1):
            norm = float(torch.linalg.vector_norm(next(path).theta))
            if not math.isfinite(norm):
                return True
            if step == steps // 2:
                half = norm
        return norm > half

    lower = 0.0
    if not grows(upper):
        raise InputError(f"upper: descent still converges at {upper}, give a larger learning rate")
    while upper - lower > relative_tolerance * upper:
        middle = 0.5 * (lower + upper)
        lower, upper = (lower, middle) if grows(middle) else (middle, upper)
    return lower, upper
