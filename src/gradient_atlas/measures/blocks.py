"""Signals at the ends of a network's blocks: residual blocks, or the sublayers of a Transformer."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.runs.network import whole_options

ERROR, WEIGHT = "error_signal_norm", "weight_gradient_norm"
_OF_ONE_THEORY = ["dataset", "architecture", "architecture_options", "probe_examples"]


@dataclass(frozen=True)
class Stack:
    """One network of a sweep, at the first step at which its signals are there.

    Attributes:
        options: of its architecture, with the defaults.
        depth: how many blocks it has.
        rows: a seed and block, in forward order; ``place`` counts the blocks from 1.
        theory: a row a block, with the same ``place``; empty where there is no theory.
    """

    options: dict[str, Any]
    depth: int
    rows: DataFrame
    theory: DataFrame

    def of(self, column: str) -> DataFrame:
        """log10 of a norm, a row a seed, a column a place; -inf where it is 0."""
        with np.errstate(divide="ignore"):
            decades = self.rows.assign(decades=np.log10(self.rows[column].astype(float)))
        return decades.pivot_table(index="seed", columns="place", values="decades", dropna=False)

    def gains(self) -> DataFrame:
        """log10 of the error signal over that of the last block, seed by place."""
        values = self.of(ERROR)
        return values.sub(values.iloc[:, -1], axis=0)

    def total(self) -> list[float]:
        """By seed: decades that the error signal gains from the last block to the first."""
        return [float(value) for value in self.gains().iloc[:, 0]]

    def predicted(self, column: str) -> list[float]:
        """A column of theory by place; empty where there is no theory."""
        return [float(value) for value in self.theory[column]]

    def predicted_total(self) -> float:
        """What ``total`` is in theory; nan where there is none."""
        gains = self.predicted("predicted_log10_error_signal_gain")
        return gains[0] if gains else math.nan


def stacks(
    modules: DataFrame, theory: DataFrame, architecture: str, depth: str, endings: Sequence[str]
) -> list[Stack]:
    """Every network of an architecture in a sweep, in the config's order.

    Args:
        modules: the sweep's table ``modules``.
        theory: its table of theory.
        architecture: a built-in one.
        depth: the option that counts the blocks or layers.
        endings: how the names of the modules end that close a block.
    """
    found = []
    rows = modules[modules["architecture"] == architecture]
    rows = rows[rows["module"].str.endswith(tuple(f".{ending}" for ending in endings))]
    for _, one in rows.groupby([*_OF_ONE_THEORY, *_training(rows)], sort=False, dropna=False):
        options = whole_options(architecture, json.loads(one["architecture_options"].iloc[0]))
        order = {layer: place for place, layer in enumerate(sorted(set(one["layer"])), start=1)}
        one = one.assign(place=one["layer"].map(order))
        names = one.drop_duplicates("place").sort_values("place")[["module", "place"]]
        same = theory
        for key in _OF_ONE_THEORY:
            same = same[same[key] == one[key].iloc[0]]
        predicted = same.merge(names, on="module").sort_values("place")
        found.append(Stack(options, int(options[depth]), _first_seen(one), predicted))
    return found


def _training(rows: DataFrame) -> list[str]:
    """What else the runs of a sweep differ in, so that no two of them are mixed."""
    keys = ("learning_rate", "momentum", "batch_size", "max_steps", "training_examples")
    return [key for key in keys if key in rows and rows[key].nunique(dropna=False) > 1]


def _first_seen(rows: DataFrame) -> DataFrame:
    """The rows of the first step at which a signal arrives: Fixup's head starts at 0."""
    arrived = rows[rows[ERROR] != 0]
    return rows[rows["step"] == arrived["step"].min()] if len(arrived) else rows.iloc[:0]


def deepest(found: Sequence[Stack]) -> Stack | None:
    """The one of most blocks; None of none."""
    return max(found, key=lambda one: one.depth, default=None)


def kinds(found: Sequence[Stack], *options: str) -> dict[tuple[Any, ...], list[Stack]]:
    """The networks by the values of these options, in the config's order, each by depth."""
    grouped: dict[tuple[Any, ...], list[Stack]] = {}
    for one in found:
        grouped.setdefault(tuple(one.options[key] for key in options), []).append(one)
    return {key: sorted(many, key=lambda one: one.depth) for key, many in grouped.items()}


def residual_networks(tables: dict[str, DataFrame]) -> dict[tuple[Any, ...], list[Stack]]:
    """The residual networks by normalisation and branch; none without tables."""
    if not tables:
        return {}
    found = stacks(tables["modules"], tables["theory"], "resnet", "blocks", ["last"])
    return kinds(found, "normalization", "branch")


def branch_exponent(gains: Sequence[float]) -> float:
    """p of a branch that shrinks as (blocks)^-p against the skip connection.

    A block then multiplies ‖∂ℓ/∂x‖² by 1 + C l^(-2p), which gains C l^(1-2p) in every octave of
    blocks (l, 2l], up to a constant: the slope of log2 of the octaves' gains is 1 - 2p, by least
    squares over the last three octaves. nan of fewer blocks than 16, or where a gain is lost.

    Args:
        gains: log10 error signal over that of the last block, by block.
    """
    blocks = len(gains)
    if blocks < 16:
        return math.nan
    ends = [blocks // 8, blocks // 4, blocks // 2, blocks]
    found = [gains[low - 1] - gains[high - 1] for low, high in pairwise(ends)]
    if min(found) <= 0 or not np.isfinite(found).all():
        return math.nan
    slope = np.polyfit(np.log2(ends[1:]), np.log2(found), 1)[0]
    return float((1 - slope) / 2)
