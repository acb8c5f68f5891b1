"""Which initialisation balances which activation, and whether ReLU's variants are steadier."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe, told
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    WEIGHT,
    decades,
    deepest,
    factors,
    measured_slope,
    predicted_factor,
    prediction_of,
    select,
    spread_over_layers,
)
from gradient_atlas.measures.map_of_networks import STEADY
from gradient_atlas.measures.runs import by_seed, mean
from gradient_atlas.runs.names import name_of

SMALL = 0.5  # of Xavier's standard deviation: below that of standard weights, 1/√3 of it


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Which initialisation balances which activation, and whether ReLU's variants are steadier."""
    gradients = tables["gradients"]
    found = [
        _balanced(tables, f"xavier-for-saturating/{activation}", activation, "xavier", "Xavier")
        for activation in ("sigmoid", "tanh")
    ]
    found.append(_balanced(tables, "he-for-relu/he", "relu", "he", "He"))
    he = _network(gradients, "relu", "he")
    for name, text in (("xavier", "N(0, 1/n)"), ("standard", "standard U(±1/√n)")):
        other = _network(gradients, "relu", name)
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
    for name in STEADY[1:]:
        rows = _network(gradients, name, "he")
        found.append(_steadier(tables, name, rows, he))
    for name in ("sigmoid", "tanh"):
        found += _smaller(gradients, name)
    return found


def _network(gradients: DataFrame, activation: str, initialization: str) -> DataFrame:
    return deepest(select(gradients, activation, initialization))


def _smaller(gradients: DataFrame, activation: str) -> list[Claim]:
    """Weights far below Xavier's against Xavier's: the first layer's gradient, and the last's."""
    xavier = _network(gradients, activation, "xavier")
    rows = select(gradients, activation, "normal")
    # Xavier's standard deviation in a hidden layer of equal width is 1/√n.
    rows = rows[rows.weight_std * np.sqrt(rows.width) <= SMALL]
    rows = deepest(rows[rows.weight_std == rows.weight_std.min()])
    shared: dict[str, Any] = {"source": "V section 1 (causes)", "unit": "decades"}
    first = _paired(rows, xavier, lambda one: float(decades(one, WEIGHT)[0]))
    last = _paired(rows, xavier, lambda one: float(decades(one, WEIGHT)[-1]))
    return [
        Claim(
            claim=f"small-weights/{activation}-further",
            statement="small weights can reduce gradients further",
            condition=describe(rows, "0, for further is more than with Xavier weights, same seeds"),
            quantity="log10 of the weight gradient of layer 1 minus that with Xavier weights, seed "
            "by seed",
            values=first,
            upper=0.0,
            kind="some",
            **shared,
        ),
        Claim(
            claim=f"small-weights/{activation}-early",
            statement="small weights can reduce gradients further, especially in early layers",
            condition=describe(
                rows,
                f"{STABLE_DECADES:g} decades more in layer 1 than in layer L, beyond what F figure "
                "1 calls stable, for especially in early layers",
            ),
            quantity="log10 of the weight gradient over that with Xavier weights, of layer 1 minus "
            "of layer L, seed by seed",
            values=[early - late for early, late in zip(first, last, strict=True)],
            upper=-STABLE_DECADES,
            kind="some",
            remark="Where φ(0) = 0 small weights shrink the activations on the way forward as the "
            "error signal on the way back: the weight gradient, their product, is nearly as "
            "small in every layer."
            if activation == "tanh"
            else "A sigmoid's activations stay at φ(0) = 1/2 however small the weights: what "
            "shrinks is the error signal, layer by layer.",
            **shared,
        ),
    ]


def _balanced(
    tables: dict[str, DataFrame], claim: str, activation: str, initialization: str, title: str
) -> Claim:
    rows = _network(tables["gradients"], activation, initialization)
    # The factor is that over layers 2 to L-1.
    bound = STABLE_DECADES / max(1, int(rows.depth.max()) - 3) if len(rows) else STABLE_DECADES
    predicted = predicted_factor(tables["theory"], rows)
    in_theory = told(predicted)
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
        remark=f"Theory: √(n Var(W) E[φ'²]) = {in_theory}. Xavier's variance assumes "
        "φ'(0) = 1 (Glorot & Bengio 2010, section 4.2.1); a sigmoid has 1/4."
        if activation == "sigmoid"
        else f"Theory: √(n Var(W) E[φ'²]) = {in_theory}.",
    )


def _steadier(tables: dict[str, DataFrame], name: str, rows: DataFrame, relu: DataFrame) -> Claim:
    own = by_seed(rows, lambda one: spread_over_layers(one, ERROR))
    predicted = prediction_of(tables["theory"], rows) if len(rows) else DataFrame()
    slope = float(predicted.asymptotic_slope.iloc[0]) if len(predicted) else np.nan
    in_theory = f"{told(slope, '+.5f')} decades per layer"
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
        remark=f"{name_of(name)}'s norms span {told(mean(own), '.2g')} decades. He's "
        "factor 2 is made for ReLU, of which half the units pass: near 0 GELU and SiLU have slope "
        "1/2 everywhere, so 2 E[φ'²] falls to 1/2 as the activations shrink, "
        f"{in_theory} in the end."
        if name != "leaky_relu"
        else f"The slope 0.01 changes 2 E[φ'²] from 1 to 1.0001 ({in_theory}): "
        "nothing that a difference between seeds could show.",
    )


def _paired(
    rows: DataFrame, other: DataFrame, measure: Callable[[DataFrame], float]
) -> list[float]:
    """Differences of a measure between two networks, over the seeds that both have."""
    seeds = sorted(set(rows.seed) & set(other.seed))
    return [measure(rows[rows.seed == seed]) - measure(other[other.seed == seed]) for seed in seeds]
