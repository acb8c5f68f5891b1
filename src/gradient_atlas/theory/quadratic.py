"""Descent on a quadratic in closed form: rate of convergence and threshold of divergence.

On ½ λ θ² heavy ball is the linear map (θ_{k+1}, θ_k) = M (θ_k, θ_{k-1}) with
M = [[1 + β - ηλ, -β], [1, 0]] (Polyak 1964); β = 0 is gradient descent, θ_k = (1 - ηλ)^k θ_0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def contraction(learning_rate: float, spectrum: Sequence[float], momentum: float = 0.0) -> float:
    """The factor per step that remains for large k: the largest |eigenvalue| over the spectrum."""
    radii = [
        np.abs(
            np.linalg.eigvals([[1 + momentum - learning_rate * value, -momentum], [1.0, 0.0]])
        ).max()
        for value in spectrum
    ]
    return float(max(radii))


def threshold(spectrum: Sequence[float], momentum: float = 0.0) -> float:
    """2 (1 + β) / λ_max, above which some direction grows: its eigenvalue passes -1."""
    return 2.0 * (1.0 + momentum) / max(spectrum)


def best_rate(spectrum: Sequence[float]) -> float:
    """2 / (λ_min + λ_max), at which gradient descent (β = 0) contracts fastest."""
    return 2.0 / (min(spectrum) + max(spectrum))


def magnitudes(
    learning_rate: float, spectrum: Sequence[float], start: Sequence[float], k: NDArray[np.float64]
) -> NDArray[np.float64]:
    """|θ_i| = |1 - ηλ_i|^k |θ_i(0)| of descent after k steps, shape (len(k), len(spectrum)).

    For real k ≥ 0: the curve on which, up to signs, every step lies.
    """
    factors = np.abs(1.0 - learning_rate * np.asarray(spectrum, dtype=float))
    return np.asarray(factors ** np.asarray(k)[:, None] * np.abs(start))


def losses(spectrum: Sequence[float], theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """½ Σ_i λ_i θ_i² of each row of ``theta`` (n, d); inf where it is beyond float64."""
    with np.errstate(over="ignore"):
        return 0.5 * np.square(theta) @ np.asarray(spectrum, dtype=float)
