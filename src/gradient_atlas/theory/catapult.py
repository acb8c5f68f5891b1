"""Two linear layers under large steps, in closed form: the catapult of Lewkowycz et al. (2020).

For f = n^(-1/2) v·u with loss ½ f² gradient descent keeps to a map of two numbers, the output f and
the curvature λ = (‖u‖² + ‖v‖²) / n (their equations 4 and 5, with x = 1 and target 0):

    f ← f (1 - η λ + η² f² / n),    λ ← λ + (η f² / n) (η λ - 4).

Below η = 2/λ the output shrinks; between 2/λ and 4/λ it grows until f² is of order n, and then λ
falls, to below 2/η; above 4/λ both grow.
"""

from typing import NamedTuple

import numpy as np


class End(NamedTuple):
    """Curvature and loss after the steps made, and the largest loss on the way."""

    curvature: float
    loss: float
    largest_loss: float


def catapult(output: float, curvature: float, width: int, learning_rate: float, steps: int) -> End:
    """Iterate the map from f = ``output`` and λ = ``curvature``; infinite where it diverges."""
    f, largest = output, 0.5 * output**2
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            squared = learning_rate * f * f / width
            f, curvature = (
                f * (1 - learning_rate * curvature + learning_rate * squared),
                curvature + squared * (learning_rate * curvature - 4),
            )
            largest = max(largest, 0.5 * f * f)
            if not abs(f) < 1e100:
                return End(np.inf, np.inf, np.inf)
    return End(curvature, 0.5 * f * f, largest)
