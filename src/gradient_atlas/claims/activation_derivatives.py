"""The bounds on derivatives and ten factors of 0.1: identities all, which no network could break.

They are checked by automatic differentiation, and stand apart from the verdicts. What a sentence
concludes from them about networks is decided elsewhere (sigmoid-quarter-per-layer and others).
"""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.chain import first_gradient
from gradient_atlas.measures.runs import where

# Rounding of float64, in which the table is made; a bound itself may be reached, not passed.
ROUNDING = 1e-12
TENTH, TEN = 0.1, 10  # V section 1 (example)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The bounds on derivatives, their decay, and ten factors of 0.1."""
    return [*_bounds(tables), *_values(tables), *_fades(tables), _tenths(tables["chain"])]


def _sampled(activations: DataFrame, name: str) -> str:
    rows = where(activations, activation=name)
    if rows.empty:
        return "no such activation in the config"
    return (
        f"φ' by automatic differentiation in float64 on {len(rows)} points of "
        f"[{rows.z.min():g}, {rows.z.max():g}]"
    )


def _bounds(tables: dict[str, DataFrame]) -> list[Claim]:
    found = []
    for name, bound, statement in (
        ("sigmoid", 0.25, "sigmoid'(z) ≤ 0.25"),
        ("tanh", 1.0, "tanh'(z) ≤ 1"),
    ):
        rows = where(tables["activations"], activation=name)
        found.append(
            Claim(
                claim=f"derivative-bounds/{name}",
                source="V section 1 (causes); F example 1",
                statement=statement,
                condition=f"{_sampled(tables['activations'], name)}; bound: the sentence's, with "
                f"{ROUNDING:g} for rounding",
                quantity=f"largest {name}'(z)",
                values=[float(rows.derivative.max())] if len(rows) else [],
                upper=bound + ROUNDING,
                kind="identity",
            )
        )
    return found


def _values(tables: dict[str, DataFrame]) -> list[Claim]:
    found = []
    for name, steps, source, statement in (
        ("relu", (0.0, 1.0), "F example 3", "ReLU' is 1 when z > 0, or 0"),
        ("leaky_relu", (0.01, 1.0), "V section 5.1", "Leaky ReLU' is 0.01 or 1"),
    ):
        rows = where(tables["activations"], activation=name)
        away = np.abs(rows.derivative.to_numpy()[:, None] - np.array(steps)).min(axis=1)
        found.append(
            Claim(
                claim=f"derivative-bounds/{name}",
                source=source,
                statement=statement,
                condition=f"{_sampled(tables['activations'], name)}; bound: no other value than "
                f"those two, with {ROUNDING:g} for rounding (at the kink z = 0 automatic "
                "differentiation takes the left one)",
                quantity="largest distance of a derivative from the nearer of the two values",
                values=[float(away.max())] if len(rows) else [],
                upper=ROUNDING,
                kind="identity",
            )
        )
    return found


def _fades(tables: dict[str, DataFrame]) -> list[Claim]:
    """σ'(z) = 1/(2 + e^z + e^-z) ≤ e^-|z| and tanh'(z) = 4 σ'(2z) ≤ 4 e^-2|z|."""
    found = []
    for name, rate, most in (("sigmoid", 1, 1.0), ("tanh", 2, 4.0)):
        rows = where(tables["activations"], activation=name)
        scaled = rows.derivative * np.exp(rate * rows.z.abs())
        exponent = "|z|" if rate == 1 else f"{rate}|z|"
        found.append(
            Claim(
                claim=f"derivatives-fade/{name}",
                source="V section 7",
                statement="sigmoid and tanh derivatives approach 0 for large |z|",
                condition=f"{_sampled(tables['activations'], name)}; bound: {name}'(z) ≤ {most:g} "
                f"exp(-{exponent}), which its definition gives, with {ROUNDING:g} for rounding",
                quantity=f"largest {name}'(z) exp({exponent})",
                values=[float(scaled.max())] if len(rows) else [],
                # 1 - tanh² cancels at large |z|: its rounding is that of 1, times the exponential.
                upper=most + ROUNDING * max(1.0, float(np.exp(rate * rows.z.abs().max())))
                if len(rows)
                else most,
                kind="identity",
            )
        )
    return found


def _tenths(chain: DataFrame) -> Claim:
    layers = int(chain.layer.max()) if len(chain) else 0
    left = first_gradient(chain, TENTH)
    return Claim(
        claim="product-of-tenths",
        source="V section 1 (example)",
        statement="ten layers that scale a gradient by 0.1 each reduce it to 1e-10",
        condition=f"arithmetic: {layers} scalar layers a_l = {TENTH:g} a_(l-1); bound: "
        f"{TENTH:g}^{TEN} within a relative 1e-9 for rounding",
        quantity="gradient at the first layer over that at the output, by automatic "
        "differentiation",
        values=[left] if layers == TEN and not np.isnan(left) else [],
        lower=TENTH**TEN * (1 - 1e-9),
        upper=TENTH**TEN * (1 + 1e-9),
        remark="In a network the factor of a layer is that of weights and derivative together, "
        "√(n Var(W) E[φ'²]) (Schoenholz et al. 2017, eq. 9), not φ' alone.",
        kind="identity",
    )
