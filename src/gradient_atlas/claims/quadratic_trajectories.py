"""What the source says of descent in a quadratic bowl: smooth, to and fro, away."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.quadratic import ARRIVED, bracketed, runs

SOURCE = "F section 3"
SMALL = "small η = 0.001: smooth convergence to (0, 0)"
MEDIUM = "medium η ≈ 0.019: oscillatory convergence (underdamped)"
LARGE = "large η = 0.021 > 2/λ_max: divergence (oscillations grow)"
FOUR_DIGITS = 2.5e-4


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """One claim a part of each sentence, over all rates of its side of 1/λ_max and 2/λ_max."""
    paths = tables["paths"]
    found = runs(paths, tables["thresholds"])
    plain = bracketed(tables["bracket"], tables["thresholds"]).query("momentum == 0")
    above, beyond = edges(tables["thresholds"])
    where = _where(tables)
    small, medium, large = (found[found["role"] == role] for role in ("small", "medium", "large"))
    sides = {
        "small": (small, f"η below 1/λ_max{above}"),
        "medium": (medium, f"η from 1/λ_max to 2/λ_max{beyond}"),
        "large": (large, f"η above 2/λ_max{beyond}"),
    }
    swings = "sign changes of θ_1 and θ_2"
    left = "distance at the end over that at the start"
    near = f"{ARRIVED:.0%} of the distance counts as arrived, more than a dot in no figure"
    damped = (
        "The factor per step along the steepest direction, 1 - ηλ_max, is real and negative. That "
        "is not underdamped in the usual sense (complex eigenvalues), which needs momentum."
    )
    overshoots = "V sections 3 and 4"
    facts: list[tuple[str, str, str, str, str, str, str, float, float, str]] = [
        ("quadratic-small-rate/smooth", SOURCE, SMALL, "small", "smooth: no parameter changes sign",
         swings, "sign_changes", -np.inf, 0, ""),
        ("quadratic-small-rate/converges", SOURCE, SMALL, "small", near, left, "converged",
         -np.inf, ARRIVED, _arrivals(small)),
        ("quadratic-medium-rate/oscillates", SOURCE, MEDIUM, "medium",
         "oscillates: a parameter crosses 0 at least twice", swings, "sign_changes", 2, np.inf,
         damped),
        ("quadratic-medium-rate/converges", SOURCE, MEDIUM, "medium", near, left, "converged",
         -np.inf, ARRIVED, ""),
        ("quadratic-threshold/large-rate", SOURCE, LARGE, "large",
         "diverges: ends farther away than it started", left, "left", 1, np.inf, ""),
        ("high-rates-overshoot/quadratic", overshoots, "large updates cause weights to overshoot; "
         "the model diverges or oscillates", "high", "overshoots and oscillates: a parameter "
         "crosses 0 at least twice", swings, "sign_changes", 2, np.inf,
         f"{_swings(found[found['role'] != 'small'])}A rate is high from 1/λ_max on: below it "
         f"no parameter changes sign, and from 2/λ_max on "
         "the oscillation grows."),
    ]  # fmt: skip
    high = found[found["role"] != "small"]
    sides["high"] = (high, f"every η above 1/λ_max{above}")
    claimed = [
        Claim(
            claim=name,
            source=source,
            statement=statement,
            condition=f"{where}; {_rates(*sides[side])}; {meaning}",
            quantity=quantity,
            values=sides[side][0][column].tolist(),
            lower=lower,
            upper=upper,
            remark=remark,
            kind="exact",
        )
        for (name, source, statement, side, meaning, quantity, column, lower, upper, remark)
        in facts
    ]  # fmt: skip
    return [*claimed, _threshold(plain, where)]


def edges(thresholds: DataFrame) -> tuple[str, str]:
    """What 1/λ_max and 2/λ_max are; nothing where no table says it."""
    plain = thresholds[thresholds["momentum"] == 0]
    if plain.empty:
        return "", ""
    return f" = {plain['crossing_rate'].iloc[0]:g}", f" = {plain['threshold'].iloc[0]:g}"


def _where(tables: dict[str, DataFrame]) -> str:
    said = "descent on half the sum of λ_i θ_i²"
    for _, bowl in tables["bowl"].head(1).iterrows():
        more = ", ..." if bowl["dimensions"] > 2 else ""
        said += f", λ = {bowl['curvature_1']:g}, {bowl['curvature_2']:g}{more}"
    for _, first in tables["paths"].head(1).iterrows():
        said += f", from ({first['theta_1']:g}, {first['theta_2']:g})"
    return said


def _threshold(plain: DataFrame, where: str) -> Claim:
    """Measured over derived: the bounds are the same for every bowl."""
    derived = f" = {plain['threshold'].iloc[0]:.6g}" if len(plain) else ""
    return Claim(
        claim="quadratic-threshold/bisection",
        source=SOURCE,
        statement="divergence occurs when η > 2/λ_max",
        condition=f"{where}; without momentum, bisection on growth; bounds: 2/λ_max{derived} to "
        "four digits",
        quantity="learning rate above which the distance grows, over 2/λ_max",
        values=(plain["measured"] / plain["threshold"]).tolist(),
        lower=1 - FOUR_DIGITS,
        upper=1 + FOUR_DIGITS,
        kind="exact",
    )


def _rates(found: DataFrame, side: str) -> str:
    if found.empty:
        return f"{side}: none was run"
    listed = ", ".join(f"{rate:g}" for rate in found["learning_rate"])
    return f"{side}: {listed}, {found['steps'].max()} steps at most"


def _swings(found: DataFrame) -> str:
    """Of each rate: their mean would say nothing, since a run that diverges ends early."""
    said = [f"{run.sign_changes:g} at η = {run.learning_rate:g}" for run in found.itertuples()]
    return f"By rate: {', '.join(said)}. " if said else ""


def _arrivals(found: DataFrame) -> str:
    said = [
        f"{run.arrival:.0f} steps at η = {run.learning_rate:g}"
        for run in found.itertuples()
        if run.arrival == run.arrival
    ]
    return f"It takes {', '.join(said)}." if said else ""
