"""Whether momentum and Adam train at the edge of stability that theory gives each of them, and
what large steps do to two linear layers."""

import math

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.quadratic_trajectories import FOUR_DIGITS
from gradient_atlas.measures.edge import NEAR
from gradient_atlas.measures.optimizer_edges import (
    bisected,
    curvature_change,
    diverged_share,
    ends,
    flattest_needed,
    phase,
    prediction_error,
)
from gradient_atlas.runs.names import name_of

FORMULAS = {
    "heavy_ball": "2(1 + β)/η",
    "nesterov": "2(1 + β)/((1 + 2β)η)",
    "adam": "2(1 + β₁)/((1 - β₁)η)",
}
SOURCES = {
    "heavy_ball": "Cohen et al. 2021",
    "nesterov": "Cohen et al. 2021",
    "adam": "Cohen et al. 2022",
}
STATEMENTS = {
    "heavy_ball": "with momentum the sharpness rises to the maximum stable sharpness, for Polyak "
    "momentum (2 + 2β)/η, and hovers there",
    "nesterov": "with momentum the sharpness rises to the maximum stable sharpness, for Nesterov "
    "momentum (2 + 2β)/((1 + 2β)η), and hovers there",
    "adam": "the maximum eigenvalue of the preconditioned Hessian typically equilibrates at the "
    "stability threshold, 38/η for β₁ = 0.9 as printed",
}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """An edge and a threshold for each optimiser, and the three phases of two linear layers."""
    edges, thresholds, catapult = (tables[key] for key in ("edges", "thresholds", "catapult"))
    named = list(FORMULAS)
    return [
        *(_edge(edges, name) for name in named),
        *(_threshold(thresholds, name) for name in named),
        _lazy(catapult),
        _flattens(catapult),
        _diverges(catapult),
    ]


def _edge(edges: DataFrame, name: str) -> Claim:
    own = edges[edges["optimizer"] == name]
    found = ends(own)
    condition, remark = f"{name_of(name)} is not in the config", ""
    if len(own):
        first = own.iloc[0]
        widths = ", ".join(map(str, first["hidden_widths"])) or "none"
        beta = "β₁" if name == "adam" else "β"
        condition = (
            f"full batch of {first['examples']} examples of {name_of(first['dataset'])}, tanh "
            f"network, hidden widths {widths}, squared loss, {first['steps']} steps, "
            f"η = {first['learning_rate']:g}, {beta} = {first['momentum']:g}, runs that come to "
            "the threshold in the first two thirds; bound: within "
            f"{NEAR:.0%}, as at gradient descent's"
        )
        known = found["late"][found["late"].map(math.isfinite)]
        unstable = 2 / (first["learning_rate"] * first["threshold"])
        remark = (
            f"Gradient descent at this rate would have its edge at {unstable:.3g} times this "
            f"threshold. {len(known)} of {len(found)} runs came to it."
        )
    return Claim(
        claim=f"edge-of-other-optimizers/{name}",
        source=SOURCES[name],
        statement=STATEMENTS[name],
        condition=condition,
        quantity=f"{'preconditioned ' if name == 'adam' else ''}sharpness over {FORMULAS[name]}, "
        "median of the last third of the steps",
        values=found["late"].tolist(),
        lower=1 - NEAR,
        upper=1 + NEAR,
        remark=remark,
    )


def _threshold(thresholds: DataFrame, name: str) -> Claim:
    own = bisected(thresholds[thresholds["optimizer"] == name])
    momenta = ", ".join(f"{momentum:g}" for momentum in own["momentum"])
    return Claim(
        claim=f"threshold-of-other-optimizers/{name}",
        source=SOURCES[name],
        statement=f"on a quadratic {name_of(name)} diverges if and only if the "
        f"{'preconditioned ' if name == 'adam' else ''}sharpness exceeds {FORMULAS[name]}",
        condition=(f"β = {momenta}" if momenta else f"{name_of(name)} is not in the config")
        + (", preconditioner held fixed" if name == "adam" else "")
        + "; bounds: four digits",
        quantity="learning rate above which the distance grows, by bisection, over the formula",
        values=own["ratio"].tolist(),
        lower=1 - FOUR_DIGITS,
        upper=1 + FOUR_DIGITS,
        kind="exact",
    )


def _where(catapult: DataFrame, rows: DataFrame) -> str:
    if rows.empty:
        return "no such rate is in the config"
    rates = sorted(rows["scaled_rate"].unique())
    return (
        f"two linear layers of width {catapult['width'].iloc[0]}, one example, weights N(0, 1), "
        f"{catapult['steps'].iloc[0]} steps, {len(rates)} rates from η = {rates[0]:.3g}/λ to "
        f"{rates[-1]:.3g}/λ"
    )


def _lazy(catapult: DataFrame) -> Claim:
    rows = phase(catapult, "lazy")
    return Claim(
        claim="catapult/lazy",
        source="Lewkowycz et al. 2020",
        statement="for η < 2/λ the curvature is constant during training up to terms that vanish "
        "with the width",
        condition=f"{_where(catapult, rows)}; bound: constant is within {NEAR:.0%}",
        quantity="|λ/λ(0) - 1| after training, mean over the rates",
        values=curvature_change(rows),
        upper=NEAR,
        remark=_agreement(rows),
    )


def _flattens(catapult: DataFrame) -> Claim:
    rows = phase(catapult, "catapult")
    return Claim(
        claim="catapult/flattens",
        source="Lewkowycz et al. 2020",
        statement="for 2/λ < η < 4/λ the loss grows at first, and gradient descent then converges "
        "to a flatter minimum, with a curvature below 2/η",
        condition=_where(catapult, rows),
        quantity="largest η λ/2 after training over the rates; inf if one diverges",
        values=flattest_needed(rows),
        upper=1.0,
        remark=_agreement(rows),
        kind="every",
    )


def _diverges(catapult: DataFrame) -> Claim:
    rows = phase(catapult, "divergent")
    return Claim(
        claim="catapult/diverges",
        source="Lewkowycz et al. 2020",
        statement="for η > 4/λ gradient descent diverges",
        condition=_where(catapult, rows),
        quantity="share of the rates that diverge",
        values=diverged_share(rows),
        lower=1.0,
        kind="every",
    )


def _agreement(rows: DataFrame) -> str:
    error = prediction_error(rows)
    if math.isnan(error):
        return ""
    return f"The map of f and λ gives the curvature after training within {error:.0e} of it."
