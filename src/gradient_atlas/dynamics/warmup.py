"""Full-batch descent whose learning rate begins small, from a start of great sharpness.

Gilmer et al. (2022): where the sharpness at the start is above 2/η descent is thrown out; a rate
that rises from 0 lets it find flatter regions first, in which the whole rate is stable.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch

from gradient_atlas.dynamics.descent import DIVERGENCE_FACTOR
from gradient_atlas.dynamics.losses import Loss, value_and_gradient
from gradient_atlas.dynamics.sharpness import sharpness
from gradient_atlas.errors import InputError
from gradient_atlas.runs.schedule import warmup_factor


@dataclass(frozen=True)
class WarmupPoint:
    """A logged step: ``rate`` is that of the update about to be made, ``largest_loss`` the largest
    so far. ``sharpness`` is nan where it is not measured, or where the run has diverged."""

    step: int
    rate: float
    train_loss: float
    largest_loss: float
    gradient_norm: float
    sharpness: float
    status: Literal["ok", "diverged"]


def scaled(loss: Loss, factor: float) -> Loss:
    """The same loss from a start ``factor`` times as far out."""
    return replace(loss, start=factor * loss.start)


def warmup_path(
    loss: Loss,
    learning_rate: float,
    warmup_steps: int,
    steps: int,
    every: int,
    measures_sharpness: bool = True,
) -> Iterator[WarmupPoint]:
    """A point each ``every`` of ``steps`` updates, and the point at which the run diverges.

    Diverged is a loss that is not finite, or more than ``descent.DIVERGENCE_FACTOR`` times the
    loss at the start. Raises ``InputError`` if learning_rate is not positive or ``every`` is less
    than 1.
    """
    if not learning_rate > 0:
        raise InputError(f"learning_rate: {learning_rate} is not positive")
    if every < 1:
        raise InputError(f"every: {every} steps between two measurements, it must be 1 or more")
    theta, limit, largest = loss.start.clone(), math.inf, 0.0
    for step in range(steps + 1):
        value, slope = value_and_gradient(loss, theta)
        rate = learning_rate * warmup_factor(step, warmup_steps)
        limit = DIVERGENCE_FACTOR * abs(value) if step == 0 else limit
        largest = max(largest, value) if value <= limit else math.inf
        lost = not value <= limit
        if lost or step % every == 0:
            is_measured = measures_sharpness and not lost
            yield WarmupPoint(
                step,
                rate,
                value,
                largest,
                float(torch.linalg.vector_norm(slope)),
                sharpness(loss, theta) if is_measured else math.nan,
                "diverged" if lost else "ok",
            )
        if lost:
            return
        theta = theta - rate * slope
