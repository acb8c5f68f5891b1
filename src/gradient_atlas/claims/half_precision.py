"""What float16 makes of small gradients, and how far loss scaling reaches."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import told
from gradient_atlas.measures.half_precision import (
    FLOAT16,
    depth_of,
    gained_in_theory,
    gap_shares,
    kept_by_seed,
    kept_in_theory,
    layers_gained,
    variants,
)
from gradient_atlas.measures.runs import mean, where
from gradient_atlas.runs.names import name_of

SOURCE = "Micikevicius et al. 2018, Mixed precision training"
# The networks that are asked, whether or not the config has them.
ASKED = (("sigmoid", "xavier"), ("sigmoid", "standard"))
ROUNDS_TO_ONE = (0.95, 1.05)
EVERY = 1.0


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The threshold, the layers that scaling wins, and how many by the exponent."""
    shares, theory = tables["shares"], tables["theory"]
    found = [_threshold(shares)]
    for activation, initialization in ASKED:
        same = where(shares, activation=activation, initialization=initialization)
        rows = next(variants(same), same)
        found += _scaling(rows, theory, activation, initialization)
    return found


def _setting(rows: DataFrame, activation: str, initialization: str) -> str:
    name = f"{name_of(activation)}, {name_of(initialization)} weights"
    if rows.empty:
        return f"{name}: not in the config"
    first = rows.iloc[0]
    return (
        f"{name}, {depth_of(rows)} layers of width {first.width}, {first.dataset}, before "
        "training, computed in float64 and cast"
    )


def _threshold(shares: DataFrame) -> Claim:
    where_from = "no network in the config"
    if len(shares):
        where_from = f"weight gradients of {shares.variant.nunique()} networks, all layers"
    return Claim(
        claim="below-smallest-becomes-zero",
        source=SOURCE,
        statement="any value whose magnitude is smaller than 2^-24 becomes zero in FP16",
        condition=f"{where_from}; rounded to the nearest, as IEEE 754 has it; bound: every one",
        quantity="share of the entries between half of 2^-24 and 2^-24 that float16 makes 0",
        values=gap_shares(shares),
        lower=EVERY,
        upper=EVERY,
        kind="every",
        remark="Rounding takes them up to 2^-24: zero is what is at most half of it, 2^-25.",
    )


def _scaling(
    rows: DataFrame, theory: DataFrame, activation: str, initialization: str
) -> list[Claim]:
    setting, scales, expected, remark = _setting(rows, activation, initialization), "", np.nan, ""
    gained: list[float] = []
    if len(rows):
        low, high = int(rows.loss_scale.min()), int(rows.loss_scale.max())
        gained, expected = layers_gained(rows), gained_in_theory(theory, rows)
        scales = f", loss times 2^{high} beside 2^{low}"
        measured = [told(mean(kept_by_seed(rows, FLOAT16, k)), ".1f") for k in (low, high)]
        theirs = [told(kept_in_theory(theory, rows, FLOAT16, k), ".1f") for k in (low, high)]
        remark = (
            f"Half of a layer's entries are lost {measured[0]} layers below the output without it "
            f"(theory {theirs[0]}) and {measured[1]} with it (theory {theirs[1]})."
        )
    known = np.isfinite(expected) and expected > 0
    name = f"{activation}-{initialization}"
    return [
        Claim(
            claim=f"loss-scaling/{name}-preserves",
            source=SOURCE,
            statement="scaling the loss preserves gradient values that are otherwise lost to zeros",
            condition=f"{setting}{scales}; bound: some layer more keeps half of its entries",
            quantity="layers that float16 keeps with the scale minus those without",
            values=gained,
            lower=float(np.nextafter(0.0, 1.0)),
            unit="layers",
            remark=remark,
        ),
        Claim(
            claim=f"loss-scaling/{name}-exponent",
            source=SOURCE,
            statement="scaling by 2^k increases the exponents of all gradient values by k",
            condition=f"{setting}{scales}; so k log10 2 over the decades that a layer costs more "
            "layers are kept; bounds: a ratio that prints as 1.0",
            quantity="layers gained over k log10 2 by the predicted decades per layer",
            values=[value / expected for value in gained] if known else [],
            lower=ROUNDS_TO_ONE[0],
            upper=ROUNDS_TO_ONE[1],
            remark=f"Predicted are {told(expected, '.1f')} layers." if known else "",
        ),
    ]
