"""The factor per layer against the spectral norm, which does not decide it, and the gain."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from pandas import DataFrame, concat

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import LOOKS, THEORY, Style, label_panels, look_of
from gradient_atlas.measures.spectrum import ABOVE_ONE, networks
from gradient_atlas.runs.names import name_of, weights_name

TABLES = {
    "gradients": "training/initialization_map/gradients",
    "theory": "theory/initialization_map",
    "widths": "training/width_series/gradients",
    "width_theory": "theory/width_series",
}

NETWORK = ["activation", "initialization", "weight_std", "width"]
ROOM = 10.0  # above the largest factor, for the names of the initialisations
NAMES = "small"
LINE = 1.4  # of a name's size, from one to the next
RING: dict[str, Any] = {"s": 34, "linewidth": 0.6}
GUIDE: dict[str, Any] = {"color": "0.4", "linewidth": 0.6, "linestyle": ":", "zorder": 1}

SHRINKS = 0.95  # a factor per layer nearer to 1 is called kept


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: against the spectral norm, and against the gain; both directions in each."""
    found = _all(tables)
    means = _means(found)
    figure, (norm, gain) = style.new_figure(2, panel_height=2.5, sharey=True)
    _scatter(norm, means, "spectral_norm", "spectral_norm")
    _scatter(gain, means, "gain", "forward_gain")
    for axes in (norm, gain):
        axes.set(xscale="log", yscale="log")
        # Within one decade matplotlib would name every tenth, and the names meet.
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.axhline(1, **GUIDE)
        axes.axvline(1, ymax=0.6, **GUIDE)
    norm.set(xlabel=r"mean $\Vert W^{(l)}\Vert_2$", ylabel="factor per layer")
    gain.set(xlabel=r"gain in theory, $\sqrt{n\,\mathrm{Var}(W)\,\langle\phi'^2\rangle}$")
    low, high = gain.get_ylim()
    high *= ROOM
    left, right = gain.get_xlim()
    gain.plot([low, high], [low, high], **THEORY)
    gain.set(xlim=(left, right), ylim=(low, high))
    _mark_edges(norm, means)
    _mark_contradiction(norm)
    label_panels([norm, gain], ["Spectral norm", "Gain"])
    _explain(gain, means)
    return figure


def _scatter(axes: Axes, means: DataFrame, backward: str, forward: str) -> None:
    """Filled: the error signal towards the input; open: the activations towards the output."""
    for position, (name, rows) in enumerate(means.groupby("activation", sort=False)):
        look = look_of(str(name), position)
        dots = {"marker": look["marker"], "s": 14, "linewidth": 0.7, "edgecolor": look["color"]}
        axes.scatter(rows[backward], rows["backward"], color=look["color"], **dots)
        # So large that the ring shows around a filled mark at the same place.
        axes.scatter(rows[forward], rows["forward"], facecolor="none", zorder=3, **dots | RING)


def _mark_edges(axes: Axes, means: DataFrame) -> None:
    """Name each initialisation at the spectral norm that theory gives its matrices."""
    usual = means[means.width.isin(means.width.mode()[:1])]
    weights = ["initialization", "weight_std"]
    edges = usual.groupby(weights, dropna=False).predicted_spectral_norm.mean().astype(float)
    edges = edges[np.isfinite(edges)].sort_values()
    places = _apart(axes, edges.to_numpy())
    for (name, std), edge, place in zip(edges.index, edges, places, strict=True):
        axes.axvline(edge, ymin=0.97, **THEORY)
        axes.annotate(
            weights_name(str(name), float(std)),
            (place, 0.96),
            xycoords="axes fraction",
            rotation=90,
            ha="center",
            va="top",
            fontsize=NAMES,
        )


def _apart(axes: Axes, edges: np.ndarray) -> np.ndarray:
    """Return where upright names of the edges stand, as shares of the width, none on another."""
    left, right = np.log(axes.get_xlim())
    places = (np.log(edges) - left) / (right - left)
    size = FontProperties(size=NAMES).get_size_in_points()
    width = axes.get_window_extent().width / axes.figure.dpi * 72  # before the layout
    least = LINE * size / width
    for _ in range(10 * len(places)):  # each time, neighbours too close step aside by half
        lack = (least - np.diff(places)).clip(min=0) / 2
        places = places - np.append(lack, 0) + np.append(0, lack)
    return places


