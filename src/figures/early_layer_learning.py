"""How far each layer's weights move in an update: a sigmoid network beside ReLU with He."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.layer_updates import changed_in_float32, relative_speed, way
from gradient_atlas.measures.networks import Network, datasets_named, networks, numbers_of
from gradient_atlas.measures.runs import diverged_runs, final_loss
from gradient_atlas.runs.names import name_of

TABLES = {
    "gradients": "training/early_layer_learning/gradients",
    "metrics": "training/early_layer_learning/metrics",
}
SHOWN = 2  # networks with a panel of their own


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: update ratio against step for a few layers of each network; the training loss."""
    shown = networks(tables["gradients"])[:SHOWN]
    figure, axes = style.new_figure(len(shown) + 1, panel_height=2.2)
    for panel, network in zip(axes, shown, strict=False):
        _draw_updates(panel, network)
    axes[0].set_ylabel(r"$\Vert \Delta W^{(l)} \Vert / \Vert W^{(l)} \Vert$")
    limits = [limit for panel in axes[:-1] for limit in panel.get_ylim()]
    for panel in axes[:-1]:
        panel.set_ylim(min(limits), max(limits))
    last = axes[-1]
    for position, network in enumerate(networks(tables["metrics"])):
        loss = network.rows.groupby("epoch")["train_loss"]
        look = look_of(network.rows.activation.iloc[0], position) | {"label": network.name}
        band(last, loss.mean().index, loss.mean(), loss.min(), loss.max(), **look)
    last.set(xlabel="epoch", ylabel="training loss (nat)", ylim=(0, None))
    low, high = last.get_ylim()
    last.set_ylim(low, 1.35 * high)  # room for the names above the curves
    last.legend(loc="upper right", borderaxespad=0.1)
    label_panels(axes, [*(network.name for network in shown), "Training loss"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _draw_updates(panel: Any, network: Network) -> None:
    rows = network.rows
    depth = int(rows["layer"].max())
    layers = sorted({1, *(math.ceil(depth * share) for share in (0.25, 0.5, 0.75)), depth})
    shades = mpl.colormaps["cividis"](np.linspace(0.0, 0.85, len(layers)))
    looks = zip(shades, ("-", "--", "-.", ":", "-"), ("o", "s", "^", "D", "v"), strict=False)
    for layer, (color, line, marker) in zip(layers, looks, strict=False):
        look = {"color": color, "linestyle": line, "marker": marker}
        ratio = rows[rows["layer"] == layer].groupby("step")["update_ratio"]
        x = 1 + ratio.mean().index.to_numpy()
        # Middle: geometric mean, since the axis is logarithmic.
        middle = np.exp(ratio.apply(lambda values: np.log(values[values > 0]).mean()))
        band(panel, x, middle, ratio.min(), ratio.max(), label=f"layer {layer}", **look)
    panel.set_xlabel("1 + update")
    if (rows["update_ratio"] > 0).any():
        panel.set(xscale="log", yscale="log")
    else:
        panel.text(0.5, 0.6, "no update", transform=panel.transAxes, ha="center")


def _number(values: Series, digits: int = 1) -> Number:
    """Median over seeds: the ratios span decades, of which a mean shows the largest."""
    return Number(float(values.median()), digits=digits)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Each network's relative speed of the first layer, its way, and the losses."""
    metrics = tables["metrics"]
    diverged, runs = diverged_runs(metrics, ["variant"] if "variant" in metrics else [])
    numbers = {
        "seeds": Number(int(metrics["seed"].nunique())),
        "steps": Number(int(metrics["step"].max())),
        "diverged": Number(diverged),
        "runs": Number(runs),
    }
    parts = []
    for letter, network in zip("ab", networks(tables["gradients"])[:SHOWN], strict=False):
        key, rows = network.key, network.rows
        numbers[f"{key}_speed"] = _number(relative_speed(rows))
        numbers[f"{key}_way"] = _number(way(rows, 1))
        changed = 100 * changed_in_float32(rows, 1)
        numbers[f"{key}_changed"] = Number(float(changed.max()), unit=r"\%")
        parts.append(
            only(
                letter,
                rf"({letter}) {network.name}: layer 1 moves [[{key}_speed]] times as far as the "
                rf"output layer, and all its updates together [[{key}_way]] of its norm; an update "
                rf"changes at most [[{key}_changed]] of its weights in float32. ",
            )
        )
    ends = []
    for network in networks(metrics):
        numbers[f"{network.key}_loss"] = Number.over_seeds(final_loss(network.rows))
        ends.append(f"[[{network.key}_loss]] ({network.name})")
    rates = " and ".join(f"{rate:g}" for rate in sorted(metrics["learning_rate"].unique()))
    return Caption(
        r"How far an update moves each layer, $\Vert\Delta W^{(l)}\Vert/\Vert W^{(l)}\Vert$, in "
        rf"networks of {numbers_of(metrics, 'depth')} layers and width "
        rf"{numbers_of(metrics, 'width')} on {datasets_named(metrics)} "
        rf"({' and '.join(name_of(name) for name in dict.fromkeys(metrics['optimizer']))}, "
        rf"$\eta$ = {rates}, [[steps]] updates, "
        rf"{' and '.join(dict.fromkeys(metrics['precision']))}; "
        r"lines: geometric mean over [[seeds]] seeds, bands: range). "
        + "".join(parts)
        + only(
            "abc"[len(parts)],
            rf"({'abc'[len(parts)]}) Training loss, in the end {', '.join(ends)}. ",
        )
        + r"[[diverged]] of [[runs]] runs diverged.",
        numbers,
    )
