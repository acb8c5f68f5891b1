"""What tables of optimisers say about their edges, and tables of two linear layers of catapults."""

import math

import numpy as np
import pandas as pd

LAZY, CATAPULT = 2.0, 4.0  # scaled rates at which the phases end (Lewkowycz et al. 2020)


def ratios(edges: pd.DataFrame) -> pd.DataFrame:
    """The measured rows of table ``optimizer_edges``, with ``ratio`` = sharpness / threshold."""
    rows = edges[edges["sharpness"].notna()].copy()
    rows["ratio"] = rows["sharpness"] / rows["threshold"]
    return rows


def ends(edges: pd.DataFrame) -> pd.DataFrame:
    """A row a run: optimizer, seed, status and where it stays.

    ``late`` is the median ratio of the last third of the steps; of a run that diverges it is inf.
    It is nan, for not known, if the run had not come to its threshold at some measured step in the
    first two thirds: a run that has no time to come there says nothing of what happens there. The
    start does not count, since Adam's first preconditioner is the first gradient alone.
    """
    rows = []
    for (optimizer, seed), run in edges.groupby(["optimizer", "seed"], sort=False):
        points, planned = ratios(run), run["steps"].iloc[0]
        early = points[(points["step"] > 0) & (points["step"] < 2 / 3 * planned)]
        status = str(run.sort_values("step")["status"].iloc[-1])
        late = points.loc[points["step"] >= 2 / 3 * planned, "ratio"].median()
        if status == "diverged":
            late = math.inf
        elif not (early["ratio"] >= 1).any():
            late = math.nan
        rows.append({"optimizer": optimizer, "seed": seed, "status": status, "late": late})
    return pd.DataFrame(rows, columns=["optimizer", "seed", "status", "late"])


def bisected(thresholds: pd.DataFrame) -> pd.DataFrame:
    """Table ``optimizer_thresholds`` with ``measured``, the middle of the bisection's bracket, and
    ``ratio``, it over the closed form."""
    measured = (thresholds["converging_rate"] + thresholds["growing_rate"]) / 2
    return thresholds.assign(measured=measured, ratio=measured / thresholds["threshold"])


def phase(catapult: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one phase: ``lazy``, ``catapult`` or ``divergent``; none exactly between two."""
    rate = catapult["scaled_rate"]
    inside = {
        "lazy": rate < LAZY,
        "catapult": (rate > LAZY) & (rate < CATAPULT),
        "divergent": rate > CATAPULT,
    }
    return catapult[inside[name]]


def curvature_change(lazy: pd.DataFrame) -> list[float]:
    """For each seed the mean of |λ_end / λ_start - 1| over its rates."""
    change = (lazy["end_curvature"] / lazy["start_curvature"] - 1).abs()
    return change.groupby(lazy["seed"]).mean().tolist()


def flattest_needed(catapult: pd.DataFrame) -> list[float]:
    """For each seed the largest η λ_end / 2 over its rates, inf if one of them diverges."""
    ratio = catapult["end_curvature"] * catapult["learning_rate"] / 2
    return ratio.groupby(catapult["seed"]).max().tolist()


def diverged_share(divergent: pd.DataFrame) -> list[float]:
    """For each seed the share of its rates that diverge."""
    lost = (divergent["status"] == "diverged").astype(float)
    return lost.groupby(divergent["seed"]).mean().tolist()


def prediction_error(catapult: pd.DataFrame) -> float:
    """The largest relative difference of λ_end from the map's, where neither diverges; else nan.

    Not of rates exactly between two phases, where rounding decides which it is.
    """
    inside = ~catapult["scaled_rate"].isin([LAZY, CATAPULT])
    ends_of = catapult.loc[inside, ["end_curvature", "predicted_curvature"]]
    both = ends_of.replace(np.inf, np.nan).dropna()
    error = (both["end_curvature"] / both["predicted_curvature"] - 1).abs()
    return float(error.max()) if len(error) else math.nan
