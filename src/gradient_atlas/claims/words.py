"""What the conditions of several claims say in the same words, read off their rows."""

import math

from pandas import DataFrame

GUESSING = math.log(10)  # loss in nats of one who gives each of ten classes the same probability


def size_of(rows: DataFrame) -> str:
    """Depth, width and data set of one kind of run."""
    if rows.empty:
        return "not in the config"
    first = rows.iloc[0]
    return f"{first.depth} layers of width {first.width}, {first.dataset}"


def rate_of(runs: DataFrame) -> str:
    """The learning rate of one kind of run."""
    return f"η = {runs.learning_rate.iloc[0]:g}" if len(runs) else ""


def listed(steps: list[int]) -> str:
    """Different steps in order, as a sentence names them."""
    return ", ".join(str(step) for step in sorted(set(steps)))


def describe(rows: DataFrame, bound: str) -> str:
    """The condition of a claim: the network that ``rows`` are of, and the bound chosen."""
    if rows.empty:
        return f"no such network in the config's sweep; bound: {bound}"
    first = rows.iloc[0]
    weights = f"N(0, {first['weight_std'] ** 2:g})" if first["weight_std"] > 0 else None
    return (
        f"{first['depth']} layers of width {first['width']}, {weights or first['initialization']} "
        f"weights, {first['dataset']}, at initialisation, {first['precision']}; bound: {bound}"
    )
