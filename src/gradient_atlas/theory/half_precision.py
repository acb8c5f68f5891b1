r"""Which share of a wide network's weight gradient rounds to 0 in a floating-point format.

The smallest positive number of a format is 2^m, m = -24 for float16, -133 for bfloat16, -149 for
float32 (IEEE 754, subnormal numbers included), and rounding to the nearest makes 0 of what is at
most half of it. With a loss scaled by 2^k (Micikevicius et al. 2018, "Mixed precision training") an
entry g of the gradient is lost if |g| ≤ 2^(m - 1 - k).

Where all inputs of a batch have become alike, as deep in a sigmoid network (``correlation``:
c* = 1), ∂L/∂W_ij = δ_i a_j with δ_i Gaussian over the units of a wide layer and
a_j = φ(√q z_j). With the root mean square ρ of the entries that ``prediction`` gives, the share

    E_z[ erf( 2^(m-1-k) √E[φ²] / (√2 ρ |φ(√q z)|) ) ]

is lost, q the variance of the pre-activations below. Nothing is predicted of a layer whose inputs
still differ: there an entry is a sum of many such products, which has another law. Left out: that
the output layer's δ is no Gaussian.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import erf

from gradient_atlas.datasets.load import Data
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.theory.gaussian import correlation, expectation, second_moment
from gradient_atlas.theory.mean_field import variance_map, weight_variance
from gradient_atlas.theory.nonlinearity import Nonlinearity
from gradient_atlas.theory.norms_of_runs import network_of
from gradient_atlas.theory.prediction import first_variance, forward_pass, predict

ALIKE = 0.95  # the mean cosine of two inputs' activations from which they count as one
EXPONENTS = {"float16": -24, "bfloat16": -133, "float32": -149}


def lost_share(
    activation: Nonlinearity, q: float, log10_rms: float, format_name: str, loss_scale: int
) -> float:
    """Share of entries that round to 0, their rms being 10^log10_rms and the units below at q."""
    log10_threshold = (EXPONENTS[format_name] - 1 - loss_scale) * math.log10(2)
    size = math.sqrt(float(second_moment(activation, q)))
    relative = 10.0 ** min(log10_threshold - log10_rms, 300.0) * size / math.sqrt(2)

    def lost(u: np.ndarray) -> np.ndarray:
        return np.asarray(erf(relative / np.maximum(np.abs(activation.value(u)), 1e-300)))

    return float(expectation(lost, q))


def predict_lost_shares(
    runs: Mapping[str, Run], data: Mapping[str, Data], loss_scales: Sequence[int]
) -> pd.DataFrame:
    """Return a row for each variant, layer above the first, format and loss scale.

    The share is nan of a layer whose inputs differ, and with normalisation or residual layers.

    Args:
        runs: by variant.
        data: by name the data sets of the runs, in float64.
        loss_scales: k of 2^k.
    """
    rows = [
        {"variant": variant} | row
        for variant, run in runs.items()
        for row in _layers(run, data[run.dataset], loss_scales)
    ]
    return pd.DataFrame(rows)


def _layers(run: Run, data: Data, loss_scales: Sequence[int]) -> Iterator[dict[str, Any]]:
    network = network_of(run)
    activation = network.activation
    plain = run.normalization == "none" and not run.residual  # others have another recursion of q
    probe = slice(run.probe_examples)
    inputs = run.input_scale * data.train_inputs[probe].numpy()
    predicted = predict(network, inputs, data.train_labels[probe].numpy(), data.classes)
    q = first_variance(network, inputs)
    sizes = [inputs.shape[1], *[run.width] * (run.depth - 1), data.classes]
    variances = [
        weight_variance(run.initialization, n_in, n_out, run.weight_std)
        for n_in, n_out in pairwise(sizes)
    ]
    moments = forward_pass(network, inputs, sizes, variances).moments
    for layer in range(2, run.depth + 1):
        n_in, n_out = sizes[layer - 1], sizes[layer]
        norm = float(predicted.log10_weight_gradient_norm[layer - 1])
        rms = norm - math.log10(n_in * n_out) / 2
        alike = plain and _mean_cosine(moments[layer - 1]) >= ALIKE
        for name in EXPONENTS:
            for k in loss_scales:
                yield {
                    "layer": layer,
                    "format": name,
                    "loss_scale": k,
                    "log10_rms": rms,
                    "lost_share": lost_share(activation, q, rms, name, k) if alike else math.nan,
                }
        q = variance_map(activation, q, n_in * variances[layer - 1], run.bias_std**2)


def _mean_cosine(moment: np.ndarray) -> float:
    """Of different inputs; moment: (B, B), E[a_i a_j] of each two of them."""
    cosines = correlation(moment)
    pairs = len(cosines) * (len(cosines) - 1)
    return float((cosines.sum() - np.trace(cosines)) / pairs) if pairs else 1.0
