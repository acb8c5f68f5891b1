"""What the sources say about norms and depth at initialisation, decided by that figure's tables."""

from functools import partial

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    WEIGHT,
    decades,
    factors,
    input_over_output,
    predicted_factor,
    select,
    spread_over_layers,
    straightness,
)
from gradient_atlas.measures.runs import by_seed

DEPTH = 50  # another depth in the config leaves the claims unmeasured


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """What the sources say about norms and depth at initialisation."""
    return [
        *_sigmoid_claims(tables),
        *_tanh_claims(tables),
        *_large_initialization_claims(tables),
        *_he_claims(tables),
    ]


def _sigmoid_claims(tables: dict[str, DataFrame]) -> list[Claim]:
    gradients, theory = tables["gradients"], tables["theory"]
    xavier = select(gradients, "sigmoid", "xavier", depth=DEPTH)
    measured = factors(xavier, WEIGHT)
    instead = (
        f"The factor is √(n Var(W) E[σ'(z)²]) (Schoenholz et al. 2017), with Xavier weights "
        f"{_theory_text(theory, xavier)}, and 0.25 only if z = 0 everywhere and n Var(W) = 1; with "
        f"standard weights {_theory_text(theory, select(gradients, 'sigmoid', 'standard'))}."
    )
    return [
        Claim(
            claim="sigmoid-exponential-decay",
            source="F example 1",
            statement="the gradient norm of a sigmoid network decays exponentially with depth",
            condition=describe(
                xavier, "R² of at least 0.99, for an exponential is a straight line in log10"
            ),
            quantity="R² of a straight line through log10 ‖∂L/∂W‖ over layers 2 to L-1; 0 where it "
            "rises towards the input",
            values=by_seed(xavier, lambda one: straightness(one, WEIGHT)),
            lower=0.99,
        ),
        Claim(
            claim="sigmoid-quarter-per-layer",
            source="F example 1",
            statement="‖∇θ‖ goes like 0.25^(L-l)",
            condition=describe(xavier, "0.25 to the two digits printed"),
            quantity="factor of ‖∂L/∂W‖ per layer towards the input",
            values=measured,
            lower=0.245,
            upper=0.255,
            remark=instead,
        ),
        Claim(
            claim="sigmoid-quarter-per-layer/at-most",
            source="F example 1",
            statement="the factors are ≲ 0.25",
            condition=describe(xavier, "0.25 as printed"),
            quantity="factor of ‖∂L/∂W‖ per layer towards the input",
            values=measured,
            upper=0.25,
        ),
    ]


def _theory_text(theory: DataFrame, rows: DataFrame) -> str:
    value = predicted_factor(theory, rows)
    return "not predicted" if np.isnan(value) else f"{value:.3f}"


def _tanh_claims(tables: dict[str, DataFrame]) -> list[Claim]:
    found = []
    remarks = {
        ("standard", WEIGHT): "The error signal and the activations both shrink by √(n Var(W)) = "
        "1/√3 per layer, one towards the input and one away from it: their product, the weight "
        "gradient, is as small in every layer. What vanishes is its level, not its slope.",
        ("xavier", ERROR): "n Var(W) = 1 is critical for tanh (Poole et al. 2016): q falls as "
        "1/(2l), χ = 1 - 2q, and the product of the χ is a power of the depth, not an exponential.",
    }
    remarks["xavier", WEIGHT] = (
        f"{remarks['xavier', ERROR]} Activations fall as 1/√(2l) and the error signal as √(l/L) "
        "towards the input: their product, the weight gradient, is as large in every layer."
    )
    for name in ("standard", "xavier"):
        rows = select(tables["gradients"], "tanh", name, depth=DEPTH)
        for column, word in ((ERROR, "error-signal"), (WEIGHT, "weight-gradient")):
            found.append(
                Claim(
                    claim=f"tanh-vanishes/{name}-{word}",
                    source="F example 1; V section 1",
                    statement="tanh is similar: vanishing remains dominant in deep nets",
                    condition=describe(
                        rows,
                        "a loss of more than 2 decades over all layers, for 'within 1-2 orders' is "
                        "how the source describes what does not vanish",
                    ),
                    quantity=f"log10 of {column.replace('_', ' ')} at layer 1 over layer L",
                    values=by_seed(rows, partial(input_over_output, column=column)),
                    upper=-STABLE_DECADES,
                    unit="decades",
                    remark=remarks.get((name, column), ""),
                )
            )
        found.append(
            Claim(
                claim=f"tanh-vanishes/{name}-level",
                source="F example 1",
                statement="tanh is similar: early layers receive gradients < 1e-10",
                condition=describe(rows, "the sentence's 1e-10"),
                quantity="log10 ‖∂L/∂W‖ of layer 1",
                values=by_seed(rows, lambda one: float(decades(one, WEIGHT)[0])),
                upper=-10,
                unit="decades",
                remark=remarks[name, WEIGHT],
            )
        )
    return found


def _large_initialization_claims(tables: dict[str, DataFrame]) -> list[Claim]:
    found = []
    for activation in ("tanh", "relu", "sigmoid"):
        rows = select(tables["gradients"], activation, "normal", 1.0, depth=DEPTH)
        found.append(
            Claim(
                claim=f"large-init-explodes/{activation}",
                source="F example 2",
                statement="with N(0, 1) weights the backward signal grows exponentially, c > 1",
                condition=describe(rows, "c > 1 as printed"),
                quantity="factor c of the error signal's norm per layer towards the input",
                values=factors(rows),
                lower=1.0,
                remark=f"In the wide limit c = √(n E[φ'²]) = {_theory_text(tables['theory'], rows)}"
                "; saturation is in E[φ'²].",
            )
        )
    return found


def _he_claims(tables: dict[str, DataFrame]) -> list[Claim]:
    rows = select(tables["gradients"], "relu", "he", depth=DEPTH)
    return [
        Claim(
            claim=f"relu-he-flat/{word}",
            source="F example 3; F figure 1",
            statement="with ReLU and He initialisation norms stay within 1 to 2 orders",
            condition=describe(rows, "2 orders, the wider of the two printed"),
            quantity=f"largest minus smallest log10 {column.replace('_', ' ')} over all layers",
            values=by_seed(rows, partial(spread_over_layers, column=column)),
            upper=STABLE_DECADES,
            unit="decades",
        )
        for column, word in ((WEIGHT, "weight-gradient"), (ERROR, "error-signal"))
    ]
