"""A warm-up from too sharp a start: sharpness, loss, gradient and the largest stable rate."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, NullLocator
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_look, rate_number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, Style, band, label_panels
from gradient_atlas.measures.warmup import flattening, largest_rates
from gradient_atlas.runs.names import name_of

TABLES = {"warmup": "dynamics/warmup"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Three panels of the shown rate by step, and the largest stable rate by warm-up."""
    table = tables["warmup"]
    warmups = sorted(table["warmup"].unique())
    figure, axes = style.new_figure(4, columns=2, panel_height=1.7)
    shown = table[table["shown"]]
    for position, warmup in enumerate(warmups):
        own, look = shown[shown["warmup"] == warmup], rate_look(position)
        alive = own[own["status"] == "ok"]
        label = f"warm-up of {warmup} steps" if warmup else "no warm-up"
        _by_step(axes[0], alive, "sharpness", look | {"label": label})
        _by_step(axes[1], alive, "train_loss", look)
        _by_step(axes[2], alive, "gradient_norm", look)
        _edge(axes[0], own, look["color"])
        _lost(axes[1], own, look["color"])
    axes[0].set(ylabel="sharpness $S$")
    axes[1].set(ylabel="training loss")
    axes[2].set(ylabel="norm of the gradient")
    for panel in axes[:3]:
        panel.set(xlabel="step", yscale="log", xlim=(0, table["step"].max()))
    _rates(axes[3], table, warmups)
    label_panels(axes, ["sharpness", "loss", "gradient", "largest stable rate"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _by_step(axes: Axes, rows: DataFrame, column: str, look: dict[str, Any]) -> None:
    """Median and range over the seeds that have come so far."""
    points = rows.groupby("step")[column].agg(["median", "min", "max"]).dropna()
    if points.empty:
        axes.plot([], [], **look)
        return
    band(
        axes, points.index, points["median"], points["min"], points["max"], markersize=2.5,
        linewidth=0.9, **look,
    )  # fmt: skip


def _edge(axes: Axes, rows: DataFrame, color: str) -> None:
    """2 over the rate of each step, of the first seed: its edge as the rate rises."""
    run = rows[(rows["seed"] == rows["seed"].min()) & (rows["status"] == "ok")]
    axes.plot(run["step"], 2 / run["rate"], color=color, linestyle="--", linewidth=0.7)


def _lost(axes: Axes, rows: DataFrame, color: str) -> None:
    """A cross at the top where a run diverges."""
    gone = rows.loc[rows["status"] == "diverged", "step"]
    if gone.empty:  # without a point the unclipped line would lie at the page's corner
        return
    axes.plot(
        gone, np.ones(len(gone)), "x", color=color, markersize=4, clip_on=False,
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip


def _rates(axes: Axes, table: DataFrame, warmups: list[int]) -> None:
    rates = largest_rates(table)
    for position, warmup in enumerate(warmups):
        if warmup not in rates:
            continue
        values, look = rates[warmup].dropna(), rate_look(position)
        axes.plot(np.full(len(values), position), values, linestyle="", markersize=3, **look)
    axes.axhline(1, color="black", linestyle="--", linewidth=0.6)
    axes.axhline(table["scaled_rate"].max(), color=COLORS["grey"], linewidth=0.6)
    ticks = sorted(table["scaled_rate"].unique())
    axes.set(xlabel="steps of warm-up", ylabel=r"$\eta$ over $2/S_0$", yscale="log")
    axes.set_yticks(ticks[-6:])
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(range(len(warmups)), [str(warmup) for warmup in warmups])
    axes.set_xlim(-0.5, len(warmups) - 0.5)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    table = tables["warmup"]
    first, found = table.iloc[0], flattening(table)
    widths = ", ".join(str(width) for width in first["hidden_widths"])
    numbers = {
        "examples": Number(int(first["examples"])),
        "seeds": Number(int(table["seed"].nunique())),
        "scale": rate_number(first["weight_scale"]),
        "shown": rate_number(table.loc[table["shown"], "scaled_rate"].max()),
        "start": Number.over_seeds(table.groupby("seed")["start_sharpness"].first().tolist()),
        "scan": rate_number(table["scaled_rate"].max()),
    }
    text = (
        rf"Full-batch descent of a {name_of(first['activation'])} network "
        rf"({f'hidden widths {widths}' if widths else 'no hidden layer'}, squared loss, "
        rf"[[examples]] examples of {name_of(first['dataset'])}) whose first weights are [[scale]] "
        r"times the usual, so that the sharpness $S_0$ at the start is [[start]] ([[seeds]] "
        r"seeds; lines and bands: median and range). The learning rate rises linearly to "
        r"$\eta$ = [[shown]] times $2/S_0$. "
    )
    text += only(
        "a",
        r"(a) Sharpness; dashed, $2/\eta_k$ of the rate of each step, seed [[seed]]. ",
    )
    text += only("b", "(b) Loss; crosses, runs that diverge. ")
    text += only("c", "(c) Norm of the gradient. ")
    text += only(
        "d",
        r"(d) For each seed the largest rate of the scan up to which no run diverges (grey, its "
        r"end, [[scan]]; dashed, $2/S_0$). ",
    )
    numbers["seed"] = Number(int(table["seed"].min()))
    if len(found) and np.isfinite(found["ratio"]).all():
        numbers["longest"] = Number(int(table["warmup"].max()))
        numbers["ratio"] = Number.over_seeds(found["ratio"].tolist())
        numbers["edge"] = Number.over_seeds(found["edge"].tolist())
        text += only(
            "a",
            r"After the longest warm-up, [[longest]] steps, the sharpness is [[ratio]] of $S_0$ "
            r"and [[edge]] times $2/\eta$.",
        )
    return Caption(text, numbers)
