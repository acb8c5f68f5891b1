"""Whether training runs at the edge of stability, whether anything explodes there, and what a
large step does to the loss."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.verdict import interval
from gradient_atlas.measures.edge import (
    KEYS,
    NEAR,
    at_the_edge,
    nearest_explosion,
    runs,
)
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.runs.names import architecture_name, name_of

UNSTABLE = 0.01  # one step in a hundred raises the loss: a curve that is seen to be no falling one


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """One claim a network for the edge and for overshooting; one for explosions of any of them."""
    descent, table = tables["descent"], runs(tables["descent"], tables["flow"])
    activations = list(descent["activation"].unique())
    return [
        *(_edge(descent, table, tables["flow"], name) for name in activations),
        _explodes(descent, table),
        *(_overshoots(descent, table, name) for name in activations),
    ]


def setting(descent: DataFrame, activation: str) -> str:
    """Which network on which data, descended how."""
    first = descent[descent["activation"] == activation].iloc[0]
    hidden = architecture_name(first)
    if not hidden:
        widths = ", ".join(str(width) for width in first["hidden_widths"])
        hidden = f"hidden widths {widths}" if widths else "no hidden layer"
    return (
        f"full-batch gradient descent on {first['examples']} examples of "
        f"{name_of(first['dataset'])}, {name_of(activation)} network, {hidden}, squared loss, "
        f"{first['steps']} steps"
    )


def _edge(descent: DataFrame, table: DataFrame, flow: DataFrame, activation: str) -> Claim:
    own, worst = table[table["activation"] == activation], at_the_edge(table, activation)
    due = own[own["due"]]
    rates = ", ".join(f"{rate:g}" for rate in sorted(due["learning_rate"].unique()))
    chosen = f"η = {worst['learning_rate'].iloc[0]:g}" if len(worst) else "none for every seed"
    return Claim(
        claim=f"edge-of-stability/{activation}",
        source="F example 3; Cohen et al. 2021",
        statement="at large learning rates training runs at the edge of stability",
        condition=f"{setting(descent, activation)}, the rates by whose time the flow's sharpness "
        f"has passed 2/η ({rates or 'none'}), of them the one that ends farthest from its edge: "
        f"{chosen}; bound: within {NEAR:.0%}, for 'right at, or just above' (Cohen et al., figure "
        "1), who name no number",
        quantity="S η / 2, median of the last third of the steps",
        values=worst["late"].tolist(),
        lower=1 - NEAR,
        upper=1 + NEAR,
        remark=" ".join(
            [
                _flips(worst["late"].tolist()),
                _by_rate(due),
                _critical(due),
                _without_edge(due, flow[flow["activation"] == activation]),
                _from_below(due),
            ]
        ).strip(),
    )


def _flips(values: list[float]) -> str:
    """For which bounds the verdict would be another."""
    if not values or not np.isfinite(values).all():
        return ""
    low, high = interval("mean", values)
    widest = max(abs(low - 1), abs(high - 1))
    narrowest = 0.0 if low <= 1 <= high else min(abs(low - 1), abs(high - 1))
    if not np.isfinite(widest):
        return ""
    refutes = f", one narrower than ± {narrowest:.1%} refutes it" if narrowest else ""
    return f"A bound of ± {widest:.1%} or wider supports it{refutes}."


def _by_rate(due: DataFrame) -> str:
    said = [
        f"η = {rate:g}: {part['late'].mean():.3f} (s.d. {part['late'].std():.3f}; in the third "
        f"before {part['middle'].mean():.3f})"
        for rate, part in due[due["status"] == "ok"].groupby("learning_rate")
    ]
    return (
        f"Last third, by rate: {'; '.join(said)}. Where the thirds differ, longer runs would "
        "decide, not more seeds."
        if said
        else ""
    )


def _critical(due: DataFrame) -> str:
    """What stands at 2/η when the largest eigenvalue is above it."""
    known = due.dropna(subset=["second", "along"])
    if known.empty:
        return ""
    said = [
        f"η = {rate:g}: {part['second'].mean():.3f} and {part['along'].mean():.3f}"
        for rate, part in known.groupby("learning_rate")
    ]
    return (
        "S is the largest of several eigenvalues near 2/η; the second, and the curvature along the "
        f"steps that descent makes, times η/2: {'; '.join(said)}."
    )


def _without_edge(due: DataFrame, flow: DataFrame) -> str:
    if due.empty:
        return ""
    largest = flow.groupby("seed")["sharpness"].max().mean() / 2
    ratios = [f"{rate * largest:.2g}" for rate in sorted(due["learning_rate"].unique())]
    return f"Along the flow it reaches {' and '.join(ratios)} times 2/η."


def _from_below(due: DataFrame) -> str:
    """That a rate need not be large to begin with, if the table has one that was not."""
    below = due[due["start"] < 1]
    if below.empty:
        return ""
    slow = below[below["learning_rate"] == below["learning_rate"].min()]
    return (
        "The rate need not be large at the start: "
        f"η = {slow['learning_rate'].min():g} starts at {slow['start'].mean():.2f} · 2/η."
    )


def _explodes(descent: DataFrame, table: DataFrame) -> Claim:
    lost = table[table["status"] == "diverged"]
    own = table[table["activation"] == "relu"]
    # Looked for in vain is not measured: only rates up to one that explodes bracket the case.
    nearest = nearest_explosion(own)
    nearest = nearest[np.isfinite(nearest["exploded"].to_numpy(dtype=float))]
    rates = ", ".join(f"{rate:g}" for rate in sorted(own["learning_rate"].unique()))
    said = "; ".join(
        f"{name_of(activation)}, η = {rate:g}: {len(part)} of "
        f"{int(((table['activation'] == activation) & (table['learning_rate'] == rate)).sum())} "
        f"runs, which start at {part['start'].mean():.2f} · 2/η"
        for (activation, rate), part in lost.groupby(KEYS)
    )
    shown = f"ReLU, η = {rates}: no rate explodes in every seed" if rates else "no ReLU was run"
    for _, row in nearest.head(1).iterrows():
        shown = (
            f"{setting(descent, 'relu')}; η = {rates}; shown: {name_of(row['activation'])}, "
            f"η = {row['learning_rate']:g}, where explosions begin nearest to the edge"
        )
    return Claim(
        claim="explodes-at-the-edge",
        source="F example 3",
        statement="even with ReLU, exploding can still occur near the edge of stability",
        condition=f"{shown}; an explosion is a gradient norm that leaves {STABLE_DECADES:g} "
        f"orders of magnitude, so that a squared loss leaves {2 * STABLE_DECADES:g}; bound: near "
        f"is within {NEAR:.0%} of 2/η, at any measured point of a run that then explodes",
        quantity="|S η / 2 - 1| where a run that explodes was nearest to the edge; inf of one that "
        "does not explode",
        values=nearest["exploded"].tolist(),
        upper=NEAR,
        remark=(f"What explodes: {said}. " if said else "No run explodes. ")
        + "At the edge a growing oscillation lowers the sharpness, and so ends itself "
        "(self-stabilisation, Damian et al. 2023). These are one architecture and one data set: "
        "another may explode nearer to its edge.",
        kind="some",
    )


def _overshoots(descent: DataFrame, table: DataFrame, activation: str) -> Claim:
    own = table[table["activation"] == activation]
    whole = own.groupby("learning_rate")["status"].transform(lambda s: (s == "ok").all())
    stable = own[whole]
    high = stable[stable["learning_rate"] == stable["learning_rate"].max()].sort_values("seed")
    low = stable[stable["learning_rate"] == stable["learning_rate"].min()]
    rate = f"η = {high['learning_rate'].iloc[0]:g}" if len(high) else "none"
    return Claim(
        claim=f"high-rates-overshoot/{activation}-network",
        source="V sections 2 and 4",
        statement="large updates cause weights to overshoot, leading to unstable loss curves or "
        "divergence; the model diverges or oscillates",
        condition=f"{setting(descent, activation)}, the largest rate at which no run diverged: "
        f"{rate}; bound: unstable where at least {UNSTABLE:.0%} of the steps raise the loss",
        quantity="share of the steps that raise the loss",
        values=high["rises"].tolist(),
        lower=UNSTABLE,
        remark=f"At η = {low['learning_rate'].iloc[0]:g} it is {low['rises'].mean():.2g}. A larger "
        "rate diverges or was not run."
        if len(low)
        else "",
        kind="every",
    )
