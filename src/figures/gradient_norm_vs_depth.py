"""Norms of every layer of 50-layer networks before the first update, with what theory predicts."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.gradient_norm_vs_depth import claims
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.network import network_look
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    WEIGHT,
    at_initialization,
    decades,
    factors,
    input_over_output,
    measured_slope,
    predicted_factor,
    predicted_slope,
    prediction_of,
    select,
)
from gradient_atlas.measures.runs import by_seed
from gradient_atlas.runs.names import name_of, network_name

__all__ = ["TABLES", "caption", "claims", "draw"]

TABLES = {
    "gradients": "training/depth/gradients",
    "theory": "theory/depth",
}

# A norm squares its entries first: beyond these a float32 norm is 0 or infinite.
FLOAT32_FLOOR = np.log10(np.finfo(np.float32).smallest_subnormal) / 2
FLOAT32_CEILING = np.log10(np.finfo(np.float32).max) / 2
CLOSE = 2.6  # half the height of the panel that shows the stable networks


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: weight gradients, error signals, and the error signals that stay near 1."""
    in_one_row = {"width_ratios": (1, 1.6, 1.6)} if style.width_in_inches > 5.1 else None
    figure, axes = style.new_figure(3, panel_height=2.4, gridspec_kw=in_one_row)
    weights, errors, close = axes
    rows = at_initialization(tables["gradients"])
    depth = int(rows.layer.max())
    far, near = {}, {}
    for _, condition in rows.groupby("variant", sort=False):
        theory = prediction_of(tables["theory"], condition)
        _draw_condition(weights, condition, theory, WEIGHT)
        at_input = _draw_condition(errors, condition, theory, ERROR)
        name = network_name(condition.iloc[0])
        if np.nanmax(np.abs(decades(condition, ERROR))) < CLOSE:
            near[name] = _draw_condition(close, condition, theory, ERROR)
        else:
            far[name] = at_input
    for panel, column in ((weights, WEIGHT), (errors, ERROR)):
        _mark_float32(panel, depth)
        low, high = np.nanmin(decades(rows, column)), np.nanmax(decades(rows, column))
        panel.set_ylim(min(low, FLOAT32_FLOOR) - 4, max(high, FLOAT32_CEILING) + 4)
    at_output: dict[str, Any] = {"ha": "right", "fontsize": mpl.rcParams["legend.fontsize"]}
    weights.text(depth, FLOAT32_CEILING, r"float32: $\infty$", va="bottom", **at_output)
    weights.text(depth, FLOAT32_FLOOR, "float32: 0", va="top", **at_output)
    close.axhspan(-STABLE_DECADES / 2, STABLE_DECADES / 2, color="0.93", zorder=0, linewidth=0)
    close.set_ylim(-CLOSE, CLOSE)
    for panel in axes:
        panel.set_xlabel("layer $l$")
        panel.set_xticks([1, depth // 2, depth], ["1\ninput", f"{depth // 2}", f"{depth}\noutput"])
    weights.set_ylabel(r"$\log_{10}\,\Vert\partial L/\partial W^{(l)}\Vert$")
    for panel in (errors, close):
        panel.set_ylabel(r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$")
    if near:
        far["those of (c)"] = 0.0
    label_panels(axes, ["Weight gradient", "Error signal", "Error signal near 1"])
    figure.draw_without_rendering()  # lays the axes out, so that the names' room is known
    _name_at_input(errors, far, depth)
    _name_at_input(close, near, depth)
    return figure


def _draw_condition(axes: Axes, rows: DataFrame, theory: DataFrame, column: str) -> float:
    """Draw one network; return where its curve arrives at the first layer."""
    # So thick that the thin line of theory on it hides neither colour nor dashes.
    look: dict[str, Any] = network_look(rows.iloc[0]) | {"linewidth": 2.0}
    table = rows.assign(decades=decades(rows, column)).groupby("layer").decades
    middle = table.mean()
    band(axes, middle.index, middle, table.min(), table.max(), **look)
    if len(theory):
        axes.plot(theory.layer, theory[f"predicted_log10_{column}"], **THEORY)
    return float(middle.iloc[0])


def _name_at_input(axes: Axes, heights: dict[str, float], depth: int) -> None:
    """Write each name to the left of where its curve arrives, no two on one another."""
    size = mpl.rcParams["legend.fontsize"]
    to_pixels = axes.figure.dpi / 72
    line = 1.1 * size * to_pixels / axes.bbox.height * np.ptp(axes.get_ylim())
    place, widest = -np.inf, 0.0
    for height, name in sorted((height, name) for name, height in heights.items()):
        place = max(height, place + line)
        text = axes.annotate(
            name,
            (1, place),
            (-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=size,
        )
        widest = max(widest, text.get_window_extent().width + 8 * to_pixels)
    room = widest / (axes.bbox.width - widest)  # over the width that the layers take
    axes.set_xlim(1 - room * depth, 1.05 * depth)


def _mark_float32(axes: Axes, depth: int) -> None:
    for level in (FLOAT32_CEILING, FLOAT32_FLOOR):
        axes.plot([1, depth], [level, level], color="0.4", linewidth=0.6, linestyle=":", zorder=1)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Factors per layer measured and predicted, and why they part where they do."""
    rows = at_initialization(tables["gradients"])
    theory = tables["theory"]
    text = (
        r"Norms of every layer of [[depth]]-layer perceptrons of width [[width]] on [[examples]] "
        r"images of [[dataset]] before the first update ([[seeds]] seeds, bands: their range; "
        r"float64). Backpropagation runs from right (output) to left (input). Thin black: "
        r"mean-field theory with the real inputs, nothing fitted. (a) Weight gradients. (b) Error "
        r"signals. (c) Those of (b) that stay near 1; grey: two orders of magnitude. Per layer "
        r"towards the input the error signal is multiplied by [[sigmoid]] (theory "
        r"[[sigmoid_theory]]) for sigmoid with Xavier weights, by [[relu]] ([[relu_theory]]) for "
        r"ReLU with He weights and by [[tanh_large]] ([[tanh_large_theory]]) for tanh with "
        r"$N(0, 1)$ weights. tanh with Xavier weights loses [[tanh_xavier]] decades over all "
        r"layers (theory, a power of the depth: [[tanh_xavier_theory]]). With $N(0, 1)$ weights "
        r"ReLU's error signal changes by [[relu_large]] per layer, its activations by "
        r"[[relu_large_activations]] the other way, and the weight gradient (a), of the size of "
        r"their product, by [[relu_large_weights]]. Theory and measurement lie at most [[largest]] "
        r"decades per layer apart ([[worst]]): at finite width the mean of a logarithm differs "
        r"from the logarithm of the mean, there by up to [[drift]] decades per layer for one "
        r"example, less in a batch of examples that fluctuate independently. Dotted: beyond these "
        r"a norm accumulated in float32 is 0 or infinite though the gradient is there."
    )
    deviation, worst = _largest_deviation(rows, theory)
    sigmoid = select(rows, "sigmoid", "xavier")
    relu = select(rows, "relu", "he")
    tanh = select(rows, "tanh", "normal", 1.0)
    large = select(rows, "relu", "normal", 1.0)
    critical = select(rows, "tanh", "xavier")
    numbers = {
        "depth": Number(int(rows.depth.max())),
        "width": Number(int(rows.width.max())),
        "examples": Number(int(rows.probe_examples.max())),
        "seeds": Number(int(rows.seed.nunique())),
        "sigmoid": Number.over_seeds(factors(sigmoid)),
        "sigmoid_theory": _in_theory(theory, sigmoid),
        "relu": Number.over_seeds(factors(relu)),
        "relu_theory": _in_theory(theory, relu),
        "tanh_large": Number.over_seeds(factors(tanh)),
        "tanh_large_theory": _in_theory(theory, tanh),
        "relu_large": Number.over_seeds(factors(large)),
        "relu_large_weights": Number.over_seeds(factors(large, WEIGHT)),
        "relu_large_activations": Number.over_seeds(
            [1 / factor for factor in factors(large, "activation_rms")]
        ),
        "tanh_xavier": Number.over_seeds(
            by_seed(critical, lambda one: -input_over_output(one, ERROR))
        ),
        "tanh_xavier_theory": Number(_predicted_loss(theory, critical)),
        "largest": Number(deviation, digits=1),
        "drift": Number(-_drift(theory, worst), digits=1),
    }
    text = text.replace("[[dataset]]", name_of(rows.dataset.iloc[0]))
    return Caption(text.replace("[[worst]]", network_name(worst.iloc[0])), numbers)


def _in_theory(theory: DataFrame, rows: DataFrame) -> Number:
    return Number(predicted_factor(theory, rows), digits=3)


def _predicted_loss(theory: DataFrame, rows: DataFrame) -> float:
    if rows.empty or (rows := prediction_of(theory, rows)).empty:
        return np.nan
    predicted = rows[f"predicted_log10_{ERROR}"]
    return float(predicted.iloc[-1] - predicted.iloc[0])


def _drift(theory: DataFrame, rows: DataFrame) -> float:
    predicted = prediction_of(theory, rows)
    return float(predicted.finite_width_drift.iloc[0]) if len(predicted) else np.nan


def _largest_deviation(rows: DataFrame, theory: DataFrame) -> tuple[float, DataFrame]:
    """Distance in decades per layer, and rows of the network with the largest one."""
    found = []
    for _, condition in rows.groupby("variant", sort=False):
        predicted = predicted_slope(prediction_of(theory, condition))
        measured = float(np.mean(by_seed(condition, measured_slope)))
        found.append((abs(measured - predicted), condition))
    return max(found, key=lambda pair: np.nan_to_num(pair[0], nan=-1.0))
