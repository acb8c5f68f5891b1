"""Curvature of Rosenbrock's loss (1 - θ_1)² + 100 (θ_2 - θ_1²)² in closed form."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hessian(theta: Sequence[float]) -> NDArray[np.float64]:
    """∇²L(θ), shape (2, 2), by differentiating twice (Rosenbrock 1960, for the loss)."""
    first, second = theta
    mixed = -400.0 * first
    return np.array([[2.0 - 400.0 * second + 1200.0 * first**2, mixed], [mixed, 200.0]])


def overshoot_rate(theta: Sequence[float]) -> float:
    """2/λ_max at θ, above which descent from there jumps over the valley's floor."""
    return float(2.0 / np.linalg.eigvalsh(hessian(theta))[-1])
