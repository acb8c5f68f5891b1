"""How far a signal spans the hidden layers of a network, and what remedies make of it."""

import math
from collections.abc import Callable

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.changes import Group, Member
from gradient_atlas.measures.layers import ERROR, decades
from gradient_atlas.measures.runs import by_seed, mean


def inner(rows: DataFrame) -> DataFrame:
    """Layers 2 .. L-1 of one seed at one step, in order: all of one shape, none without identity.

    The first layer has another number of inputs and no shortcut, the last has other outputs.
    """
    ordered = rows.sort_values("layer")
    return ordered[(ordered["layer"] > 1) & (ordered["layer"] < ordered["layer"].max())]


def change(rows: DataFrame, column: str = ERROR) -> float:
    """log10 of a norm in layer 2 over that in layer L-1: negative where it vanishes.

    -inf where the signal is 0 in layer 2; nan where there are no such layers.
    """
    layers = inner(rows)
    if layers.empty:
        return math.nan
    if layers[column].iloc[0] == 0:
        return -math.inf
    values = decades(layers, column)
    return float(values[0] - values[-1])


def span(rows: DataFrame, column: str = ERROR) -> float:
    """Largest minus smallest log10 among the layers 2 .. L-1; inf where a norm is 0 or not finite.

    nan without such layers.
    """
    values = decades(inner(rows), column)
    if not len(values):
        return math.nan
    return float(np.ptp(values)) if np.isfinite(values).all() else math.inf


def ends(rows: DataFrame) -> tuple[float, float, float]:
    """Least and largest log10 among the layers 2 .. L-1, and that of layer 2, from layer L-1's.

    rows: of one step; the mean over seeds of each layer's log10. nan where a seed has a norm that
    is 0 or not finite.
    """
    lines = [decades(inner(seed), ERROR) for _, seed in rows.groupby("seed")]
    if not lines or not all(len(line) and np.isfinite(line).all() for line in lines):
        return math.nan, math.nan, math.nan
    middle = np.mean(lines, axis=0)
    middle -= middle[-1]
    return float(middle.min()), float(middle.max()), float(middle[0])


def predicted_change(prediction: DataFrame) -> float:
    """The same of layer 2 in theory; nan without a prediction."""
    layers = inner(prediction)
    if layers.empty:
        return math.nan
    values = layers[f"predicted_log10_{ERROR}"].to_numpy(dtype=float)
    return float(values[0] - values[-1])


def trained(rows: DataFrame) -> DataFrame:
    """The rows after the first update."""
    return rows[rows["step"] > 0]


def at_the_end(rows: DataFrame) -> DataFrame:
    """The last measured step of every seed, if an update came before; without dead networks.

    A seed whose error signal is finite nowhere has diverged and has no signal to show.
    """
    if rows.empty:
        return rows
    last = rows[rows["step"] == rows.groupby("seed")["step"].transform("max")]
    lost = ~np.isfinite(last[ERROR]).groupby(last["seed"]).transform("all")
    return trained(last[~lost])


def largest_over_training(measure: Callable[[DataFrame], float], seed: DataFrame) -> float:
    """The largest value of ``measure`` at any logged step after the first update."""
    return max((measure(rows) for _, rows in trained(seed).groupby("step")), default=math.nan)


def milder(member: Member, group: Group) -> list[float]:
    """Span with a remedy over the span of the plain network before training, by seed.

    Seeds have the same weights but for the change, so that each is compared with its own. Empty
    where the config has no plain network.
    """
    if group.plain is None:
        return []
    plain = group.plain.start
    seeds = sorted(set(member.start["seed"]) & set(plain["seed"])) if len(member.start) else []
    return [
        span(member.start[member.start["seed"] == seed]) / span(plain[plain["seed"] == seed])
        for seed in seeds
    ]


def mean_span(rows: DataFrame) -> float:
    """Span before training, mean over seeds; nan without rows."""
    return mean(by_seed(rows, span))
