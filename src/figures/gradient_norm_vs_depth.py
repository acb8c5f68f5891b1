"""Norms of every layer of deep networks before the first update, with what theory predicts."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.names import name_lines
from gradient_atlas.drawing.looks.network import network_look
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    WEIGHT,
    at_initialization,
    decades,
    factors,
    predicted_factor,
    prediction_of,
)
from gradient_atlas.measures.networks import Network, datasets_named, networks, numbers_of
from gradient_atlas.measures.theory import changed_factor, chaotic, largest_deviation

TABLES = {
    "gradients": "training/depth/gradients",
    "inputs": "training/large_inputs/gradients",
    "theory": "theory/depth",
}

# A norm squares its entries first: beyond these a float32 norm is 0 or infinite.
FLOAT32_FLOOR = np.log10(np.finfo(np.float32).smallest_subnormal) / 2
FLOAT32_CEILING = np.log10(np.finfo(np.float32).max) / 2
CLOSE = 2.6  # half the height of the panel that shows the stable networks


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: weight gradients, error signals, and the error signals that stay near 1."""
    figure, axes = style.new_figure(3, panel_height=2.75)
    weights, errors, close = axes
    rows = at_initialization(tables["gradients"])
    depth = int(rows.layer.max())
    shown = sorted(networks(rows), key=lambda one: one.key)
    named: dict[Axes, list[tuple[Line2D, str]]] = {panel: [] for panel in axes}
    for network in shown:
        theory = prediction_of(tables["theory"], network.rows)
        kept = np.nanmax(np.abs(decades(network.rows, ERROR)), initial=0.0) < CLOSE
        for panel, column in ((weights, WEIGHT), (errors, ERROR), (close, ERROR)):
            if kept or panel is not close:
                line = _draw(panel, network, theory, column)
                # Those that (c) tells apart lie on one another elsewhere.
                if kept == (panel is close):
                    named[panel].append((line, network.name))
    for panel, column in ((weights, WEIGHT), (errors, ERROR)):
        values = decades(rows, column)
        low, high = np.nanmin(values, initial=0.0), np.nanmax(values, initial=0.0)
        panel.set_ylim(min(low, FLOAT32_FLOOR) - 4, max(high, FLOAT32_CEILING) + 4)
        _mark_float32(panel, depth)
    close.axhspan(-STABLE_DECADES, STABLE_DECADES, color="0.93", zorder=0, linewidth=0)
    close.set_ylim(-CLOSE, CLOSE)
    for panel in axes:
        panel.set_xlabel("layer $l$   (backwards: $\\leftarrow$)")
        panel.set_xticks([1, max(1, depth // 2), depth], ["1", f"{depth // 2}", f"{depth}"])
        panel.set_xlim(1 - 0.02 * depth, 1.02 * depth)
    weights.set_ylabel(r"$\log_{10}\,\Vert\partial L/\partial W^{(l)}\Vert$")
    for panel in (errors, close):
        panel.set_ylabel(r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$")
    label_panels(axes, ["Weight gradient", "Error signal", "Error signal near 1"])
    figure.legend(*errors.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.draw_without_rendering()  # the panels take their sizes, which the names must fit
    for panel, lines in named.items():
        name_lines(panel, lines)
    return figure


def _draw(axes: Axes, network: Network, theory: DataFrame, column: str) -> Line2D:
    # So thick that the thin line of theory on it hides neither colour nor dashes.
    look: dict[str, Any] = network_look(network.rows.iloc[0]) | {"linewidth": 2.0}
    table = network.rows.assign(decades=decades(network.rows, column)).groupby("layer").decades
    middle = table.mean()
    look["label"] = network.name
    line = band(axes, middle.index, middle, table.min(), table.max(), **look)
    if len(theory):
        axes.plot(theory.layer, theory[f"predicted_log10_{column}"], **THEORY)
    return line


def _mark_float32(axes: Axes, depth: int) -> None:
    size = mpl.rcParams["legend.fontsize"]
    for level, text, side in (
        (FLOAT32_CEILING, r"float32: $\infty$", "bottom"),
        (FLOAT32_FLOOR, "float32: 0", "top"),
    ):
        axes.axhline(level, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
        axes.text(depth, level, text, va=side, ha="right", fontsize=size)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Factors per layer measured and predicted, and why they part where they do."""
    rows = at_initialization(tables["gradients"])
    theory = tables["theory"]
    shown = sorted(networks(rows), key=lambda one: one.key)
    numbers = {
        "examples": Number(int(rows.probe_examples.max())),
        "seeds": Number(int(rows.seed.nunique())),
    }
    parts = []
    for one in shown:
        numbers[one.key] = Number.over_seeds(factors(one.rows))
        numbers[f"{one.key}_weights"] = Number.over_seeds(factors(one.rows, WEIGHT))
        numbers[f"{one.key}_theory"] = Number(predicted_factor(theory, one.rows), digits=3)
        parts.append(f"{one.name}: [[{one.key}]] ([[{one.key}_theory]])")
    text = (
        rf"Norms of every layer of perceptrons of {numbers_of(rows, 'depth')} layers and width "
        rf"{numbers_of(rows, 'width')} on [[examples]] images of {datasets_named(rows)} before "
        r"the first update ([[seeds]] seeds, bands: their range; "
        rf"{' and '.join(dict.fromkeys(rows.precision))}). Backpropagation runs "
        r"from right (output) to left (input). Thin black: mean-field theory with the real "
        r"inputs, nothing fitted. "
        + only("a", "(a) Weight gradients. ")
        + only("b", "(b) Error signals. ")
        + only(
            "c",
            f"(c) Error signals that stay near 1; grey: {STABLE_DECADES:g} orders of magnitude to "
            "either side. ",
        )
        + rf"Factor of the error signal per layer towards the input (theory): {'; '.join(parts)}. "
        + only(
            "a",
            r"The weight gradient is of the size of the error signal times the activations: where "
            r"these grow as the signal falls, or fall as it grows, a flat line in (a) is no proof "
            r"of health. ",
        )
    )
    text += _apart(shown, theory, numbers) + _chaos(shown, tables["inputs"], numbers)
    text += (
        r"Dotted: beyond these a norm accumulated in float32 is 0 or infinite though the gradient "
        r"is there."
    )
    return Caption(text, numbers)


def _apart(shown: list[Network], theory: DataFrame, numbers: dict[str, Number]) -> str:
    """Where theory and measurement differ most; "" of networks without theory."""
    deviation, worst, drift = largest_deviation(shown, theory)
    if worst is None:
        return ""
    numbers |= {"largest": Number(deviation, digits=1), "drift": Number(drift, digits=1)}
    return (
        rf"Theory and measurement lie at most [[largest]] decades per layer apart ({worst.name}): "
        r"at finite width the mean of a logarithm differs from the logarithm of the mean, there "
        r"by up to [[drift]] decades per layer for one example, less in a batch of examples that "
        r"fluctuate independently. "
    )


def _chaos(shown: list[Network], inputs: DataFrame, numbers: dict[str, Number]) -> str:
    """What rounding does to networks that drive near inputs apart; "" where none does."""
    found = [one for one in shown if chaotic(one.rows)]
    if not found:
        return ""
    text = (
        f"{' and '.join(one.name for one in found)}: chaotic, so that rounding decides the number "
        r"of a single seed and only the distribution over seeds has a meaning"
    )
    for one in found:
        part, change = changed_factor(one.rows, inputs)
        if np.isfinite(change):
            numbers[f"{one.key}_nudge"] = Number(part, digits=1)
            numbers[f"{one.key}_change"] = Number(100 * change, unit=r"\%")
            text += (
                rf" (inputs larger by a part in [[{one.key}_nudge]] change the factor of a seed "
                rf"by up to [[{one.key}_change]])"
            )
    return text + ". "
