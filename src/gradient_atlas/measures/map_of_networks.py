"""Slopes of every activation with every initialisation, measured and predicted."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.layers import (
    at_initialization,
    deepest,
    measured_slope,
    predicted_slope,
    prediction_of,
)
from gradient_atlas.measures.runs import by_seed, where

STEADY = ("relu", "leaky_relu", "gelu", "silu")  # F example 3: ReLU, and what stabilises further
Key = tuple[str, str, float]  # activation, initialization, weight_std


def cells_of(gradients: DataFrame, theory: DataFrame) -> dict[Key, tuple[list[float], float]]:
    """By network the slopes of all seeds and the predicted one, in decades per layer.

    Of networks that share activation and weights the deepest counts.
    """
    found: dict[Key, tuple[list[float], float]] = {}
    keys = ["activation", "initialization", "weight_std"]
    for key, rows in at_initialization(gradients).groupby(keys, dropna=False, sort=False):
        one = deepest(rows)
        predicted = predicted_slope(prediction_of(theory, one))
        found[key] = by_seed(one, measured_slope), predicted  # type: ignore[index]
    return found


def theory_of(theory: DataFrame, key: Key) -> DataFrame:
    """The prediction's rows for a network of the map."""
    activation, initialization, weight_std = key
    std = None if np.isnan(weight_std) else weight_std
    return deepest(
        where(theory, activation=activation, initialization=initialization, weight_std=std)
    )
