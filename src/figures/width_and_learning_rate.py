"""The best learning rate against the width under two parametrisations, and the coordinate check."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_look, rate_number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.measures.width import best_rates, exponents
from gradient_atlas.runs.names import name_of

TABLES = {"width": "dynamics/width", "coordinates": "dynamics/coordinates"}
LOOKS: dict[str, dict[str, Any]] = {
    "standard": {"color": COLORS["orange"], "linestyle": "--"},
    "maximal_update": {"color": COLORS["blue"], "linestyle": "-"},
}
MARKERS = "os^Dv"


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Loss against the rate, a panel a parametrisation; best rate and change against the width."""
    table = tables["width"]
    names = list(table["parametrization"].unique())
    figure, axes = style.new_figure(len(names) + 2, columns=2, panel_height=1.8)
    widths = sorted(table["width"].unique())
    for panel, name in zip(axes, names, strict=False):
        _losses(panel, table[table["parametrization"] == name], widths)
    _best(axes[-2], table, names)
    _coordinates(axes[-1], tables["coordinates"], names)
    titles = [f"{name_of(name)} parametrisation" for name in names]
    label_panels(axes, [*titles, "best rate", "coordinate check"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _losses(axes: Axes, own: DataFrame, widths: list[int]) -> None:
    for position, width in enumerate(widths):
        alive = own[(own["width"] == width) & (own["status"] == "ok")]
        # A rate at which any seed diverges has no mean.
        whole = alive.groupby("learning_rate")["seed"].nunique() == own["seed"].nunique()
        mean = alive.groupby("learning_rate")["train_loss"].mean()[whole]
        axes.plot(mean.index, mean, **rate_look(position), linewidth=0.9, label=f"$n = {width}$")
    axes.set(xlabel=r"learning rate $\eta$", ylabel="loss at the end", xscale="log", yscale="log")
    _plain(axes)
    rates = sorted(own["learning_rate"].unique())
    axes.set_xlim(rates[0] / 1.15, rates[-1] * 1.15)
    axes.set_xticks(rates[1::3] or rates)
    axes.xaxis.set_major_formatter("{x:.2g}")
    axes.xaxis.set_minor_locator(NullLocator())


def _plain(axes: Axes) -> None:
    low, high = axes.get_ylim()
    ticks = [tick for tick in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2) if low <= tick <= high]
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _best(axes: Axes, table: DataFrame, names: list[str]) -> None:
    """Means over seeds of the logarithm, and their range."""
    best = best_rates(table).dropna()
    for name in names:
        own = best[best["parametrization"] == name]
        points = own.groupby("width")["rate"].agg(["min", "max"])
        middle = np.exp(np.log(own["rate"]).groupby(own["width"]).mean())
        axes.plot(middle.index, middle, marker="o", label=name_of(name), **LOOKS[name])
        axes.fill_between(
            points.index, points["min"], points["max"], color=LOOKS[name]["color"], alpha=0.2,
            linewidth=0,
        )  # fmt: skip
    axes.set(xlabel="width $n$", ylabel=r"best $\eta$", xscale="log", yscale="log")
    _width_ticks(axes, table)
    axes.yaxis.set_major_formatter("{x:.2g}")
    axes.set_yticks(sorted(table["learning_rate"].unique())[::2])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(loc="lower left", borderpad=0, labelspacing=0.2)


def _coordinates(axes: Axes, coordinates: DataFrame, names: list[str]) -> None:
    for name in names:
        own = coordinates[coordinates["parametrization"] == name]
        for layer, rows in own.groupby("layer"):
            mean = rows.groupby("width")["change"].mean()
            axes.plot(
                mean.index, mean, marker=MARKERS[(int(layer) - 1) % len(MARKERS)],
                linewidth=0.9, **LOOKS[name],
            )  # fmt: skip
    layers = int(coordinates["layers"].max()) if len(coordinates) else 0
    for layer in range(1, layers + 1):
        said = "outputs" if layer == layers else f"layer {layer}"
        marker = MARKERS[(layer - 1) % len(MARKERS)]
        axes.plot([], [], color="black", linestyle="", marker=marker, label=said)
    axes.set(xlabel="width $n$", ylabel="change of a unit", xscale="log", yscale="log")
    _width_ticks(axes, coordinates)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.4)
    axes.legend(loc="upper left", ncols=3, borderpad=0, handletextpad=0.1, columnspacing=0.8)


def _width_ticks(axes: Axes, table: DataFrame) -> None:
    widths = sorted(table["width"].unique())
    axes.set_xticks(widths, [str(width) for width in widths])
    axes.xaxis.set_minor_locator(NullLocator())


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    table, coordinates = tables["width"], tables["coordinates"]
    first, check = table.iloc[0], table.iloc[0]["check"]
    numbers = {
        "layers": Number(int(first["hidden_layers"])),
        "examples": Number(int(first["examples"])),
        "seeds": Number(int(table["seed"].nunique())),
        "steps": Number(int(first["steps"])),
        "few": Number(int(check["steps"])),
        "rate": rate_number(check["learning_rate"]),
    }
    text = (
        r"tanh networks with [[layers]] hidden layers of $n$ units under full-batch descent on "
        rf"[[examples]] examples of {name_of(first['dataset'])} (squared loss, [[seeds]] seeds), "
        r"in the standard parametrisation and in that of maximal update (Yang et al. 2022, table "
        r"3: the first layer's rate grows as $n$, the last layer's falls as $1/n$, and so does the "
        r"standard deviation of its first weights), equal at the least width. "
    )
    text += only(
        "ab",
        "(a), (b) Loss after [[steps]] steps, mean over seeds, at rates at which none diverges. ",
    )
    text += only("c", "(c) Best rate of the scan: mean of the logarithm and range. ")
    text += only(
        "d",
        r"(d) Root mean square change of a layer's outputs in [[few]] steps at "
        r"$\eta = [[rate]]$.",
    )
    for name in table["parametrization"].unique():
        found = exponents(coordinates, name)
        if not len(found):
            continue
        parts = []
        for layer in found.columns:
            key = f"{name}_{layer}"
            numbers[key] = Number.over_seeds(found[layer].tolist())
            parts.append(rf"$[[{key}]]$")
        text += only(
            "d",
            rf" Exponents of the change in the width, {name_of(name)}, from the first layer to the "
            rf"outputs: {', '.join(parts)}.",
        )
    return Caption(text, numbers)
