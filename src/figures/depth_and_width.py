"""How deep until the first layer learns nothing, what a width takes from He, what inputs do."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.depths import (
    NOTHING,
    all_depths,
    initializations,
    layers_in_theory,
    ratio_in_theory,
    scales,
    widths,
)
from gradient_atlas.measures.layers import (
    ERROR,
    WEIGHT,
    decades,
    deepest,
    factors,
    forward_drift,
    forward_ratio,
    layers_to_fall,
    prediction_of,
    select,
)
from gradient_atlas.measures.networks import datasets_named, networks, numbers_of
from gradient_atlas.measures.runs import by_seed
from gradient_atlas.runs.names import name_of

TABLES = {
    "deep": "training/depth/gradients",
    "depths": "training/depth_series/gradients",
    "widths": "training/width_series/gradients",
    "inputs": "training/large_inputs/gradients",
    "deep_theory": "theory/depth",
    "theory": "theory/depth_series",
    "width_theory": "theory/width_series",
}

PARAMETERS_OF_WIDTH = ("width", "depth", "dataset")  # what panel (b) says by itself
LOOKS = {"xavier": {"linestyle": "-", "marker": "o"}, "standard": {"linestyle": ":", "marker": "s"}}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: the first layer's gradient against depth; E[a²] by width; error signals by input."""
    figure, axes = style.new_figure(3, panel_height=2.4)
    first, forward, inputs = axes
    _draw_first_layer(first, tables)
    _draw_widths(forward, tables)
    _draw_inputs(inputs, tables["inputs"])
    label_panels(axes, ["Sigmoid, first layer", "Width", "Input scale"])
    places: list[Any] = ["lower left", "lower left", "upper right"]
    for panel, place in zip(axes, places, strict=True):
        if panel.get_legend_handles_labels()[1]:
            panel.legend(loc=place, handlelength=2.0, borderaxespad=0.2)
    return figure


