"""Which networks on the plane of σ_w² and σ_b² learn, beside their depth scales."""

import numpy as np
import pandas as pd
from pandas import DataFrame

from gradient_atlas.measures.trainable_depth import SCALES

HALF = 0.5  # of the way from guessing to every example: above it a network has learnt


def part_of(theory: DataFrame, part: str) -> DataFrame:
    """The rows of the ``map``, the ``cut`` or the ``networks``."""
    return theory[theory.part == part].sort_values(["sigma_b2", "sigma_w2"])


def grid(theory: DataFrame, column: str) -> DataFrame:
    """A column of the map: σ_b² by σ_w²."""
    rows = part_of(theory, "map")
    return rows.pivot(index="sigma_b2", columns="sigma_w2", values=column)


def at_best_rate(rows: DataFrame) -> DataFrame:
    """Of each σ_w² and depth the rows of the rate with the highest mean accuracy over seeds."""
    found = []
    for _, one in rows.groupby(["sigma_w2", "depth"]):
        best = one.groupby("learning_rate").accuracy.mean().idxmax()
        found.append(one[one.learning_rate == best])
    return pd.concat(found, ignore_index=True) if found else rows


def learnt(rows: DataFrame, theory: DataFrame) -> DataFrame:
    """At the best rate, with each network's χ and ξ_c, whether it learnt and is below 6 ξ_c."""
    networks = part_of(theory, "networks")[["sigma_w2", "chi", "correlation_depth"]]
    best = at_best_rate(rows).merge(networks.drop_duplicates(), on="sigma_w2")
    if best.empty:
        return best.assign(learnt=False, within=False)
    guessing = 1 / best.classes
    above = (best.accuracy - guessing) / (1 - guessing)
    return best.assign(learnt=above > HALF, within=best.depth <= SCALES * best.correlation_depth)


def shares(cells: DataFrame, within: bool) -> list[float]:
    """By seed, the share of networks that learnt among those within 6 ξ_c, or those beyond."""
    chosen = cells[cells.within == within] if len(cells) else cells
    return [float(one.learnt.mean()) for _, one in chosen.groupby("seed")]


def signal_change(rows: DataFrame, theory: DataFrame, chaotic: bool) -> DataFrame:
    """The deepest networks of one phase before training, one row a σ_w² and seed.

    ``log10_signal_ratio``: that of the first over the last hidden layer; of all of a phase's σ_w².
    """
    networks = part_of(theory, "networks")[["sigma_w2", "chi"]].drop_duplicates()
    deepest = rows[rows.depth == rows.depth.max()].drop_duplicates(["sigma_w2", "seed"])
    both = deepest.merge(networks, on="sigma_w2")
    return both[both.chi > 1] if chaotic else both[both.chi < 1]


def mean_change(rows: DataFrame) -> list[float]:
    """By seed, the mean of the ratio over the networks of a phase."""
    known = rows[np.isfinite(rows.log10_signal_ratio)]
    return [float(one.log10_signal_ratio.mean()) for _, one in known.groupby("seed")]
