"""Which networks have dynamical isometry, how the spread of their Jacobian grows, who learns."""

import math

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import told
from gradient_atlas.measures.isometry import (
    NEAR,
    WIDE,
    at_best_rate,
    deepest_wide,
    kinds,
    of_theory,
    ratios_to_limit,
    shares_near_one,
    speed_ups,
    variances,
    width_of,
)
from gradient_atlas.measures.runs import mean, where
from gradient_atlas.runs.names import name_of

SOURCE = "Pennington et al. 2017, Resurrecting the sigmoid in deep learning"
# Networks of the sentences, whether or not the config has them: activation, initialisation, and
# whether all singular values keep near 1.
ASKED = (("tanh", "orthogonal"), ("tanh", "normal"), ("relu", "orthogonal"), ("relu", "normal"))
STATEMENTS = {
    ("tanh", "orthogonal"): "sigmoidal networks can achieve isometry with orthogonal weight "
    "initialization",
    ("tanh", "normal"): "sigmoidal networks can achieve isometry, but only with orthogonal weight "
    "initialization",
    ("relu", "orthogonal"): "ReLU networks are incapable of dynamical isometry",
    ("relu", "normal"): "ReLU networks are incapable of dynamical isometry",
}
WEIGHTS = {"normal": "Gaussian", "orthogonal": "orthogonal"}
# For ReLU the two values of s_1 differ by a factor of 2 in the formula: half of it to either side.
APART = math.sqrt(2)
ORDER_OF_MAGNITUDE = 10.0


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Isometry of each kind of network, the growth of its variance, and the speed of learning."""
    found = []
    for activation, initialization in ASKED:
        rows = _best(tables["jacobian"], activation, initialization)
        theory = of_theory(tables["theory"], rows)
        found.append(_isometry(rows, theory, activation, initialization))
        found.append(_growth(rows, theory, activation, initialization, "wide"))
        found.append(_growth(rows, theory, activation, initialization, "deepest"))
    return found + _learning(tables["metrics"])


def _best(values: DataFrame, activation: str, initialization: str) -> DataFrame:
    """Of such networks the kind with the smallest variance: "can" speaks of the best there is."""
    rows = where(values, activation=activation, initialization=initialization)
    return next((one for one in sorted(kinds(rows), key=_variance)), rows)


def _variance(rows: DataFrame) -> float:
    return float(rows.variance.iloc[0])


def _setting(rows: DataFrame, activation: str, initialization: str) -> str:
    name = f"{name_of(activation)}, {WEIGHTS[initialization]} weights"
    if rows.empty:
        return f"{name}: not in the config"
    return (
        f"{name}, width {width_of(rows)}, χ = 1 with pre-activations of variance "
        f"{_variance(rows):g}, {rows.seed.nunique()} networks"
    )


def _isometry(rows: DataFrame, theory: DataFrame, activation: str, initialization: str) -> Claim:
    achieves = (activation, initialization) == ("tanh", "orthogonal")
    near = f"within a factor {NEAR:g} of 1, nearer to it than to its double and its half"
    bound = "at most one of n, the input's own direction, may leave" if achieves else "most leave"
    remark = ""
    if len(rows):
        ends = theory.iloc[-1]
        remark = (
            f"The largest singular value is {_extreme(rows, 'max'):.3g}, the smallest "
            f"{_extreme(rows, 'min'):.2g} (medians over networks)."
        )
        if achieves:
            remark += (
                " One direction is lost however near to 1 all others are, that of the input "
                f"itself: V'(q*)^L = {ends.radial_singular_value:.3g} of the mean-field recursion "
                "of q."
            )
    depth = f"depth {rows.depth.max()}" if len(rows) else "no depth"
    return Claim(
        claim=f"dynamical-isometry/{activation}-{initialization}",
        source=SOURCE,
        statement=STATEMENTS[activation, initialization],
        condition=f"{_setting(rows, activation, initialization)}, {depth}; isometry: all singular "
        f"values concentrate near 1; near: {near}; bound: {bound}",
        quantity=f"share of singular values within a factor {NEAR:g} of 1",
        values=shares_near_one(rows),
        lower=1 - 1 / width_of(rows) - 1e-9 if achieves and len(rows) else 0.5 if achieves else 0.0,
        upper=1.0 if achieves else 0.5,
        kind="every",
        remark=remark,
    )


def _extreme(rows: DataFrame, which: str) -> float:
    deepest = rows[rows.depth == rows.depth.max()]
    return float(deepest.groupby("seed").singular_value.agg(which).median())


def _growth(
    rows: DataFrame, theory: DataFrame, activation: str, initialization: str, which: str
) -> Claim:
    wide = which == "wide"
    depth = deepest_wide(rows) if wide else float(rows.depth.max()) if len(rows) else np.nan
    chosen = f"the largest depth of at most n/{WIDE}" if wide else "the largest depth"
    remark = ""
    if len(rows) and not np.isnan(depth):
        row = theory[theory.depth == depth].iloc[0]
        found_here = variances(rows[rows.depth == depth])
        remark = (
            f"Measured {told(found_here.relative.mean(), '.3g')}, formula "
            f"{row.variance_in_the_limit:.3g}; not divided by the squared mean, which only in the "
            f"wide limit is 1 in every network, {told(found_here.variance.mean(), '.3g')}, of "
            f"which the mean over all networks of this width is {row.variance_at_width:.3g}."
        )
        if row.radial_share > 0:
            remark += (
                " To the formula the input's own direction adds "
                f"{row.radial_share:.2g} at this width."
            )
    at = "no such depth" if np.isnan(depth) else f"depth {depth:.0f}, {chosen}"
    return Claim(
        claim=f"jacobian-variance/{activation}-{initialization}-{which}",
        source=SOURCE,
        statement="σ²_JJᵀ = L (μ_2/μ_1² - 1 - s_1), s_1 = -1 for Gaussian and 0 for orthogonal "
        "weights",
        condition=f"{_setting(rows, activation, initialization)}, {at}; the formula is of the wide "
        "limit; bounds: a factor √2, which tells s_1 = -1 from s_1 = 0 where they differ least, "
        "for ReLU",
        quantity="variance of a network's squared singular values over their squared mean, over "
        "the formula",
        values=ratios_to_limit(rows, theory, depth),
        lower=1 / APART,
        upper=APART,
        remark=remark,
    )


def _learning(metrics: DataFrame) -> list[Claim]:
    fast, slow = (at_best_rate(metrics, one) for one in ("orthogonal", "xavier"))
    setting, remark = "no such networks in the config", ""
    if len(fast) and len(slow):
        first = fast.iloc[0]
        setting = (
            f"{name_of(first.activation)}, {first.depth} layers of width {first.width}, "
            f"{first.dataset}, σ_w = 1 for both, {metrics.step.max()} updates, each at the best of "
            f"{metrics.learning_rate.nunique()} rates"
        )
        ends = [float(one[one.step == one.step.max()].train_loss.mean()) for one in (fast, slow)]
        remark = f"Loss at the end: {told(ends[0])} with isometry, {told(ends[1])} without."
        if ratios := speed_ups(metrics):
            remark += f" Updates of the one over the other: {told(mean(ratios), '.2g')}."
    statement = (
        "deep nonlinear networks achieving dynamical isometry learn orders of magnitude faster "
        "than networks that do not"
    )
    quantity = (
        "updates with Gaussian weights to their last loss over those that the orthogonal network "
        "needs to that loss"
    )
    return [
        Claim(
            claim=f"isometry-learns-faster/{part}",
            source=SOURCE,
            statement=statement,
            condition=f"{setting}; bound: {bound}",
            quantity=quantity,
            values=speed_ups(metrics),
            lower=lower,
            remark=remark,
        )
        for part, lower, bound in (
            ("faster", 1.0, "fewer updates, the least that 'faster' says"),
            ("orders", ORDER_OF_MAGNITUDE, "an order of magnitude, the least that 'orders' says"),
        )
    ]
