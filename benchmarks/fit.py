"""Exponents of growth: a least-squares line through logarithms."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Exponent:
    """y grows as x to the ``value``, give or take ``error`` (one standard error)."""

    value: float
    error: float


def exponent(x: Sequence[float], y: Sequence[float]) -> Exponent:
    """Slope of the least-squares line through (log x, log y) and its standard error.

    With residuals r_i of n points the error is √(Σ r_i² / (n - 2) / Σ (log x_i - mean)²); NaN for
    two points, through which a line always goes.
    """
    log_x, log_y = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    centred = log_x - log_x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ log_y) / spread
    residuals = log_y - log_y.mean() - slope * centred
    freedom = len(log_x) - 2
    error = np.sqrt(residuals @ residuals / freedom / spread) if freedom > 0 else np.nan
    return Exponent(slope, float(error))


def exponents(points: Sequence[tuple[float, float]]) -> list[tuple[float, float, float]]:
    """Of each two neighbours among points (x, y): both x, and the exponent between them."""
    return [
        (few, many, exponent((few, many), (one, other)).value)
        for (few, one), (many, other) in pairwise(points)
    ]
