"""What a monitor of each layer's gradients sees, and whether its alarm tells the end."""

import numpy as np
from pandas import DataFrame, Series

from gradient_atlas.measures.layers import ERROR, WEIGHT, decades, layer_step_table
from gradient_atlas.measures.plateaus import (
    GUESSES,
    alarms,
    at_rate,
    best_rate,
    share_of_guessing,
)
from gradient_atlas.measures.runs import where
from gradient_atlas.runs.names import network_name


def logarithms(rows: DataFrame) -> DataFrame:
    """log10 of the weight gradient's norm, layers by steps; nan where it is 0 for every seed."""
    return layer_step_table(rows.assign(value=decades(rows, WEIGHT)), "value")


def silent_layers(rows: DataFrame) -> Series:
    """By seed, how many layers have a weight gradient of exactly 0 after the first update."""
    first = rows[rows["step"] == 1]
    return (first[WEIGHT] == 0).groupby(first["seed"]).sum()


def outcomes(gradients: DataFrame, metrics: DataFrame) -> DataFrame:
    """A row a network and seed: alarms before the first update, and whether it failed to learn.

    Columns network, seed, weight, error (alarms of a monitor of either norm) and failed: the loss
    in the end, at the best rate tried, is at least ``GUESSES`` of that of guessing. Empty where the
    classes are not known.
    """
    found = []
    kinds = ["activation", "initialization", "weight_std"]
    for _, runs in metrics.groupby(kinds, dropna=False, sort=False):
        rate = best_rate(runs)
        end = share_of_guessing(at_rate(runs, rate))
        if end.isna().all():
            continue
        first = runs.iloc[0]
        kind = {"activation": first.activation, "initialization": first.initialization}
        rows = at_rate(where(gradients, **kind), rate)
        named = {"weight": alarms(rows, WEIGHT), "error": alarms(rows, ERROR)}
        failed = ~(end < GUESSES)
        found.append(DataFrame(named | {"failed": failed}).assign(network=network_name(first)))
    if not found:
        return DataFrame(columns=["network", "seed", "weight", "error", "failed"])
    frames = [frame.rename_axis("seed").reset_index() for frame in found]
    return DataFrame({key: np.concatenate([f[key] for f in frames]) for key in frames[0]})


def right(found: DataFrame, name: str) -> Series:
    """By seed, the share of the networks whose alarm by this norm says the end rightly."""
    if found.empty:
        return Series(dtype=float)
    agree = found[name].astype(bool) == found["failed"].astype(bool)
    return agree.groupby(found["seed"]).mean()
