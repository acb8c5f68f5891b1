"""What the sources say about norms and depth at initialisation, decided by that figure's tables."""

from functools import partial

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
    input_over_output,
    predicted_factor,
    select,
    spread_over_layers,
    straightness,
)
from gradient_atlas.measures.runs import by_seed, mean

PRINTED = 0.25  # the factor per layer of F example 1
PRINTED_LAYERS = 15  # the most layers that F example 1 and figure 1 speak of


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """What the sources say about norms and depth at initialisation."""
    return [
        *(claim for name in ("xavier", "standard") for claim in _sigmoid_claims(tables, name)),
        *_tanh_claims(tables),
        *(_explodes(tables, name) for name in ("tanh", "relu", "sigmoid")),
        *_he_claims(tables),
    ]


def _network(
    tables: dict[str, DataFrame], activation: str, initialization: str, std: float | None = None
) -> DataFrame:
    return deepest(select(tables["gradients"], activation, initialization, std))


def _sigmoid_claims(tables: dict[str, DataFrame], initialization: str) -> list[Claim]:
    rows = _network(tables, "sigmoid", initialization)
    measured = factors(rows, WEIGHT)
    missed = [PRINTED_LAYERS * abs(float(np.log10(factor / PRINTED))) for factor in measured]
    remark = (
        f"The factor is √(n Var(W) E[σ'(z)²]) (Schoenholz et al. 2017), here "
        f"{_theory_text(tables['theory'], rows)} by theory and {told(mean(measured))} measured; it "
        "is 0.25 where z = 0 everywhere and n Var(W) = 1, or a larger variance makes up for σ' < "
        "0.25. A difference that is small in one layer adds up: the verdict is that of this depth."
    )
    return [
        Claim(
            claim=f"sigmoid-exponential-decay/{initialization}",
            source="F example 1",
            statement="the gradient norm of a sigmoid network decays exponentially with depth",
            condition=describe(
                rows, "R² of at least 0.99, for an exponential is a straight line in log10"
            ),
            quantity="R² of a straight line through log10 ‖∂L/∂W‖ over layers 2 to L-1; 0 where it "
            "rises towards the input",
            values=by_seed(rows, lambda one: straightness(one, WEIGHT)),
            lower=0.99,
        ),
        Claim(
            claim=f"sigmoid-quarter-per-layer/{initialization}",
            source="F example 1",
            statement="‖∇θ‖ ∼ 0.25^(L-l)",
            condition=describe(
                rows,
                f"'∼' is the order of magnitude: after the {PRINTED_LAYERS} layers that the source "
                "speaks of, 0.25^(L-l) is right within one decade",
            ),
            quantity=f"decades by which 0.25^{PRINTED_LAYERS} misses what {PRINTED_LAYERS} layers "
            "leave of ‖∂L/∂W‖ at the measured factor per layer",
            values=missed,
            upper=1.0,
            unit="decades",
            remark=remark,
        ),
        Claim(
            claim=f"sigmoid-quarter-per-layer/{initialization}-at-most",
            source="F example 1",
            statement="repeated multiplication by factors ≲ 0.25",
            condition=describe(rows, "0.25 as printed"),
            quantity="factor of ‖∂L/∂W‖ per layer towards the input",
            values=measured,
            upper=PRINTED,
            remark=remark,
        ),
    ]


def _theory_text(theory: DataFrame, rows: DataFrame) -> str:
    return told(predicted_factor(theory, rows))


def _tanh_claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The sentence is about networks "without careful scaling": standard, and N(0, 1), weights."""
    found = []
    remarks = {
        ("standard", WEIGHT): "The error signal shrinks towards the input and the activations away "
        "from it, both by √(n Var(W)) = 1/√3 per layer while tanh is linear: their product, the "
        "weight gradient, is as small in every layer. What vanishes is its level, not its slope.",
        ("large", ERROR): "Weights too large for tanh are no careful scaling either, and there the "
        "error signal grows: which of the two happens is decided by n Var(W) E[φ'²].",
    }
    networks = {
        "standard": _network(tables, "tanh", "standard"),
        "large": _network(tables, "tanh", "normal", 1.0),
    }
    for name, column, word in (
        ("standard", ERROR, "error-signal"),
        ("standard", WEIGHT, "weight-gradient"),
        ("large", ERROR, "error-signal"),
    ):
        rows = networks[name]
        found.append(
            Claim(
                claim=f"tanh-vanishes/{name}-{word}",
                source="F example 1; V section 1",
                statement="tanh is similar: vanishing remains dominant in deep nets without "
                "careful scaling",
                condition=describe(
                    rows,
                    f"a loss of more than {STABLE_DECADES:g} decades over all layers, for 'within "
                    "1-2 orders' is how the source describes what does not vanish",
                ),
                quantity=f"log10 of {column.replace('_', ' ')} at layer 1 over layer L",
                values=by_seed(rows, partial(input_over_output, column=column)),
                upper=-STABLE_DECADES,
                unit="decades",
                remark=remarks.get((name, column), ""),
            )
        )
    rows = networks["standard"]
    found.append(
        Claim(
            claim="tanh-vanishes/standard-level",
            source="F example 1",
            statement="tanh is similar: early layers receive gradients < 1e-10",
            condition=describe(rows, "the sentence's 1e-10"),
            quantity="log10 ‖∂L/∂W‖ of layer 1",
            values=by_seed(rows, lambda one: float(decades(one, WEIGHT)[0])),
            upper=-10,
            unit="decades",
            remark=remarks["standard", WEIGHT],
        )
    )
    return found


def _explodes(tables: dict[str, DataFrame], activation: str) -> Claim:
    rows = _network(tables, activation, "normal", 1.0)
    return Claim(
        claim=f"large-init-explodes/{activation}",
        source="F example 2; V section 2",
        statement="with N(0, 1) weights the backward signal grows exponentially, ‖δ‖ ∼ c^(L-l) "
        "with c > 1",
        condition=describe(
            rows,
            "c > 1, as printed",
        ),
        quantity="factor of the error signal's norm per layer towards the input",
        values=factors(rows),
        lower=1.0,
        remark=f"Measured c = {told(mean(factors(rows)))} per layer; in the wide limit √(n Var(W) "
        f"E[φ'²]) = {_theory_text(tables['theory'], rows)}; saturation is in E[φ'²].",
    )


def _he_claims(tables: dict[str, DataFrame]) -> list[Claim]:
    rows = _network(tables, "relu", "he")
    return [
        Claim(
            claim=f"relu-he-flat/{word}",
            source="F example 3; F figure 1",
            statement="with ReLU and He initialisation norms stay within 1 to 2 orders",
            condition=describe(rows, f"{STABLE_DECADES:g} orders, the wider of the two printed"),
            quantity=f"largest minus smallest log10 {column.replace('_', ' ')} over all layers",
            values=by_seed(rows, partial(spread_over_layers, column=column)),
            upper=STABLE_DECADES,
            unit="decades",
        )
        for column, word in ((WEIGHT, "weight-gradient"), (ERROR, "error-signal"))
    ]
