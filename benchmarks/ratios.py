"""Ratios of runs that were made in turn, and what they are held against."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

OWN = "this project"


@dataclass(frozen=True)
class Ratio:
    """Median, least and greatest of the ratios of several turns."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """``1.25 (1.20 to 1.31)``; without a range where one turn was measured."""
        spread = f" ({self.low:.2f} to {self.high:.2f})" if self.high > self.low else ""
        return f"{self.median:.2f}{spread}"


def ratio(values: Iterable[float]) -> Ratio:
    """Of these values; all NaN if there are none."""
    found = [value for value in values if not np.isnan(value)]
    if not found:
        return Ratio(np.nan, np.nan, np.nan)
    return Ratio(float(np.median(found)), min(found), max(found))


def between(rows: pd.DataFrame, way: str, other: str) -> Ratio:
    """One way's values over another's of the same turn; ``rows`` are of one size and quantity."""
    by_turn = rows.pivot_table(index="turn", columns="way", values="value")
    if not {way, other} <= set(by_turn):
        return ratio([])
    return ratio(by_turn[way] / by_turn[other])


def sweeps(rows: pd.DataFrame, way: str) -> Ratio:
    """A peer's sweep over each of the project's two that stand before and after it."""
    own = rows[rows["way"] == OWN].set_index("turn")["value"]
    theirs = rows[(rows["way"] == way) & rows["value"].notna()]
    return ratio(
        value / own[turn + place]
        for turn, value in zip(theirs["turn"], theirs["value"], strict=True)
        for place in (0, 1)
    )


def medians(rows: pd.DataFrame) -> pd.Series:
    """Median over the turns by size, of one quantity; without those that are not above 0."""
    values = rows.groupby("size")["value"].median()
    return values[values > 0]


@dataclass(frozen=True)
class Target:
    """What is aimed at.

    Attributes:
        what: in words.
        bound: the value aimed at.
        found: what was measured; None: it was not.
        at_least: whether more is better.
        needed: what would be needed, if it is missed.
    """

    what: str
    bound: float
    found: float | None
    at_least: bool
    needed: str

    @property
    def verdict(self) -> str:
        """``met``, ``missed`` or ``not measured``."""
        if self.found is None or np.isnan(self.found):
            return "not measured"
        met = self.found >= self.bound if self.at_least else self.found <= self.bound
        return "met" if met else "missed"
