"""The page's two figures: others' times over this project's, and growth beside its theory."""

from typing import Any

import numpy as np
import pandas as pd
from fit import exponent
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from ratios import OWN, Ratio, between, medians, sweeps
from theory import EXPONENTS

from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels

KINDS = {
    "process": ("alone, from start to end", {"color": COLORS["blue"], "marker": "o"}),
    "loop": ("its loop, processor time", {"color": COLORS["orange"], "marker": "s"}),
    "sweep": ("sweep of 12 runs", {"color": COLORS["green"], "marker": "^"}),
}
LABELS = {
    "depth": "depth (layers)",
    "width": "width (units)",
    "steps": "steps",
    "seeds": "seeds",
    "planned runs": "planned runs",
}


def draw_comparison(rows: pd.DataFrame, style: Style) -> Figure:
    """For each width a panel: time of each peer over this project's, with the turns' range."""
    widths = sorted(rows["size"].unique())
    ways = [way for way in rows["way"].unique() if way != OWN]
    figure, panels = style.new_figure(len(widths), panel_height=2.2, sharey=True)
    for axes, width in zip(panels, widths, strict=True):
        here = rows[rows["size"] == width]
        axes.axvline(1, **THEORY)
        for place, (quantity, (label, look)) in enumerate(KINDS.items()):
            heights = [number + 0.22 * (1 - place) for number in range(len(ways))]
            found = [_ratio(here[here["quantity"] == quantity], quantity, way) for way in ways]
            middle = np.array([one.median for one in found])
            if np.isnan(middle).all():
                continue
            ends = np.array([[one.median - one.low, one.high - one.median] for one in found])
            axes.errorbar(
                middle,
                heights,
                xerr=ends.reshape(-1, 2).T,
                linestyle="",
                elinewidth=0.8,
                label=label,
                **look,
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks([1, 2, 5, 10])
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, 0.8), max(high, 2.2))
        axes.set_ylim(max(len(ways), 1) - 0.5, -0.5)
        axes.set_xlabel("time / this project's")
    names = [way.replace(", ", ",\n") for way in ways]
    panels[0].set_yticks(range(len(ways)), names, linespacing=0.8)  # nearer than the next name
    label_panels(panels, [f"Width {width}" for width in widths])
    entries: dict[str, Any] = {}
    for axes in panels:
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=3)
    return figure


def _ratio(rows: pd.DataFrame, quantity: str, way: str) -> Ratio:
    if quantity == "sweep":
        return sweeps(rows, way)
    return between(rows, way, OWN)


def draw_growth(rows: pd.DataFrame, style: Style) -> Figure:
    """For each axis a panel: time and memory over those at the smallest value, and theory.

    A title says the fitted exponents.
    """
    figure, panels = style.new_figure(len(LABELS) + 1, columns=3, panel_height=1.7)
    looks = {
        "time": {"color": COLORS["blue"], "marker": "o"},
        "memory": {"color": COLORS["orange"], "marker": "s"},
    }
    titles = []
    for axes, (axis, label) in zip(panels, LABELS.items(), strict=False):
        found, highest = [], 1.0
        for quantity, power in zip(looks, EXPONENTS[axis], strict=True):
            values = medians(rows[(rows["way"] == axis) & (rows["quantity"] == quantity)])
            if values.empty:
                continue
            x, y = values.index.to_numpy(float), values.to_numpy() / values.iloc[0]
            axes.plot(x, y, linestyle="", label=f"{quantity}, measured", **looks[quantity])
            # Through the largest, where what is asymptotic holds best.
            axes.plot(x, y[-1] * (x / x[-1]) ** power, **THEORY, label="_")
            highest = max(highest, *y)
            if len(x) > 1:
                found.append(f"{quantity} {exponent(x, y).value:.2f}")
        axes.set(xscale="log", yscale="log", xlabel=label, ylim=(0.6, max(2 * highest, 4)))
        ticks = sorted(rows.loc[rows["way"] == axis, "size"].unique())
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        titles.append(", ".join(found))
    for row in (0, 3):
        panels[row].set_ylabel("over the smallest")
    label_panels(panels[:-1], titles)
    spare = panels[-1]
    spare.axis("off")
    handles, labels = panels[0].get_legend_handles_labels()
    (line,) = spare.plot([], [], **THEORY)
    spare.legend([*handles, line], [*labels, "exponent from the work"], loc="center")
    return figure
