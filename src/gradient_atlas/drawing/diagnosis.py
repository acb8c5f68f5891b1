"""The picture of a diagnosis: error signals and weight gradients, as they are and mended."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import OTHER_LOOKS, Style, band, label_panels
from gradient_atlas.measures.modules import layers_of, slopes

PANELS = (
    ("error_signal_norm", "Error signal", r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$"),
    (
        "weight_gradient_norm",
        "Weight gradient",
        r"$\log_{10}\,\Vert\partial L/\partial W^{(l)}\Vert$",
    ),
)


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: error signal and weight gradient against the layer, a line a table of ``tables``."""
    figure, axes = style.new_figure(2, panel_height=2.3)
    for panel, (column, _, label) in zip(axes, PANELS, strict=True):
        for position, (name, table) in enumerate(tables.items()):
            _draw(panel, layers_of(table), column, OTHER_LOOKS[position] | {"label": name})
        panel.set(xlabel="module in forward order (output: right)", ylabel=label)
        panel.locator_params(axis="x", integer=True)
    label_panels(axes, [title for _, title, _ in PANELS])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _draw(axes: Axes, rows: DataFrame, column: str, look: dict[str, Any]) -> None:
    values = rows[column].to_numpy(dtype=float)
    positive = np.where(values > 0, values, np.nan)  # a norm of 0 has no place on the axis
    by_place = rows.assign(decades=np.log10(positive)).groupby("place").decades
    middle = by_place.mean()
    band(axes, middle.index, middle, by_place.min(), by_place.max(), **look)


def caption(tables: dict[str, DataFrame], name: str, remedy: str) -> Caption:
    """The factor of each table, and how the mended network differs."""
    first = next(iter(tables.values()))
    numbers = {"seeds": Number(int(first["seed"].nunique()))}
    parts = []
    for key, (called, table) in zip(("before", "after"), tables.items(), strict=False):
        numbers[key] = Number.over_seeds(slopes(table))
        parts.append(f"[[{key}]] ({called})")
    text = (
        rf"Every layer of {name} before its first update: (a) norm of the error signal at its "
        r"output, root mean square over examples, (b) norm of its weights' gradient; mean and "
        r"range over [[seeds]] seeds. Decades that the error signal gains per layer towards the "
        rf"input: {', '.join(parts)}."
    )
    if len(tables) > 1:
        text += rf" Mended: {remedy}."
    return Caption(text, numbers)
