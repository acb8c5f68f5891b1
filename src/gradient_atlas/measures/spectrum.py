"""Spectral norm, gain and factors per layer of networks at initialisation, a row a network.

What multiplies an error signal in a layer is bounded by ‖W‖₂ max|φ'|; what multiplies one that
knows nothing of W is the gain √(n Var(W) E[φ'²]), the root mean square of the same matrix's action.
"""

import numpy as np
import pandas as pd
from pandas import DataFrame

from gradient_atlas.measures.layers import (
    at_initialization,
    measured_slope,
    predicted_slope,
    prediction_of,
    straight_line,
)

# An orthogonal matrix has 1 up to rounding.
ABOVE_ONE = 1 + 1e-9

_KEYS = ["activation", "initialization", "weight_std", "width"]
COLUMNS = [
    *_KEYS,
    "seed",
    "spectral_norm",
    "backward",
    "forward",
    "gain",
    "forward_gain",
    "predicted_spectral_norm",
]


def networks(gradients: DataFrame, theory: DataFrame) -> DataFrame:
    """One row a network and seed, of plain networks alone.

    ``spectral_norm`` is the mean of ‖W‖₂ over the hidden layers of equal shape, ``backward`` and
    ``forward`` the factors per layer of the error signal's norm (towards the input) and of the
    activations' rms (towards the output), ``gain`` and ``forward_gain`` what theory says of both.
    """
    rows = at_initialization(gradients)
    if "normalization" in rows:
        rows = rows[(rows["normalization"] == "none") & ~rows["residual"].astype(bool)]
    found = []
    for key, condition in rows.groupby(_KEYS, dropna=False, sort=False):
        predicted = prediction_of(theory, condition)
        constant = dict(zip(_KEYS, key, strict=True)) | _of_theory(predicted)
        for seed, one in condition.groupby("seed"):
            inner = one[(one["layer"] > 1) & (one["layer"] < one["layer"].max())]
            found.append(
                constant
                | {
                    "seed": seed,
                    "spectral_norm": float(inner["weight_spectral_norm"].mean()),
                    "backward": 10 ** measured_slope(one),
                    "forward": 10 ** -measured_slope(one, "activation_rms"),
                }
            )
    return pd.DataFrame(found, columns=COLUMNS)


def _of_theory(predicted: DataFrame) -> dict[str, float]:
    if predicted.empty:
        return dict.fromkeys(("gain", "forward_gain", "predicted_spectral_norm"), np.nan)
    inner = predicted[(predicted["layer"] > 1) & (predicted["layer"] < predicted["layer"].max())]
    # All gains from the output down to a layer multiply there; then the same line as measured.
    decades = np.log10(predicted["gain"].to_numpy(dtype=float))
    product = np.append(np.cumsum(decades[-2::-1])[::-1], 0.0)
    return {
        "gain": 10 ** straight_line(predicted["layer"].to_numpy(), product)[0],
        "forward_gain": 10 ** -predicted_slope(predicted, "activation_rms"),
        "predicted_spectral_norm": float(inner["predicted_weight_spectral_norm"].mean()),
    }
