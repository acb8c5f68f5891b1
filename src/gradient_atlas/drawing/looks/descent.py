"""How flow and descent, their rates, paths and losses look in every figure that shows them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter
from pandas import DataFrame

from gradient_atlas.drawing.caption import Number
from gradient_atlas.drawing.style import COLORS

FLOW: dict[str, Any] = {"color": COLORS["blue"], "linestyle": "-", "linewidth": 1.6}
MODERATE: dict[str, Any] = {"color": COLORS["orange"], "linestyle": "--", "marker": "o"}
LARGE: dict[str, Any] = {"color": COLORS["green"], "linestyle": ":", "marker": "^"}
# Of learning rates, in order; blue is the flow's.
RATES = tuple(zip(("orange", "green", "purple", "red", "cyan", "black"), "s^PXvD", strict=True))


def rate_number(rate: float) -> Number:
    """A rate of the config with the digits that it was given with."""
    digits = f"{rate:.12g}".lstrip("0.").partition("e")[0].replace(".", "")
    return Number(rate, digits=max(1, len(digits)))


def rate_look(position: int) -> dict[str, Any]:
    """Colour and marker of the learning rate at this position among the drawn ones."""
    color, marker = RATES[position % len(RATES)]
    return {"color": COLORS[color], "marker": marker}


def few_decades(axes: Axes) -> None:
    """Tick a logarithmic y axis of one or two decades at 1 and 3, in plain numbers."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def apart(path: DataFrame, size: Sequence[float]) -> list[int]:
    """Positions of the steps of a path that a reader can tell apart on a panel of this size.

    ``size`` is the panel's in units of theta_1 and theta_2.
    """
    points = path[["theta_1", "theta_2"]].to_numpy() / np.asarray(size)
    kept = [0]
    for step in range(1, len(points)):
        if np.linalg.norm(points[step] - points[kept[-1]]) > 0.025:
            kept.append(step)
    return kept


def contours(axes: Axes, landscape: DataFrame, levels: int = 12) -> None:
    """Grey lines of equal loss, equidistant in its logarithm, on the grid of ``landscape``."""
    grid = landscape.pivot(index="theta_2", columns="theta_1", values="loss")
    values = np.log10(grid.to_numpy() - min(0.0, float(grid.to_numpy().min())) + 1e-12)
    low, high = np.quantile(values, [0.01, 1.0])
    axes.contour(
        grid.columns,
        grid.index,
        values,
        levels=np.linspace(low, high, levels),
        colors=COLORS["grey"],
        linewidths=0.4,
        linestyles="-",
        zorder=0,
    )
