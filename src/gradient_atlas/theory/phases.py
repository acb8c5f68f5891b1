"""The plane of σ_w² and σ_b² as a table: order, chaos and the depth scales of both.

Poole et al. (2016) and Schoenholz et al. (2017) as in ``correlation``; everything at the fixed
point q* that the variance reaches from ``START``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.theory.correlation import correlation_depth, variance_depth
from gradient_atlas.theory.mean_field import chi, finite_fixed_point
from gradient_atlas.theory.nonlinearity import Nonlinearity, from_torch

START = 1.0  # inputs are standardised
CUT_POINTS = 61  # of the line on which networks are trained, for a curve


def point(activation: Nonlinearity, sigma_w2: float, sigma_b2: float) -> dict[str, float]:
    """q*, χ and both depth scales (layers, inf where there is none) at a point of the plane."""
    q = finite_fixed_point(activation, sigma_w2, START, sigma_b2)
    return {
        "sigma_w2": sigma_w2,
        "sigma_b2": sigma_b2,
        "variance": q,
        "chi": chi(activation, q, sigma_w2),
        "variance_depth": variance_depth(activation, q, sigma_w2),
        "correlation_depth": correlation_depth(activation, q, sigma_w2, sigma_b2),
    }


def predict_phases(
    sigma_w2: Sequence[float], sigma_b2: float, plane: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the points of the plane, of the cut through it and of the networks trained on it.

    Args:
        sigma_w2: σ_w² of the trained networks.
        sigma_b2: σ_b² of the cut.
        plane: ``largest_sigma_w2``, ``largest_sigma_b2`` and ``points``, those of a side.
    """
    activation = from_torch(get_activation("tanh"))
    rows = [
        {"part": part} | point(activation, float(w), float(b))
        for part, w, b in _places(sigma_w2, sigma_b2, plane)
    ]
    return pd.DataFrame(rows)


def _places(
    sigma_w2: Sequence[float], sigma_b2: float, plane: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    """Centres of the map's cells, points of the cut, and of the networks."""
    largest, cells = (plane["largest_sigma_w2"], plane["largest_sigma_b2"]), plane["points"]
    middles = (np.arange(cells) + 0.5) / cells
    for b in largest[1] * middles:
        for w in largest[0] * middles:
            yield "map", w, b
    for w in np.linspace(min(sigma_w2), max(sigma_w2), CUT_POINTS):
        yield "cut", w, sigma_b2
    for w in sigma_w2:
        yield "networks", w, sigma_b2
