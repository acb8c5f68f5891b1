"""Descent of two linear layers at rates from small to diverging (Lewkowycz et al. 2020)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradient_atlas.dynamics.descent import until_divergence
from gradient_atlas.dynamics.losses import two_layer_linear


@dataclass(frozen=True)
class Launch:
    """A run of descent. Curvature is λ = (‖u‖² + ‖v‖²) / n, ``scaled_rate`` η times that at the
    start; ``start_output`` is f at the start; the largest loss is over all steps."""

    seed: int
    scaled_rate: float
    learning_rate: float
    start_output: float
    start_curvature: float
    end_curvature: float
    end_loss: float
    largest_loss: float
    status: str


def launches(width: int, seed: int, scaled_rates: list[float], steps: int) -> Iterator[Launch]:
    """Descent of a network of this width and seed at each rate; infinite ends where it diverges."""
    loss = two_layer_linear(width, seed)
    u, v = loss.start.split(width)
    output, start = float((u * v).sum()) / width**0.5, _curvature(loss.start, width)
    for scaled in scaled_rates:
        path = list(until_divergence(loss, scaled / start, steps))
        lost = path[-1].diverged
        yield Launch(
            seed,
            scaled,
            scaled / start,
            output,
            start,
            np.inf if lost else _curvature(path[-1].theta, width),
            np.inf if lost else path[-1].loss,
            np.inf if lost else max(iterate.loss for iterate in path),
            "diverged" if lost else "ok",
        )


def _curvature(theta: Tensor, width: int) -> float:
    return float(torch.square(theta).sum()) / width