def _draw_first_layer(axes: Axes, tables: dict[str, DataFrame]) -> None:
    rows, theory = all_depths(tables)
    for position, name in enumerate(initializations(rows)):
        one = select(rows, "sigmoid", name)
        look: dict[str, Any] = look_of("", position) | LOOKS.get(name, {})
        values = one.assign(decades=decades(one, WEIGHT))[one.layer == 1].groupby("depth").decades
        middle = values.mean()
        look |= {"markevery": 1, "label": name_of(name)}
        band(axes, middle.index, middle, values.min(), values.max(), **look)
        predicted = theory[(theory.initialization == name) & (theory.layer == 1)]
        predicted = predicted.sort_values("depth")
        axes.plot(predicted.depth, predicted[f"predicted_log10_{WEIGHT}"], **THEORY)
    axes.axhline(NOTHING, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    axes.set(xlabel="depth $L$", ylabel=r"$\log_{10}\,\Vert\partial L/\partial W^{(1)}\Vert$")
    if len(rows):
        axes.set_xticks(_apart(sorted(rows.depth.unique())))


def _apart(ticks: list[int]) -> list[int]:
    """Those ticks whose labels do not meet."""
    least = (ticks[-1] - ticks[0]) / 10
    kept = ticks[:1]
    for tick in ticks[1:]:
        if tick - kept[-1] >= least:
            kept.append(tick)
    return kept


def _draw_widths(axes: Axes, tables: dict[str, DataFrame]) -> None:
    for position, (width, rows) in enumerate(widths(tables)):
        look = look_of("", position) | {"label": f"$n = {width}$"}
        hidden = rows[rows.layer < rows.layer.max()]
        table = hidden.assign(variance=2 * decades(hidden, "activation_rms"))
        middle = table.groupby("layer").variance.mean()
        error = table.groupby("layer").variance.sem().fillna(0.0)
        band(axes, middle.index, middle, middle - error, middle + error, **look)
        predicted = prediction_of(tables["width_theory"], rows)
        if np.isfinite(drift := forward_drift(predicted)):
            start = 2 * float(predicted.predicted_log10_activation_rms.iloc[0])
            axes.plot(middle.index, start + drift * middle.index.to_numpy(), **THEORY)
    axes.set(xlabel="layer $l$", ylabel=r"$\log_{10}\,\langle (a^{(l)})^2\rangle$")


def _draw_inputs(axes: Axes, inputs: DataFrame) -> None:
    for position, (scale, rows) in enumerate(scales(inputs)):
        look = look_of("", position) | {"label": rf"$\times\,{scale:g}$", "markevery": 1}
        table = rows.assign(decades=decades(rows, ERROR)).groupby("layer").decades
        look |= {"markersize": 7 - 2 * min(position, 2), "linewidth": 3 - min(position, 2)}
        band(axes, table.mean().index, table.mean(), table.min(), table.max(), **look)
    axes.set(xlabel="layer $l$", ylabel=r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$")
    axes.locator_params(axis="x", integer=True)
    if not scales(inputs):
        axes.text(0.5, 0.5, "not in the config", ha="center", transform=axes.transAxes)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Depths at which ten decades are lost, the drift at each width, and the factor by input."""
    rows, theory = all_depths(tables)
    wide = tables["widths"]
    numbers = {"nothing": Number(int(NOTHING)), "fall": Number(int(-NOTHING))}
    parts = []
    for name in initializations(rows):
        one = deepest(select(rows, "sigmoid", name))
        layers = by_seed(one, lambda seed: layers_to_fall(seed, WEIGHT, -NOTHING))
        numbers[name] = Number.over_seeds(layers)
        numbers[f"{name}_theory"] = Number(layers_in_theory(theory, one), digits=3)
        parts.append(f"[[{name}]] (theory [[{name}_theory]]) with {name_of(name)} weights")
    first = "(a) The weight gradient of the first layer of sigmoid networks against their depth"
    if len(rows):
        numbers["seeds"] = Number(int(rows.seed.nunique()))
        first += (
            rf" (width {numbers_of(rows, 'width')}, {datasets_named(rows)}, [[seeds]] seeds, "
            "bands: their range)"
        )
    first += r"; dotted: $10^{[[nothing]]}$; thin black: mean-field theory. "
    if parts:
        first += (
            rf"From the output of the deepest it takes so many layers to lose [[fall]] decades: "
            rf"{', '.join(parts)}. "
        )
    text = "Depth, width and inputs at initialisation. " + only("a", first)
    drifts = []
    for width, one in widths(tables):
        ratios = by_seed(one, forward_ratio)
        error = float(np.std(ratios, ddof=1) / np.sqrt(len(ratios))) if len(ratios) > 1 else None
        numbers[f"ratio_{width}"] = Number(
            float(np.mean(ratios)), error, spread_is="the standard error of the mean"
        )
        numbers[f"ratio_{width}_theory"] = Number(ratio_in_theory(tables, one), digits=3)
        drifts.append(f"[[ratio_{width}]] ([[ratio_{width}_theory]]) at $n = {width}$")
    if drifts:
        numbers["width_seeds"] = Number(int(wide.seed.nunique()))
        kinds = " and ".join(
            dict.fromkeys(
                one.name
                for _, rows in widths(tables)
                for one in networks(rows, unnamed=PARAMETERS_OF_WIDTH)
            )
        )
        text += only(
            "b",
            rf"(b) Second moment of the activations of networks of width $n$ ({kinds}, "
            rf"{numbers_of(wide, 'depth')} layers, {datasets_named(wide)}; mean over "
            r"[[width_seeds]] seeds, bands: its standard error). Its mean over networks is kept, "
            r"but its logarithm drifts, with ReLU by $-5/(2n)$ per layer (thin black; Hanin and "
            rf"Nica 2020). Ratio from layer to layer (theory): {', '.join(drifts)}. ",
        )
    return Caption(text + only("c", _of_inputs(tables["inputs"], numbers)), numbers)


def _of_inputs(inputs: DataFrame, numbers: dict[str, Number]) -> str:
    found = scales(inputs)
    if not found:
        return "(c) Larger inputs: not in the config."
    parts = []
    for position, (scale, rows) in enumerate(found):
        numbers[f"scale_{position}"] = Number.over_seeds(factors(rows))
        parts.append(rf"[[scale_{position}]] for inputs times {scale:g}")
    first = found[0][1]
    return (
        rf"(c) Error signals of ReLU networks with {networks(first)[0].name.split(', ', 1)[1]} "
        rf"weights ({numbers_of(first, 'depth')} layers) whose inputs are multiplied. Factor per "
        rf"layer towards the input: {', '.join(parts)}: ReLU is homogeneous, and the factor is the "
        r"weights' alone."
    )
