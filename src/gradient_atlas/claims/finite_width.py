"""How much the logarithm of a norm spreads over random ReLU networks, and how far it drifts."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.log_norms import COLUMNS, mean_per_ratio, variance_per_ratio

SOURCE = "Hanin & Nica 2020, Products of many large random matrices"
STATEMENT = (
    "the logarithm of the squared norm of a ReLU network's Jacobian applied to a fixed vector is "
    "asymptotically Gaussian with mean -β/2 and variance β, β = 5 Σ 1/n"
)
PRINTED = 5.0  # the source's constant
HALF_A_DIGIT = 0.5
NAMES = {"log_gradient": "gradient", "log_activation": "activation"}
WHAT = {
    "log_gradient": "the error signal's squared norm, backward",
    "log_activation": "the activation's squared norm, forward",
}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The variance per L/n at the narrowest and the widest, and the drift per L/n of all."""
    norms, theory = tables["norms"], tables["theory"]
    found = []
    for column in COLUMNS:
        for which in ("narrowest", "widest"):
            found.append(_variance(norms, theory, column, which))
        found.append(_drift(norms, theory, column))
    return found


def _setting(rows: DataFrame) -> str:
    if rows.empty:
        return "no such network in the config"
    low, high = rows.width.min(), rows.width.max()
    widths = f"width {low}" if low == high else f"widths {low} to {high}"
    return (
        f"ReLU, He weights, {widths}, {rows.depth.min()} to {rows.depth.max()} layers, "
        f"{rows.seed.nunique()} seeds of {rows.network.nunique()} networks"
    )


def _variance(norms: DataFrame, theory: DataFrame, column: str, which: str) -> Claim:
    width = norms.width.min() if which == "narrowest" else norms.width.max()
    rows, remark = norms[norms.width == width], ""
    if len(rows):
        row = theory[theory.width == width].iloc[0]
        remark = (
            f"Exactly it is {row.variance * width / row.depth:.3f} at this width: β is what is "
            "left of it where 1/n² is nothing beside 1/n."
        )
    return Claim(
        claim=f"log-norm-variance/{NAMES[column]}-{which}",
        source=SOURCE,
        statement=STATEMENT,
        condition=f"{_setting(rows)}; bounds: what prints as 5, the digit that the source prints",
        quantity=f"variance of the logarithm of {WHAT[column]}, over L/n",
        values=variance_per_ratio(rows, column),
        lower=PRINTED - HALF_A_DIGIT,
        upper=PRINTED + HALF_A_DIGIT,
        remark=remark,
    )


def _drift(norms: DataFrame, theory: DataFrame, column: str) -> Claim:
    remark = ""
    if len(norms):
        deepest = theory[theory.depth == theory.depth.max()]
        exact = deepest["mean"].sum() / (deepest.depth / deepest.width).sum()
        remark = (
            f"Exactly it is {exact:.3f} for these widths. The mean of the norm itself stays: a few "
            "networks with large norms make up for the many that lose theirs."
        )
    return Claim(
        claim=f"log-norm-drift/{NAMES[column]}",
        source=SOURCE,
        statement=STATEMENT,
        condition=f"{_setting(norms)}; bounds: half of what prints as 5",
        quantity=f"mean of the logarithm of {WHAT[column]} at the largest depth, over L/n, widths "
        "pooled",
        values=mean_per_ratio(norms, column),
        lower=-(PRINTED + HALF_A_DIGIT) / 2,
        upper=-(PRINTED - HALF_A_DIGIT) / 2,
        remark=remark,
    )