def _mark_contradiction(axes: Axes) -> None:
    """Shade where the spectral norm is above 1 and the signal shrinks."""
    (left, right), (low, _) = axes.get_xlim(), axes.get_ylim()
    if right <= 1 or low >= 1:
        return
    axes.fill_between([1, right], low, 1, color="0.93", linewidth=0, zorder=0)
    axes.annotate(
        r"$\Vert W\Vert_2 > 1$, and shrinking",
        (0.97, 0.04),
        xycoords="axes fraction",
        ha="right",
        fontsize="small",
    )
    axes.set(xlim=(left, right))


def _explain(axes: Axes, means: DataFrame) -> None:
    handles = [
        Line2D([], [], linestyle="none", label=name_of(str(name)), markersize=4)
        for name in means.activation.unique()
    ]
    for position, (handle, name) in enumerate(zip(handles, means.activation.unique(), strict=True)):
        look = look_of(str(name), position)
        handle.set(marker=look["marker"], color=look["color"])
    for label, face in (("error signal", "black"), ("activations", "white")):
        mark = Line2D([], [], linestyle="none", marker="o", markersize=4, label=label)
        mark.set(markerfacecolor=face, markeredgecolor="black")
        handles.append(mark)
    axes.legend(handles=handles, loc="upper left", ncols=2, handletextpad=0.2, columnspacing=1)


def _all(tables: dict[str, DataFrame]) -> DataFrame:
    parts = [
        networks(tables["gradients"], tables["theory"]),
        networks(tables["widths"], tables["width_theory"]),
    ]
    filled = [part for part in parts if len(part)] or parts[:1]
    # One network may be in both sweeps.
    return concat(filled, ignore_index=True).drop_duplicates([*NETWORK, "seed"])


def _means(found: DataFrame) -> DataFrame:
    """Means over seeds, activations in the order of their looks."""
    known = list(LOOKS)
    places = {name: known.index(name) for name in found.activation.unique() if name in known}
    means = found.groupby(NETWORK, dropna=False, sort=False).mean().reset_index()
    order = means.activation.map(lambda name: places.get(name, len(known)))
    return means.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """How many networks shrink in spite of ‖W‖₂ > 1, and how far the gain is met."""
    found = _all(tables)
    means = _means(found)
    above = means[means.spectral_norm > ABOVE_ONE]
    rows = tables["gradients"]
    error = np.abs(np.log10(means.backward / means.gain)).dropna()
    text = (
        r"What makes a signal grow, at initialisation of [[depth]]-layer perceptrons on DATASET: "
        r"the factor by which the norm of the error signal changes per layer towards the input "
        r"(filled) and that of the activations towards the output (open), for [[networks]] "
        r"networks, means over at least [[seeds]] seeds. "
        + only(
            "a",
            r"(a) Against the mean spectral norm of the hidden matrices; short lines: theory, "
            r"$\sqrt{\mathrm{Var}(W)}\,(\sqrt{n_\mathrm{in}} + \sqrt{n_\mathrm{out}})$, named by "
            r"initialisation. Of [[above]] networks with "
            r"$\Vert W\Vert_2 > 1$ the error signal shrinks by more than "
            r"[[least]] a layer in [[shrinks]] and the activations in [[falls]]. ",
        )
        + only(
            "b",
            r"(b) Against the gain, $\sqrt{n\,\mathrm{Var}(W)\,\langle\phi'(z)^2\rangle}$ for the "
            r"error signal and "
            r"$\sqrt{n\,\mathrm{Var}(W)\,\langle\phi(z)^2\rangle/\langle z^2\rangle}$ for the "
            r"activations; line: equal. The gain misses the error signal's factor by "
            r"[[median]] decades in the median and by at most [[most]].",
        )
    )
    return Caption(
        text.replace("DATASET", name_of(rows.dataset.iloc[0]) if len(rows) else "no data"),
        {
            "depth": Number(int(rows.depth.max()) if len(rows) else 0),
            "networks": Number(len(means)),
            "seeds": Number(
                int(found.groupby(NETWORK, dropna=False).size().min()) if len(found) else 0
            ),
            "above": Number(len(above)),
            "least": Number(100 * (1 - SHRINKS), unit=r"\%"),
            "shrinks": Number(int((above.backward < SHRINKS).sum())),
            "falls": Number(int((above.forward < SHRINKS).sum())),
            "median": Number(float(error.median()), digits=1),
            "most": Number(float(error.max()), digits=1),
        },
    )
