"""Does each optimizer explode in its scan, and do layerwise rates allow larger steps?"""

import math

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.learning_rates import (
    EXPLODED,
    LEARNT_SHARE,
    at_largest_rates,
    largest_rates,
    most_exploding,
    relative_changes,
    run_ends,
)
from gradient_atlas.runs.names import name_of, network_name

# What the rate of each optimizer is the rate of.
CHANGES = {
    "lars": "LARS multiplies η by a trust coefficient and by ‖W‖/‖∇W‖ in each layer (You et al. "
    "2017), so that η times the coefficient is the relative change of each layer's weights.",
    "lamb": "LAMB multiplies η by ‖W‖ over the norm of Adam's step (You et al. 2020), so that η "
    "itself is the relative change of each layer's weights. Large for LAMB are batches, not rates.",
}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Explosion at some rate of each optimizer, and the largest step of LARS and LAMB."""
    ends, network = run_ends(tables["metrics"]), "not in the config"
    for _, run in tables["metrics"].head(1).iterrows():
        network = f"{network_name(run)}, {run.depth} layers of width {run.width}, {run.dataset}"
    found = [_explosion(optimizer, ends, network) for optimizer in ("sgd", *CHANGES)]
    for optimizer in CHANGES:
        found.append(_larger(optimizer, ends, tables["gradients"], network))
    return found


def _explosion(optimizer: str, ends: DataFrame, network: str) -> Claim:
    rows = ends[ends.optimizer == optimizer]
    shown = most_exploding(ends, optimizer)
    where, remark = f"{name_of(optimizer)}, {network}: no such run in the config", ""
    if len(rows):
        scan = f"of {rows.learning_rate.min():g} to {rows.learning_rate.max():g}"
        where = f"{name_of(optimizer)}, {network}, rate {shown.learning_rate.iloc[0]:g} {scan}"
        first = rows[rows.growth > EXPLODED].groupby("seed").learning_rate.min()
        remark = (
            f"The first rate of the scan to explode is {_span(first)}, the largest to learn "
            f"{_span(largest_rates(ends, optimizer).values())}, depending on the seed; loss or "
            f"gradient not finite in {int(np.isinf(rows.growth).sum())} of {len(rows)} runs."
        )
    return Claim(
        claim=f"layerwise-rates/{optimizer}",
        source="F example 3",
        statement="even with ReLU, exploding can still occur in very large learning-rate "
        "regimes (e.g. LARS, LAMB)",
        condition=f"{where}; “can” needs one case, which every seed must show; bound: exploding "
        "is to leave the 2 orders of magnitude in which the source calls a norm stable",
        quantity="log10 of the largest growth of the gradient norm in the run",
        values=[float(np.log10(growth)) for growth in shown.growth],
        lower=STABLE_DECADES,
        unit="decades",
        remark=remark,
        kind="some",
    )


def _larger(optimizer: str, ends: DataFrame, gradients: DataFrame, network: str) -> Claim:
    own = relative_changes(at_largest_rates(gradients, ends, optimizer))
    plain = relative_changes(at_largest_rates(gradients, ends, "sgd"))
    both = [seed for seed in own if seed in plain]
    rates, plain_rates = largest_rates(ends, optimizer), largest_rates(ends, "sgd")
    remark = ""
    if both:
        remark = (
            f"In η the largest rates are {_span(rates.values())} for {name_of(optimizer)} and "
            f"{_span(plain_rates.values())} for SGD, which is no comparison: "
        )
    return Claim(
        claim=f"layerwise-rates/{optimizer}-larger",
        source="F example 3",
        statement="LARS and LAMB are very large learning-rate regimes",
        condition=f"{network}; each optimizer at the largest rate of its scan at which the seed "
        f"learns (ends below {LEARNT_SHARE:g} of guessing's loss); rates have different units, so "
        "steps are compared by the relative change of a layer's weights; bound: larger than SGD's",
        quantity=f"log10 of ‖ΔW‖/‖W‖ of the first step of {name_of(optimizer)} over SGD's, mean "
        "over layers",
        values=[math.log10(own[seed] / plain[seed]) for seed in both],
        lower=0.0,
        unit="decades",
        remark=remark + CHANGES[optimizer],
    )


def _span(rates: object) -> str:
    """Least and greatest of the rates, as one where they are the same."""
    known = sorted({float(rate) for rate in rates if not math.isnan(rate)})  # type: ignore[attr-defined]
    if not known:
        return "none"
    return f"{known[0]:g}" if len(known) == 1 else f"{known[0]:g} to {known[-1]:g}"
