"""How deep a network may be and still learn, at its best rate and two budgets."""

import math
from decimal import Decimal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.network import network_look
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels
from gradient_atlas.measures.runs import diverged_runs
from gradient_atlas.measures.trainable_depth import (
    KIND,
    LEARNT,
    SCALES,
    at_best_rate,
    budgets,
    depth_scale,
    greatest_depth,
    kinds,
    of_kind,
    predicted_ratios,
    signal_ratios,
)
from gradient_atlas.runs.names import name_of, network_name

TABLES = {
    "gradients": "training/trainable_depth/gradients",
    "metrics": "training/trainable_depth/metrics",
    "theory": "theory/trainable_depth",
}

LINES = np.linspace(0.15, 0.95, 81)  # accuracies that may be asked for
SHORT = {"linewidth": 0.6, "alpha": 0.7, "marker": "None"}  # how the smaller budget is drawn


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: accuracy against depth, greatest depth against accuracy, signal before training."""
    figure, axes = style.new_figure(3, panel_height=2.2)
    accuracies, greatest, signals = axes
    metrics = tables["metrics"]
    half, full = budgets(metrics)
    for runs in kinds(metrics):
        look = network_look(runs.iloc[0])
        _draw_accuracies(accuracies, at_best_rate(runs, full), look)
        for step, more in ((full, {"marker": "None"}), (half, SHORT)):
            rows = at_best_rate(runs, step)
            deepest = [greatest_depth(rows, line) for line in LINES]
            greatest.plot(LINES, deepest, drawstyle="steps", **(look | {"label": "_"} | more))
        short = at_best_rate(runs, half).groupby("depth").train_accuracy.mean()
        accuracies.plot(short.index, short, **(look | {"label": "_"} | SHORT))
        scale = SCALES * depth_scale(tables["theory"], runs)
        if runs.depth.min() / 1.2 < scale < metrics.depth.max():
            line = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 0.7}
            accuracies.plot([scale, scale], [1.02, 1.12], **line)
            label = {"fontsize": mpl.rcParams["legend.fontsize"], "color": "black"}
            accuracies.text(scale * 1.04, 1.07, r"$6\xi$", va="center", **label)
        _draw_signals(signals, of_kind(tables["gradients"], runs), tables["theory"], look)
    chance = 1 / metrics.classes.iloc[0]
    accuracies.axhline(chance, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    greatest.axvline(LEARNT, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    depths = sorted(metrics.depth.unique())
    accuracies.set(xscale="log", xlabel="depth $L$", ylabel="training accuracy", ylim=(0, 1.14))
    greatest.set(xlabel="accuracy asked for", yscale="log", ylabel="greatest depth $L$")
    greatest.set(xlim=(LINES[0], LINES[-1]), ylim=(depths[0] / 1.1, depths[-1] * 1.1))
    signals.set(xscale="log", xlabel="depth $L$")
    for axis in (accuracies.xaxis, signals.xaxis, greatest.yaxis):
        _mark_depths(axis, depths)
    signals.set_ylabel(r"$\log_{10}\,\Vert\delta^{(1)}\Vert\,/\,\Vert\delta^{(L-1)}\Vert$")
    label_panels(axes, ["After training", "Depth that learns", "Before training"])
    accuracies.plot([], [], label="theory", **THEORY)
    figure.legend(
        *accuracies.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=max(2, int(style.width_in_inches / 1.1)),
    )
    return figure


def _mark_depths(axis: mpl.axis.Axis, depths: list[int]) -> None:
    """Label depths that were run, as many as do not touch on a logarithmic axis."""
    shown: list[int] = []
    for depth in depths:
        if not shown or depth / shown[-1] > 1.45:
            shown.append(depth)
    axis.set_ticks(shown, [str(depth) for depth in shown])
    axis.set_minor_locator(mpl.ticker.NullLocator())


def _draw_accuracies(axes: Axes, rows: DataFrame, look: dict[str, object]) -> None:
    of = rows.groupby("depth").train_accuracy
    band(axes, of.mean().index, of.mean(), of.min(), of.max(), **look, markevery=1)
    lost = rows[rows.status == "diverged"]
    axes.plot(lost.depth, lost.train_accuracy, "x", color="black", zorder=5)


def _draw_signals(axes: Axes, rows: DataFrame, theory: DataFrame, look: dict[str, object]) -> None:
    ratios = signal_ratios(rows)
    if not ratios.empty:
        of = ratios.groupby("depth").ratio
        band(axes, of.mean().index, of.mean(), of.min(), of.max(), **look, markevery=1)
    predicted = predicted_ratios(theory, rows)
    axes.plot(list(predicted), list(predicted.values()), **THEORY)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The greatest depth that each kind of network learns at, beside six depth scales."""
    metrics = tables["metrics"]
    first = metrics.iloc[0]
    half, full = budgets(metrics)
    rates = sorted(metrics.learning_rate.unique())
    lost, trained = diverged_runs(metrics, [*KIND, "depth", "learning_rate"])
    numbers = {
        "width": Number(int(first.width)),
        "examples": Number(int(first.training_rows)),
        "half": Number(half),
        "updates": Number(full),
        "seeds": Number(int(metrics.seed.nunique())),
        "learnt": Number(100 * LEARNT, unit=r"\%"),
        "lost": Number(lost),
        "runs": Number(trained),
    }
    for place, rate in enumerate(rates):  # as the config says them, with all their digits
        digits = len(Decimal(str(float(rate))).normalize().as_tuple().digits)
        numbers[f"rate_{place}"] = Number(float(rate), digits=digits)
    named = ", ".join(f"[[rate_{place}]]" for place in range(len(rates)))
    clauses = [
        _clause(place, runs, tables["theory"], (half, full), numbers)
        for place, runs in enumerate(kinds(metrics))
    ]
    text = (
        r"Depth and trainability: width [[width]], [[examples]] images of "
        rf"{name_of(first.dataset)}, [[seeds]] seeds (bands: their range), each network at each "
        rf"depth at the best of the rates $\eta$ = {named}; [[lost]] of [[runs]] runs diverged. "
        + only("a", "(a) After [[updates]] updates, thin: after [[half]]; dotted: guessing. ")
        + only(
            "ab",
            r"$6\xi$, with $\xi = -1/\ln\chi$: the greatest trainable depth that Schoenholz et al. "
            r"(2017) find. ",
        )
        + only(
            "b",
            r"(b) Greatest depth up to which all seeds are as accurate as asked for. At [[learnt]] "
            rf"(dotted), after [[half]] and [[updates]] updates: {'; '.join(clauses)}. ",
        )
        + only(
            "c",
            r"(c) What is left of the error signal at the first layer before training, with "
            r"wide-network theory.",
        )
    )
    return Caption(text, numbers)


def _clause(
    place: int,
    runs: DataFrame,
    theory: DataFrame,
    steps: tuple[int, int],
    numbers: dict[str, Number],
) -> str:
    """Greatest depths of one kind at both budgets, whether the grid ends there, and its 6ξ."""
    written = []
    for name, step in zip(("half", "full"), steps, strict=True):
        depth = greatest_depth(at_best_rate(runs, step), LEARNT)
        numbers[f"{name}_{place}"] = Number(int(depth) if math.isfinite(depth) else math.nan)
        none = f"below {runs.depth.min()}"
        end = " (the deepest)" if depth == runs.depth.max() else ""
        written.append(f"[[{name}_{place}]]{end}" if math.isfinite(depth) else none)
    scale = SCALES * depth_scale(theory, runs)
    beside = ""
    if math.isfinite(scale):
        numbers[f"scale_{place}"] = Number(scale)
        beside = rf" ($6\xi = [[scale_{place}]]$)"
    elif scale == math.inf:
        beside = r" ($6\xi = \infty$: no end is predicted)"
    return f"{network_name(runs.iloc[0])}{beside} {' and '.join(written)}"
