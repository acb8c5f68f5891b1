"""Escape from the saddle of ½ (1 - θ_1 θ_2)² in closed form.

In w = (θ_1 + θ_2)/√2 and d = (θ_1 - θ_2)/√2 the product is (w² - d²)/2. Write r = 1 - θ_1 θ_2.
The flow is dw/dt = r w, dd/dt = -r d, so w d = c is kept, and s = w² obeys
ds/dt = 2 s + c² - s² = -(s - s₊)(s - s₋), with s± = 1 ± √(1 + c²): a logistic equation.
Descent is w ← (1 + η r) w, d ← (1 - η r) d, so w d ← (1 - η² r²) w d is not kept.
"""

import math
from collections.abc import Sequence

import numpy as np


def flow_escape_time(start: Sequence[float], level: float) -> float:
    """Time at which the flow from ``start`` = (θ_1, θ_2) reaches loss ``level`` with θ_1 θ_2 < 1.

    Raises ``ValueError`` unless start has w ≠ 0 and is above ``level`` on the same side.
    """
    product = 1.0 - math.sqrt(2.0 * level)  # θ_1 θ_2 where the loss is `level`
    w = (start[0] + start[1]) / math.sqrt(2.0)
    c = 0.5 * (start[0] ** 2 - start[1] ** 2)
    if w == 0 or start[0] * start[1] >= product:
        raise ValueError(f"start {tuple(start)} is not before the saddle's exit at loss {level}")
    # w² - c²/w² = 2 product at the exit.
    s_exit = product + math.hypot(product, c)
    root = math.sqrt(1.0 + c * c)
    upper, lower = 1.0 + root, 1.0 - root

    def integral(s: float) -> float:
        return math.log((s - lower) / (upper - s)) / (upper - lower)

    return integral(s_exit) - integral(w * w)


def linear_slowdown(learning_rate: float, curvature: float = -1.0) -> float:
    """Descent's time over the flow's, along one direction of constant curvature λ ≠ 0, ηλ < 1.

    Both multiply the direction by one factor: (1 - ηλ)^(t/η) against exp(-λ t), so the ratio is
    -ηλ / ln(1 - ηλ) = 1 - ηλ/2 + O((ηλ)²): slower than the flow at negative curvature, because
    1 + x < exp(x), and for the same reason faster at positive curvature.
    """
    x = learning_rate * curvature
    return -x / math.log1p(-x)


def residual(start: Sequence[float]) -> float:
    """r = 1 - θ_1 θ_2; descent from there overshoots d = 0 from η = 1/r on, and diverges at 2/r."""
    return 1.0 - start[0] * start[1]


def is_beside_saddle(start: Sequence[float]) -> bool:
    """Whether the Hessian at the start is the saddle's, eigenvalues ±1, within a hundredth."""
    first, second = start
    hessian = [[second**2, 2 * first * second - 1], [2 * first * second - 1, first**2]]
    return bool(np.allclose(np.linalg.eigvalsh(hessian), (-1.0, 1.0), atol=0.01))
