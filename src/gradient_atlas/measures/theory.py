"""Measurement beside prediction, and where neither is a definite number."""

from collections.abc import Sequence

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    at_initialization,
    factors,
    input_over_output,
    measured_slope,
    predicted_slope,
    prediction_of,
)
from gradient_atlas.measures.networks import Network
from gradient_atlas.measures.runs import by_seed, mean, where


def largest_deviation(
    networks: Sequence[Network], theory: DataFrame
) -> tuple[float, Network | None, float]:
    """Distance between measured and predicted slope in decades per layer, where it is largest.

    With it the network, and the largest drift that a finite width may give it, in the same unit.
    Networks without a prediction or a slope are left out; nan, None and nan where all are.
    """
    worst: tuple[float, Network | None, float] = (np.nan, None, np.nan)
    for network in networks:
        predicted = prediction_of(theory, network.rows)
        measured = mean(by_seed(network.rows, measured_slope))
        distance = abs(measured - predicted_slope(predicted))
        if np.isfinite(distance) and not distance <= worst[0]:
            worst = distance, network, -float(predicted.finite_width_drift.iloc[0])
    return worst


def chaotic(rows: DataFrame) -> bool:
    """Whether near inputs part: the error signal explodes though the activation is bounded.

    The factor of the error signal is that of a small difference between two inputs (Poole et al.
    2016: χ > 1). Activations without a bound may keep the angle between inputs all the same; they
    are no saturating ones, for which saturated_fraction is known.
    """
    if "saturated_fraction" not in rows or rows.saturated_fraction.isna().all():
        return False
    growth = by_seed(at_initialization(rows), lambda one: input_over_output(one, ERROR))
    return mean(growth) > STABLE_DECADES


def changed_factor(rows: DataFrame, inputs: DataFrame) -> tuple[float, float]:
    """By how much rounding of the inputs changes a seed's factor per layer, at most.

    ``inputs`` may hold the network of ``rows`` with inputs scaled by 1 + a few roundings. Returns
    how often that part goes into 1, and the largest relative change; nan where there is none.
    """
    same = ("activation", "initialization", "weight_std", "depth", "width", "dataset")
    first = rows[list(same)].iloc[0]
    near = where(inputs, **{k: None if v != v else v for k, v in first.items()}, input_scale=1.0)
    near = near[near.get("input_scale", 1.0) != 1] if len(near) else near
    shared = sorted(set(rows.seed) & set(near.seed))
    if not shared:
        return np.nan, np.nan
    before = factors(rows[rows.seed.isin(shared)])
    after = factors(near[near.seed.isin(shared)])
    part = 1 / abs(float(near.input_scale.iloc[0]) - 1)
    return part, float(np.max(np.abs(np.array(after) / np.array(before) - 1)))
