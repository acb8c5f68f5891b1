"""How runs end: a row for each kind of run, from its losses at the start to those at the end."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame

from gradient_atlas.measures.runs import divergence_steps, last_rows


def draw_endings(axes: Axes, rows: Sequence[tuple[str, DataFrame, dict[str, Any]]]) -> None:
    """Draw a row a kind of run, its name above it: name, rows of ``metrics``, look.

    The line spans all finite losses of all seeds, ticks stand at their starts and markers at their
    ends; a cross at the border stands for diverged seeds, whose step is said.
    """
    size = mpl.rcParams["legend.fontsize"]
    for position, (name, runs, look) in enumerate(rows):
        losses = runs["train_loss"][np.isfinite(runs["train_loss"])]
        if len(losses):
            axes.plot([losses.min(), losses.max()], [position] * 2, color="0.75", linewidth=0.8)
        for _, run in runs.groupby("seed"):
            ordered = run.sort_values("step")
            axes.plot(ordered["train_loss"].iloc[0], position, color="0.4", marker="|", zorder=1)
            if ordered["status"].eq("ok").all():
                end = {"linestyle": "", "markersize": 4, "markeredgewidth": 0.6}
                axes.plot(ordered["train_loss"].iloc[-1], position, **look | end)
        if divergence_steps(runs):
            border: dict[str, Any] = {
                "transform": axes.get_yaxis_transform(),
                "color": "black",
                "clip_on": False,
            }
            axes.plot(1, position, "x", markersize=4, **border)
        said = axes.annotate(
            name + _stopped(runs),
            (0, position),
            (0, 4),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="bottom",
            fontsize=size,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
        said.set_in_layout(False)  # it stands in the panel, and must not narrow it
    axes.set(ylim=(len(rows) - 0.6, -0.9), xscale="log", xlabel="training loss (nat)")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _limits(axes, [runs for _, runs, _ in rows])


def _stopped(runs: DataFrame) -> str:
    """How many seeds diverged, and when."""
    stops, seeds = sorted(set(divergence_steps(runs))), runs["seed"].nunique()
    if not stops:
        return ""
    lost = len(divergence_steps(runs))
    count = "" if lost == seeds else f"{lost} of {seeds}, "
    when = f"{stops[0]}" if len(stops) == 1 else f"{stops[0]}–{stops[-1]}"
    return rf": $\times$ {count}step {when}"


def _limits(axes: Axes, tables: Sequence[DataFrame]) -> None:
    """Room for all starts and for the ends that are no divergence, linear within a decade."""
    first = [table[table["step"] == 0] for table in tables]
    last = [ends[ends["status"] == "ok"] for ends in map(last_rows, tables)]
    found = np.concatenate(
        [[], *(rows["train_loss"].to_numpy(dtype=float) for rows in first + last)]
    )
    found = found[np.isfinite(found) & (found > 0)]
    if not len(found):
        return
    low, high = math.log10(found.min()), math.log10(found.max())
    if high - low < 1:
        margin = max((found.max() - found.min()) / 12, 0.05)
        axes.set_xscale("linear")
        axes.set_xlim(found.min() - margin, found.max() + margin)
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
        return
    margin = (high - low) / 12
    axes.set_xlim(10.0 ** (low - margin), 10.0 ** (high + margin))
    axes.xaxis.set_major_locator(mpl.ticker.LogLocator(numticks=4))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
