"""Which initialisation balances which activation, and whether ReLU's variants are steadier."""

from collections.abc import Callable

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    factors,
    measured_slope,
    predicted_factor,
    prediction_of,
    select,
    spread_over_layers,
)
from gradient_atlas.measures.runs import by_seed
from gradient_atlas.runs.names import name_of

DEPTH = 50  # another depth in the config leaves the claims unmeasured


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Which initialisation balances which activation, and whether ReLU's variants are steadier."""
    gradients = tables["gradients"]
    found = [
        _balanced(tables, f"xavier-for-saturating/{activation}", activation, "xavier", "Xavier")
        for activation in ("sigmoid", "tanh")
    ]
    found.append(_balanced(tables, "he-for-relu/he", "relu", "he", "He"))
    he = select(gradients, "relu", "he", depth=DEPTH)
    for name, text in (("xavier", "N(0, 1/n)"), ("standard", "standard U(±1/√n)")):
        other = select(gradients, "relu", name, depth=DEPTH)
        found.append(
            Claim(
                claim=f"he-for-relu/against-{name}",
                source="V section 5 (vanishing, 4)",
                statement=f"He initialisation balances ReLU's gradients, better than {text}",
                condition=describe(
                    other,
                    "0, for better is closer to no change per layer; Xavier is N(0, 1/n) in "
                    "all hidden layers of equal width",
                ),
                quantity="|decades per layer of the error signal| with He weights minus that of "
                "the other, seed by seed",
                values=_paired(he, other, lambda one: abs(measured_slope(one))),
                upper=0.0,
                unit="decades/layer",
            )
        )
    for name in ("leaky_relu", "gelu", "silu"):
        rows = select(gradients, name, "he", depth=DEPTH)
        found.append(_steadier(tables, name, rows, he))
    return found


def _balanced(
    tables: dict[str, DataFrame], claim: str, activation: str, initialization: str, title: str
) -> Claim:
    rows = select(tables["gradients"], activation, initialization, depth=DEPTH)
    bound = STABLE_DECADES / (DEPTH - 2)
    predicted = predicted_factor(tables["theory"], rows)
    return Claim(
        claim=claim,
        source="V section 5 (vanishing, 4)",
        statement=f"{title} initialisation balances gradient magnitudes for {activation}",
        condition=describe(
            rows,
            f"{STABLE_DECADES:g} decades over the hidden layers either way, for '1-2 orders' is "
            "what F figure 1 calls stable",
        ),
        quantity="factor of the error signal's norm per layer towards the input",
        values=factors(rows),
        lower=10**-bound,
        upper=10**bound,
        remark=f"Theory: √(n Var(W) E[φ'²]) = {predicted:.3f}. Xavier's variance assumes "
        "φ'(0) = 1 (Glorot & Bengio 2010, section 4.2.1); a sigmoid has 1/4."
        if activation == "sigmoid"
        else f"Theory: √(n Var(W) E[φ'²]) = {predicted:.3f}.",
    )


def _steadier(tables: dict[str, DataFrame], name: str, rows: DataFrame, relu: DataFrame) -> Claim:
    own = by_seed(rows, lambda one: spread_over_layers(one, ERROR))
    predicted = prediction_of(tables["theory"], rows) if len(rows) else DataFrame()
    slope = float(predicted.asymptotic_slope.iloc[0]) if len(predicted) else np.nan
    return Claim(
        claim=f"variants-stabilise/{name}",
        source="F example 3",
        statement="Leaky ReLU, GELU and Swish further stabilize",
        condition=describe(rows, "0, for further is more than ReLU with He weights, same seeds"),
        quantity="largest minus smallest log10 of the error signal's norm over all layers, minus "
        "that of ReLU, seed by seed",
        values=_paired(rows, relu, lambda one: spread_over_layers(one, ERROR)),
        upper=0.0,
        unit="decades",
        remark=f"{name_of(name)}'s norms span {np.mean(own) if own else np.nan:.2g} decades. He's "
        "factor 2 is made for ReLU, of which half the units pass: near 0 GELU and SiLU have slope "
        "1/2 everywhere, so 2 E[φ'²] falls to 1/2 as the activations shrink, "
        f"{slope:+.3f} decades per layer in the end."
        if name != "leaky_relu"
        else f"The slope 0.01 changes 2 E[φ'²] from 1 to 1.0001 ({slope:+.5f} decades per layer): "
        "nothing that a difference between seeds could show.",
    )


def _paired(
    rows: DataFrame, other: DataFrame, measure: Callable[[DataFrame], float]
) -> list[float]:
    """Differences of a measure between two networks, over the seeds that both have."""
    seeds = sorted(set(rows.seed) & set(other.seed))
    return [measure(rows[rows.seed == seed]) - measure(other[other.seed == seed]) for seed in seeds]
