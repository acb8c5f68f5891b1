"""How far each layer's weights move in an update: a sigmoid network beside ReLU with He."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.layers import factor_per_layer
from gradient_atlas.measures.runs import diverged_runs, of_variant
from gradient_atlas.runs.names import name_of, network_name

TABLES = {
    "gradients": "training/early_layer_learning/gradients",
    "metrics": "training/early_layer_learning/metrics",
}

VARIANTS = ("sigmoid", "relu")
# A weight in float32 does not change when it is moved by less than half the spacing of its numbers.
FLOAT32_ROUNDING = 2.0**-24
NEGLIGIBLE = 0.01


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: update ratio against step for a few layers of each network; the training loss."""
    figure, axes = style.new_figure(3, panel_height=2.2)
    depth = int(tables["gradients"]["layer"].max())
    layers = sorted({1, *(math.ceil(depth * share) for share in (0.25, 0.5, 0.75)), depth})
    shades = mpl.colormaps["cividis"](np.linspace(0.0, 0.85, len(layers)))
    looks = zip(shades, ("-", "--", "-.", ":", "-"), ("o", "s", "^", "D", "v"), strict=False)
    layer_looks = [{"color": c, "linestyle": line, "marker": m} for c, line, m in looks]
    for panel, variant in zip(axes, VARIANTS, strict=False):
        rows = of_variant(tables["gradients"], variant)
        for layer, look in zip(layers, layer_looks, strict=False):
            ratio = rows[rows["layer"] == layer].groupby("step")["update_ratio"]
            x = 1 + ratio.mean().index.to_numpy()
            # Middle: geometric mean, since the axis is logarithmic.
            middle = np.exp(ratio.apply(lambda values: np.log(values).mean()))
            band(panel, x, middle, ratio.min(), ratio.max(), label=f"layer {layer}", **look)
        panel.axhline(FLOAT32_ROUNDING, color="black", linewidth=0.6, linestyle=(0, (4, 2)))
        panel.set(xscale="log", yscale="log", xlabel="1 + update")
    axes[0].set_ylabel(r"$\Vert \Delta W^{(l)} \Vert / \Vert W^{(l)} \Vert$")
    limits = [limit for panel in axes[:2] for limit in panel.get_ylim()]
    for panel in axes[:2]:
        panel.set_ylim(min(limits), max(limits))
    axes[1].annotate(
        "lost in float32",
        (0.97, FLOAT32_ROUNDING),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=mpl.rcParams["legend.fontsize"],
    )
    for variant in VARIANTS:
        rows = of_variant(tables["metrics"], variant)
        loss = rows.groupby("epoch")["train_loss"]
        name = rows["activation"].iloc[0]
        look = look_of(name)
        band(axes[2], *_curve(loss), label=name_of(name), **look)
    axes[2].set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
    axes[2].legend(loc="upper right")
    label_panels(axes, [*(_name(tables, variant) for variant in VARIANTS), "Training loss"])
    columns = min(len(layers), int(style.width_in_inches))  # an entry is about an inch wide
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def _curve(groups: Any) -> tuple[Any, Series, Series, Series]:
    return groups.mean().index, groups.mean(), groups.min(), groups.max()


def _name(tables: dict[str, DataFrame], variant: str) -> str:
    return network_name(of_variant(tables["gradients"], variant).iloc[0])


def _relative_speed(tables: dict[str, DataFrame], variant: str) -> Series:
    """By seed, the update ratio of layer 1 over that of the output layer, median over steps."""
    rows = of_variant(tables["gradients"], variant)
    ratios = rows.pivot_table(index=["seed", "step"], columns="layer", values="update_ratio")
    return (ratios.iloc[:, 0] / ratios.iloc[:, -1]).groupby("seed").median()


def _way(tables: dict[str, DataFrame], variant: str, layer: int) -> Series:
    """By seed, Σ over all updates of ‖ΔW‖/‖W‖ in a layer, by the trapezoid rule over logged steps.

    ‖W_end - W_0‖/‖W_0‖ is no larger, up to the change of ‖W‖.
    """
    rows = of_variant(tables["gradients"], variant)
    rows = rows[(rows["layer"] == layer) & rows["update_ratio"].notna()].sort_values("step")
    return pd.Series(
        {
            seed: float(np.trapezoid(one["update_ratio"], one["step"]))
            for seed, one in rows.groupby("seed")
        }
    )


