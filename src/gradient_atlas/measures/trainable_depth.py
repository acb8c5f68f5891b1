"""How deep a network may be and still learn, read off the sweep's tables.

Each kind of network has its own depths and is judged, at each depth, at the best of the rates that
were run. One run gives two budgets: its last logged step, and the last one within half of it.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pandas import DataFrame

from gradient_atlas.measures.layers import ERROR, at_initialization, decades, prediction_of
from gradient_atlas.measures.runs import where

# The greatest trainable depth that Schoenholz et al. (2017) find is six of their depth scales
# ξ = -1/ln χ, over each of which ‖δ‖² falls by e.
SCALES = 6
LEARNT = 0.5  # accuracy above which the caption says that a network has learnt
NO_SCALE = 1e4  # layers; a longer scale is an infinite one, reached as a power of the depth
SATURATING = ("sigmoid", "tanh")
# What makes two networks of one kind, whatever their depth and rate.
KIND = (
    "activation",
    "initialization",
    "weight_std",
    "normalization",
    "residual",
    "width",
    "optimizer",
)


def kinds(table: DataFrame) -> Iterator[DataFrame]:
    """The rows of each kind of network, in the order of the table."""
    for _, rows in table.groupby(list(KIND), sort=False, dropna=False):
        yield rows


def of_kind(table: DataFrame, runs: DataFrame) -> DataFrame:
    """Rows of another table of the kind of network that ``runs`` are of."""
    values = {key: runs[key].iloc[0] for key in KIND}
    return where(table, **{key: None if pd.isna(value) else value for key, value in values.items()})


def budgets(metrics: DataFrame) -> tuple[int, int]:
    """The last logged step within half of the updates, and the last one."""
    full = int(metrics.step.max())
    return int(metrics.step[metrics.step <= full / 2].max()), full


def ends(metrics: DataFrame, step: int) -> DataFrame:
    """The row of each depth, rate and seed at this step; a diverged run's as it diverged."""
    rows = metrics[metrics.step <= step].sort_values("step", kind="stable")
    return rows.groupby(["depth", "learning_rate", "seed"]).tail(1)


def at_best_rate(metrics: DataFrame, step: int) -> DataFrame:
    """The same, of each depth only the rate of the highest mean training accuracy there."""
    rows = ends(metrics, step)
    found = []
    for _, of_depth in rows.groupby("depth"):
        best = of_depth.groupby("learning_rate").train_accuracy.mean().idxmax()
        found.append(of_depth[of_depth.learning_rate == best])
    return pd.concat(found).sort_values(["depth", "seed"]) if found else rows


def greatest_depth(rows: DataFrame, accuracy: float) -> float:
    """The depth up to which every seed, and every smaller depth, exceeds the accuracy; or nan.

    rows: one kind of network at one budget, of each depth and seed one.
    """
    least = rows.groupby("depth").train_accuracy.min()
    failed = least[least < accuracy].index
    learnt = least.index[least.index < (failed.min() if len(failed) else math.inf)]
    return float(learnt.max()) if len(learnt) else math.nan


def share_of_shallow(rows: DataFrame, column: str) -> list[float]:
    """What the deepest network has of the shallowest's accuracy above guessing, by seed.

    rows: as for ``greatest_depth``. 1: as good; 0: guessing. Empty where the shallowest has not
    learnt in every seed, and where there are not two depths.
    """
    if rows.empty or rows.depth.nunique() < 2 or math.isnan(greatest_depth(rows, LEARNT)):
        return []
    table = rows.pivot(index="seed", columns="depth", values=column)
    above = table - 1 / rows.classes.iloc[0]
    return [float(share) for share in above.iloc[:, -1] / above.iloc[:, 0]]


def signal_ratios(gradients: DataFrame) -> DataFrame:
    """log10 of the error signal's norm in layer 1 over that in layer L-1, by depth and seed.

    Depths whose signal float32, in which these runs train, has lost are left out.
    """
    found = []
    start = at_initialization(gradients)
    start = start[start.learning_rate == start.learning_rate.min()]
    for (depth, seed), network in start.groupby(["depth", "seed"]):
        values = decades(network, ERROR)
        if len(values) > 2 and np.isfinite(values[[0, -2]]).all():
            found.append({"depth": int(depth), "seed": int(seed), "ratio": values[0] - values[-2]})
    return DataFrame(found, columns=["depth", "seed", "ratio"])


def decades_per_added_layer(ratios: DataFrame) -> list[float]:
    """Slope of ``signal_ratios`` against depth, by seed; empty with fewer than two depths."""
    if ratios.depth.nunique() < 2:
        return []
    groups = ratios.groupby("seed")
    return [float(np.polyfit(rows.depth, rows.ratio, 1)[0]) for _, rows in groups]


def predicted_ratios(theory: DataFrame, gradients: DataFrame) -> dict[int, float]:
    """By depth, theory's value of ``signal_ratios`` for the networks of ``gradients``."""
    found = {}
    for depth, rows in gradients.groupby("depth"):
        values = prediction_of(theory, rows)[f"predicted_log10_{ERROR}"].to_numpy()
        if len(values) > 2:
            found[int(depth)] = float(values[0] - values[-2])
    return found


def depth_scale(theory: DataFrame, runs: DataFrame) -> float:
    """ξ = -1/ln χ of a kind of network; infinite where its signal does not fall exponentially."""
    rows = prediction_of(theory, runs)
    slope = float(rows.asymptotic_slope.iloc[0]) if len(rows) else math.nan
    if not slope < -1 / (2 * math.log(10) * NO_SCALE):
        return math.inf
    return -1 / (2 * math.log(10) * slope)
