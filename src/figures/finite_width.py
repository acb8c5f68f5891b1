"""What a finite width adds: the logarithm of a gradient's norm spreads and drifts as L/n."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.page import is_left_out
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, label_panels, look_of
from gradient_atlas.measures.log_norms import mean_per_ratio, moments, variance_per_ratio

TABLES = {"norms": "ensembles/finite_width", "theory": "theory/finite_width"}
LIMIT: dict[str, Any] = {"color": "0.45", "linestyle": "--", "linewidth": 0.9, "zorder": 1}
NAMES = {"log_gradient": "gradient", "log_activation": "activation"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: variance over depth, variance over depth per width, mean over depth per width."""
    norms, theory = tables["norms"], tables["theory"]
    figure, axes = style.new_figure(3, panel_height=2.3)
    over_depth, collapsed, drift = axes
    gradient, activation = (moments(norms, column) for column in NAMES)
    for position, width in enumerate(sorted(norms.width.unique())):
        look = look_of("", position) | {"linestyle": "", "label": f"$n = {width}$"}
        predicted = theory[theory.width == width].sort_values("depth")
        over_depth.plot(predicted.depth, predicted.variance, **THEORY)
        drift.plot(predicted.depth / width, predicted["mean"], **THEORY)
        for table, more in ((gradient, {}), (activation, {"markerfacecolor": "white"})):
            one = table[table.width == width]
            line = look | more | ({"label": "_"} if more else {})
            for axes_of, x, y, error in (
                (over_depth, one.depth, one.variance, one.variance_error),
                (collapsed, one.ratio, one.variance, one.variance_error),
                (drift, one.ratio, one["mean"], one.mean_error),
            ):
                axes_of.errorbar(x, y, yerr=error, elinewidth=0.6, **line)
    ends = np.array([gradient.ratio.min() / 1.5, gradient.ratio.max() * 1.5])
    collapsed.plot(ends, 5 * ends, **LIMIT)
    spread = np.linspace(0, gradient.ratio.max(), 2)
    drift.plot(spread, -2.5 * spread, **LIMIT)
    for panels, label, look in (
        ((over_depth, drift), "theory", THEORY),
        ((collapsed, drift), r"$\beta = 5L/n$", LIMIT),
    ):
        if not all(map(is_left_out, panels)):
            over_depth.plot([], [], label=label, **look)
    over_depth.set(xlabel="depth $L$", xscale="log", yscale="log")
    depths = sorted(norms.depth.unique())
    shown = [
        depth for depth in depths if depth in (depths[0], depths[len(depths) // 2], depths[-1])
    ]
    over_depth.xaxis.set_major_locator(FixedLocator(shown))
    over_depth.set_xticks(shown, [str(depth) for depth in shown])
    over_depth.set_ylabel(r"variance of $\ln\,\Vert\cdot\Vert^2$")
    collapsed.set(xlabel="$L/n$", xscale="log", yscale="log")
    collapsed.set_ylabel(r"variance of $\ln\,\Vert\cdot\Vert^2$")
    for panel in (over_depth, collapsed):
        panel.xaxis.set_minor_formatter(NullFormatter())
    drift.set(xlabel="$L/n$", ylabel=r"mean of $\ln\,\Vert\cdot\Vert^2$")
    label_panels(axes, ["Each width", "One line", "Drift of the mean"])
    figure.legend(
        *over_depth.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=max(2, int(style.width_in_inches / 0.8)),
    )
    return figure


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Variance and drift per L/n of each width with theory, all from the tables."""
    norms, theory = tables["norms"], tables["theory"]
    each = norms.groupby("width").apply(
        lambda one: len(one[["seed", "network"]].drop_duplicates()), include_groups=False
    )
    numbers = {
        "networks": Number(int(each.max())),
        "shallowest": Number(int(norms.depth.min())),
        "deepest": Number(int(norms.depth.max())),
    }
    parts = []
    for width in sorted(norms.width.unique()):
        rows, row = norms[norms.width == width], theory[theory.width == width].iloc[0]
        values = variance_per_ratio(rows, "log_gradient")
        error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        mean = float(np.mean(values)) if values else np.nan
        numbers[f"variance_{width}"] = Number(
            mean, error, spread_is="the standard error of the mean"
        )
        exact = float(row.variance * width / row.depth)
        numbers[f"variance_{width}_theory"] = Number(exact, digits=3)
        parts.append(f"[[variance_{width}]] ([[variance_{width}_theory]]) at $n = {width}$")
    drifts = []
    for column, name in NAMES.items():
        values = mean_per_ratio(norms, column)
        numbers[f"drift_{name}"] = Number.over_seeds(values)
        error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        numbers[f"drift_{name}"] = Number(
            float(np.mean(values)) if values else np.nan,
            error,
            spread_is="the standard error of the mean",
        )
        drifts.append(f"[[drift_{name}]] of the {name}")
    text = (
        r"Norms in random ReLU networks of width $n$ with He weights and one input, "
        r"[[shallowest]] to [[deepest]] layers ([[networks]] networks a width, float64; filled: "
        r"$\Vert\partial f/\partial a\Vert^2$ so many layers below the output; open: "
        r"$\Vert a\Vert^2$ so many layers above the input; bars: standard errors). On average over "
        r"networks both stay as they are, but their logarithms spread and fall. "
    )
    text += only("a", "(a) Variance over networks. ") + only(
        "b",
        r"(b) Variance over networks against $L/n$; dashed: $\beta = 5L/n$ (Hanin and Nica 2020). "
        rf"Variance of the gradient's logarithm per $L/n$ (exact at this width): "
        rf"{', '.join(parts)}. ",
    )
    text += only(
        "c",
        r"(c) Mean over networks; dashed: $-\beta/2$ with $\beta = 5L/n$. Per $L/n$ it is "
        rf"{' and '.join(drifts)}. ",
    )
    text += only(
        "ac",
        r"Black: exact, as a product of independent $\chi^2_K/(n/2)$ with $K$ units on, nothing "
        r"fitted.",
    )
    return Caption(text, numbers)
