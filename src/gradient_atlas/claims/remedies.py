"""What the sweeps of remedies say about batch normalisation and residual layers.

The claims of the figure ``remedies``; every number comes from its tables.
"""

import math
from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    at_initialization,
    decades,
    factors,
)
from gradient_atlas.measures.runs import by_seed, mean, of_variant

# Factor of the error signal per layer of a deep ReLU network with batch normalisation before the
# activation, whatever the weights' size, for large batches whose examples are equally far apart:
# Yang et al. 2019, section 4.
BATCH_NORM_RELU = math.sqrt(math.pi / (math.pi - 1))


def _hidden(seed: DataFrame, column: str = ERROR) -> np.ndarray:
    """log10 of a column in the hidden layers, 1 to L-1, of one seed at one step."""
    rows = seed.sort_values("layer")
    return decades(rows, column)[:-1]


def _range(seed: DataFrame, column: str = ERROR) -> float:
    """Largest minus smallest log10 among the hidden layers; infinite where a norm is 0."""
    values = _hidden(seed, column)
    return float(np.ptp(values)) if np.isfinite(values).all() else math.inf


def _range_over_training(seed: DataFrame) -> float:
    """The largest range at any logged step after the first update."""
    trained = seed[seed.step > 0]
    return max((_range(rows) for _, rows in trained.groupby("step")), default=math.nan)


def _condition(rows: DataFrame) -> str:
    if rows.empty:
        return "not in the config"
    first = rows.iloc[0]
    return (
        f"{first.depth} layers of width {first.width}, {first.activation}, {first.dataset}, "
        f"{rows.step.max()} updates"
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether batch normalisation stabilises, and what residual layers let through."""
    start = at_initialization(tables["start"])
    return [*batch_norm(start, tables["gradients"]), *residual_layers(start)]


def batch_norm(start: DataFrame, trained: DataFrame) -> list[Claim]:
    """Whether gradients and activations stay within bounds, before and during training."""
    found = []
    for variant in ("sigmoid", "relu"):
        for part, table, measure in (
            ("batch_norm", start, _range),
            ("batch_norm_after", start, _range),
            ("batch_norm", trained, _range_over_training),
        ):
            rows = of_variant(table, f"{variant}_{part}")
            when = "training" if table is trained else "initialization"
            found.append(
                Claim(
                    claim=f"batch-norm-stabilises/{variant}-"
                    f"{'after-activation-' if part.endswith('after') else ''}{when}",
                    source="V section 5.2",
                    statement="batch normalisation stabilises gradient magnitudes",
                    condition=f"{_condition(rows)}; bound: stable is within two orders of "
                    "magnitude, as F figure 1 says of what does not vanish",
                    quantity="largest minus smallest log10 error signal norm among the hidden "
                    f"layers{', the largest of all logged steps' if table is trained else ''}",
                    values=by_seed(rows, measure),
                    upper=STABLE_DECADES,
                    unit="decades",
                    remark=_batch_norm_remark(rows),
                )
            )
    rows = of_variant(start, "relu_batch_norm")
    found.append(
        Claim(
            claim="batch-norm-stabilises/relu-activations",
            source="V section 5 (exploding gradients 4)",
            statement="batch normalisation stabilises activations",
            condition=f"{_condition(rows)}; bound: as for gradients, two orders of magnitude",
            quantity="largest minus smallest log10 rms activation among the hidden layers",
            values=by_seed(rows, lambda seed: _range(seed, "activation_rms")),
            upper=STABLE_DECADES,
            unit="decades",
        )
    )
    return found


def _batch_norm_remark(rows: DataFrame) -> str:
    if rows.empty:
        return ""
    if rows.step.max() > 0:
        ends = by_seed(rows[rows.step == rows.step.max()], _range)
        return f"At the end of training it is {mean(ends):.2g} decades."
    remark = f"The error signal changes by {mean(factors(rows)):.3f} per layer towards the input."
    if rows.activation.iloc[0] == "relu":
        remark += (
            " ReLU and weights multiply ‖δ‖² by σ_w²/2, and normalisation before the activation "
            "divides it by the variance of z within the batch, σ_w² (1/2 - 1/2π), which leaves out "
            "the mean. In a large batch of examples equally far apart that makes "
            f"√(π/(π-1)) = {BATCH_NORM_RELU:.3f} a layer, whatever the weights' size (Yang et al. "
            "2019, section 4)."
        )
    return remark


def independent_growth(rows: DataFrame) -> float:
    """√(1 + s² n σ²/2): by what the signal of a residual ReLU layer grows if it is independent of
    the layer's weights."""
    if rows.empty:
        return math.nan
    first = rows.iloc[0]
    return math.sqrt(1 + first.residual_scale**2 * first.width * first.weight_std**2 / 2)


def activation_growth(rows: DataFrame) -> float:
    """Factor of the activations' rms per layer towards the output, mean over seeds."""
    return mean([1 / factor for factor in factors(rows, "activation_rms")])


def _residual_reason(variant: str, rows: DataFrame) -> str:
    reason = "The identity passes the signal on whole and the branch adds to it"
    if variant != "relu" or rows.empty:
        return f"{reason}: ‖∂ℓ/∂a‖² grows by 1 + s² n σ² E[φ'²] (Yang & Schoenholz 2017)."
    return (
        f"{reason}, by {independent_growth(rows):.3f} a layer if the weights were independent of "
        "the signal. With ReLU they are not: a·∂ℓ/∂a is the same in all layers of a homogeneous "
        "network, and activations, which ReLU gives a mean, shrink towards the input by "
        f"{activation_growth(rows):.3f} a layer; the signal's part along them grows by as much, "
        "and leads after about ln n layers (theory/alignment.py)."
    )


def residual_layers(start: DataFrame) -> list[Claim]:
    """Whether gradients get through residual layers, and whether they stay within bounds."""
    found = []
    for variant in ("sigmoid", "relu"):
        plain = mean(factors(of_variant(start, variant)))
        for part in ("residual", "residual_scaled"):
            rows = of_variant(start, f"{variant}_{part}")
            name = f"{variant}{part.removeprefix('residual').replace('_', '-')}"
            shared: dict[str, Any] = {
                "unit": "decades",
                "remark": f"Per layer towards the input the factor is {mean(factors(rows)):.3g}, "
                f"that of the plain network {plain:.3g}. {_residual_reason(variant, rows)}",
            }
            found += [
                Claim(
                    claim=f"residual-identity-path/{name}-propagates",
                    source="V section 5.3",
                    statement="with y = f(x) + x gradients propagate through the identity path",
                    condition=f"{_condition(rows)}; bound: at most two orders of magnitude are "
                    "lost, as F figure 1 says of what does not vanish",
                    quantity="log10 error signal norm, first residual layer minus last",
                    values=by_seed(rows, lambda seed: _hidden(seed)[1] - _hidden(seed)[-1]),
                    lower=-STABLE_DECADES,
                    **shared,
                ),
                Claim(
                    claim=f"residual-identity-path/{name}-stable",
                    source="V section 8",
                    statement="residual connections mitigate vanishing and exploding gradients in "
                    "very deep networks",
                    condition=f"{_condition(rows)}; bound: stable is within two orders of "
                    "magnitude, as F figure 1 says of what does not vanish",
                    quantity="largest minus smallest log10 error signal norm among the residual "
                    "layers",
                    values=by_seed(rows, lambda seed: _range(seed[seed.layer > 1])),
                    upper=STABLE_DECADES,
                    **shared,
                ),
            ]
    return found