def _number(values: Series, digits: int = 1) -> Number:
    """Median over seeds: the ratios span decades, of which a mean shows the largest."""
    return Number(float(values.median()), digits=digits)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Both networks' relative speed of the first layer, its way, and the losses."""
    run = tables["gradients"].iloc[0]
    metrics = tables["metrics"]
    diverged, runs = diverged_runs(metrics, ["variant"])
    final = metrics.sort_values("step").groupby(["variant", "seed"])["train_loss"].last()
    numbers = {
        "depth": Number(int(run["depth"])),
        "width": Number(int(run["width"])),
        "rate": Number(float(run["learning_rate"]), digits=1),
        "seeds": Number(int(metrics["seed"].nunique())),
        "steps": Number(int(metrics["step"].max())),
        "float": Number(FLOAT32_ROUNDING, digits=1),
        "diverged": Number(diverged),
        "runs": Number(runs),
    }
    for variant in VARIANTS:
        loss = final[variant]
        numbers[f"{variant}_speed"] = _number(_relative_speed(tables, variant))
        numbers[f"{variant}_way"] = _number(_way(tables, variant, 1))
        numbers[f"{variant}_loss"] = Number.over_seeds(loss)
    return Caption(
        r"How far an update moves each layer, $\Vert\Delta W^{(l)}\Vert/\Vert W^{(l)}\Vert$, in "
        rf"networks of [[depth]] layers and width [[width]] on {name_of(run['dataset'])} "
        r"(SGD, $\eta = [[rate]]$, [[steps]] updates, float64; "
        r"lines: geometric mean over [[seeds]] seeds, bands: range). "
        rf"(a) {_name(tables, 'sigmoid')}: layer 1 moves [[sigmoid_speed]] times as far "
        r"as the output layer, and all its updates together [[sigmoid_way]] of its norm. "
        rf"(b) {_name(tables, 'relu')}: [[relu_speed]] times as far, together [[relu_way]]. "
        r"Dashed: the relative change [[float]] below which a weight in float32 does not change at "
        r"all. (c) Training loss, in the end [[sigmoid_loss]] and [[relu_loss]]. "
        r"[[diverged]] of [[runs]] runs diverged.",
        numbers,
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Are the first layer's updates negligible, and does it learn anything?"""
    run = tables["gradients"].iloc[0]
    shared = (
        f"{run['depth']} layers, width {run['width']}, sigmoid, Xavier, {run['dataset']}, SGD with "
        f"rate {run['learning_rate']:g}, {tables['metrics']['step'].max()} updates, float64"
    )
    factor = factor_per_layer(of_variant(tables["gradients"], "sigmoid")).mean()
    why = (
        f"The error signal shrinks by a factor of {factor:.2g} a layer at initialisation (sigmoid' "
        "is at most 0.25, and Xavier's weights do not make up for it)."
    )
    return [
        Claim(
            claim="early-layers-learn-slowly/updates",
            source="V section 1 (effects), section 4",
            statement="early layers learn very slowly or not at all, as weight updates are tiny",
            condition=f"{shared}; bound chosen: 'very slowly' means that layer 1 moves, relative "
            f"to its norm, at most {NEGLIGIBLE:g} times as far as the output layer",
            quantity="median over logged steps of the update ratio of layer 1 over that of the "
            "output layer",
            values=_relative_speed(tables, "sigmoid").tolist(),
            upper=NEGLIGIBLE,
            remark=why,
        ),
        Claim(
            claim="early-layers-learn-slowly/features",
            source="V section 4",
            statement="in a 20-layer sigmoid network early layers may not learn low-level features",
            condition=f"{shared}; bound chosen: a layer whose updates add up to less than "
            f"{NEGLIGIBLE:g} of its norm still holds its random initial filters",
            quantity="sum over all updates of the update ratio of layer 1",
            values=_way(tables, "sigmoid", 1).tolist(),
            upper=NEGLIGIBLE,
            remark=why,
        ),
    ]
