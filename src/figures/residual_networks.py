"""Residual networks at initialisation: signals that grow as a power of two, of depth, or not."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.blocks import Stack, deepest, residual_networks
from gradient_atlas.measures.networks import datasets_named
from gradient_atlas.runs.names import blocks_name

TABLES = {
    "modules": "training/residual_networks/modules",
    "theory": "theory/residual_networks",
}
GAIN = "predicted_log10_error_signal_gain"


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: error signal along the deepest networks' blocks; what it gains against depth."""
    figure, axes = style.new_figure(2, panel_height=2.3)
    along, over = axes
    for position, (kind, networks) in enumerate(residual_networks(tables).items()):
        look = look_of("", position) | {"label": blocks_name(*kind)}
        _draw_along(along, networks[-1], look)
        _draw_over(over, networks, look)
    along.set(xlabel="block $l$ (1: nearest input)")
    signal = r"\Vert\partial\ell/\partial x_{%s}\Vert"
    along.set(ylabel=rf"$\log_{{10}}\,{signal % 'l'}\,/\,{signal % 'L'}$")
    over.set(
        xscale="log",
        xlabel="blocks $L$",
        ylabel=rf"$\log_{{10}}\,{signal % '1'}\,/\,{signal % 'L'}$",
    )
    depths = sorted({one.depth for many in residual_networks(tables).values() for one in many})
    if depths:
        over.set_xticks(depths, [str(depth) for depth in depths])
        over.minorticks_off()
    label_panels(axes, ["Along the network", "Over depth"])
    figure.legend(*along.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _draw_along(axes: Axes, network: Stack, look: dict[str, Any]) -> None:
    gains = network.gains()
    if gains.empty:
        return
    band(axes, gains.columns, gains.mean(), gains.min(), gains.max(), **look)
    axes.plot(gains.columns[: len(network.theory)], network.predicted(GAIN), **THEORY)


def _draw_over(axes: Axes, networks: list[Stack], look: dict[str, Any]) -> None:
    known = [one for one in networks if len(one.rows)]
    if not known:
        return
    depths, totals = [one.depth for one in known], [one.total() for one in known]
    middle, low, high = ([f(total) for total in totals] for f in (np.mean, np.min, np.max))
    band(axes, depths, middle, low, high, **(look | {"markevery": 1}))
    axes.plot(depths, [one.predicted_total() for one in known], **THEORY)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """What each kind gains over its deepest network, measured and in theory."""
    numbers: dict[str, Number] = {}
    parts = []
    for position, (kind, networks) in enumerate(residual_networks(tables).items()):
        one = networks[-1]
        key = f"kind_{position}"
        numbers[key] = Number.over_seeds(one.total() if len(one.rows) else [])
        numbers[f"{key}_theory"] = Number(one.predicted_total(), digits=3)
        numbers[f"{key}_blocks"] = Number(one.depth)
        parts.append(
            f"{blocks_name(*kind)} [[{key}]] (theory [[{key}_theory]]) over [[{key}_blocks]] blocks"
        )
    rows = tables["modules"]
    first = deepest([one for many in residual_networks(tables).values() for one in many])
    if first is None:
        return Caption("Residual networks: not in the config.")
    numbers["seeds"] = Number(int(rows.seed.nunique()))
    channels = sorted(
        {one.options["channels"] for many in residual_networks(tables).values() for one in many}
    )
    text = (
        "Residual networks of two convolutions a block before training "
        f"({datasets_named(rows)}, {' and '.join(map(str, channels))} channels, [[seeds]] seeds, "
        "bands: their range; after Fixup, whose last layer starts at 0, once it has moved). "
        + only(
            "a",
            r"(a) Error signal $\partial\ell/\partial x_l$ behind block $l$ of the deepest "
            "networks, over that behind the last block. ",
        )
        + only(
            "b",
            "(b) What it gains from the last block to the first, against the number of blocks "
            "$L$. ",
        )
        + "Thin black: theory for many channels, without a fitted "
        r"number: a plain block multiplies $\Vert\partial\ell/\partial x\Vert^2$ by 2, a branch "
        r"times $L^{-1/2}$ by $1 + 1/L$, batch normalisation by $1 + 1/(c v_l)$, with "
        r"$c = 1 - 1/\pi$ and $v_{l+1} = v_l + c$, which is a power of the depth, and a branch "
        rf"that ends in zeros by 1. Decades gained: {'; '.join(parts)}."
    )
    return Caption(text, numbers)
