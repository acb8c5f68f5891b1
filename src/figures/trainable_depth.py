"""How deep a network may be and still learn in a fixed number of updates."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.network import network_look
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels
from gradient_atlas.measures.layers import ERROR, at_initialization, decades, prediction_of
from gradient_atlas.measures.runs import diverged, last_rows
from gradient_atlas.runs.names import name_of, network_name

TABLES = {
    "gradients": "training/trainable_depth/gradients",
    "metrics": "training/trainable_depth/metrics",
    "theory": "theory/trainable_depth",
}

# The greatest trainable depth that Schoenholz et al. (2017) find is six of their depth scales
# ξ = -1/ln χ, over each of which ‖δ‖² falls by e.
SCALES = 6
LEARNT = 0.5  # accuracy above which the caption says that a network has learnt
NO_SCALE = 1e4  # layers; a longer scale is an infinite one, reached as a power of the depth


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: final accuracy against depth, and what is left of the error signal at the start."""
    figure, (accuracies, signals) = style.new_figure(2, panel_height=2.35)
    metrics, start = tables["metrics"], at_initialization(tables["gradients"])
    scales = []
    for condition, runs in metrics.groupby("variant", sort=False):
        look = network_look(runs.iloc[0])
        ends = _ends(runs)
        by_depth = ends.groupby("depth").train_accuracy
        depths = by_depth.mean().index
        band(
            accuracies, depths, by_depth.mean(), by_depth.min(), by_depth.max(), **look, markevery=1
        )
        lost = ends[ends.status == "diverged"]
        accuracies.plot(lost.depth, lost.train_accuracy, "x", color="black", zorder=5)
        scale = SCALES * _scale(tables["theory"], runs)
        if depths.min() / 1.2 < scale < depths.max():
            scales.append(scale)
            accuracies.axvline(
                scale, color=look["color"], linestyle=look["linestyle"], linewidth=0.7
            )
        _draw_signals(signals, start[start.variant == condition], tables["theory"], look)
    if scales:
        accuracies.annotate(
            r"$6\xi$",
            (max(scales), 1.1),
            (2, 0),
            textcoords="offset points",
            va="top",
            fontsize=mpl.rcParams["legend.fontsize"],
        )
    chance = 1 / 10
    accuracies.axhline(chance, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    for axes in (accuracies, signals):
        depths = sorted(metrics.depth.unique())
        axes.set(xscale="log", xlabel="depth $L$", xticks=depths)
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    accuracies.set(ylabel="final training accuracy", ylim=(0, 1.12))
    signals.set_ylabel(r"$\log_{10}\,\Vert\delta^{(1)}\Vert\,/\,\Vert\delta^{(L-1)}\Vert$")
    label_panels([accuracies, signals], ["After training", "Before training"])
    accuracies.plot([], [], label="theory", **THEORY)
    figure.legend(
        *accuracies.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=max(2, int(style.width_in_inches / 1.3)),
    )
    return figure


def _ends(runs: DataFrame) -> DataFrame:
    """The last row of every depth and seed; a diverged run's as it was when it diverged."""
    return last_rows(runs.assign(seed=runs.depth.astype(str) + "/" + runs.seed.astype(str)))


def _draw_signals(axes: Axes, rows: DataFrame, theory: DataFrame, look: dict[str, Any]) -> None:
    """Depths whose signal float32, in which these runs train, has lost are left out."""
    ratios = _ratios(rows)
    if not ratios.empty:
        by_depth = ratios.groupby("depth").ratio
        band(axes, by_depth.mean().index, by_depth.mean(), by_depth.min(), by_depth.max(),
             **look, markevery=1)  # fmt: skip
    predicted = {}
    for depth, condition in rows.groupby("depth"):
        values = prediction_of(theory, condition)[f"predicted_log10_{ERROR}"].to_numpy()
        if len(values) > 1:
            predicted[depth] = values[0] - values[-2]
    axes.plot(list(predicted), list(predicted.values()), **THEORY)


def _ratios(rows: DataFrame) -> DataFrame:
    """log10 of the error signal's norm in layer 1 over that in layer L-1, by depth and seed."""
    found = []
    for (depth, seed), network in rows.groupby(["depth", "seed"]):
        values = decades(network.sort_values("layer"), ERROR)
        if np.isfinite(values[[0, -2]]).all():
            found.append({"depth": depth, "seed": seed, "ratio": values[0] - values[-2]})
    return DataFrame(found, columns=["depth", "seed", "ratio"])


def _scale(theory: DataFrame, runs: DataFrame) -> float:
    """ξ = -1/ln χ of the condition; infinite where the signal does not fall exponentially."""
    rows = prediction_of(theory, runs)
    slope = float(rows.asymptotic_slope.iloc[0]) if len(rows) else math.nan
    if not slope < -1 / (2 * math.log(10) * NO_SCALE):
        return math.inf
    return -1 / (2 * math.log(10) * slope)


def _deepest(runs: DataFrame) -> float:
    """The greatest depth up to which every seed, and every smaller depth, has learnt."""
    least = _ends(runs).groupby("depth").train_accuracy.min()
    failed = least[least < LEARNT].index
    learnt = least.index[least.index < (failed.min() if len(failed) else math.inf)]
    return float(learnt.max()) if len(learnt) else math.nan


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The greatest depth that each kind of network learns at, beside six depth scales."""
    metrics = tables["metrics"]
    first = metrics.iloc[0]
    numbers: dict[str, Number] = {}
    sentences = []
    for position, (_, runs) in enumerate(metrics.groupby("variant", sort=False)):
        key, scale = f"kind_{position}", SCALES * _scale(tables["theory"], runs)
        numbers[key] = _whole(_deepest(runs))
        finite = math.isfinite(scale)
        if finite:
            numbers[f"{key}_scale"] = Number(scale)
        beside = rf" ($6\xi = [[{key}_scale]]$)" if finite else ""
        sentences.append(f"[[{key}]] for {network_name(runs.iloc[0])}{beside}")
    flat = metrics[(metrics.activation == "relu") & (metrics.initialization == "he")]
    start = at_initialization(tables["gradients"])
    ratios = _ratios(start[start.variant.isin(flat.variant)]).ratio.abs()
    numbers |= {
        "width": Number(int(first.width)),
        "updates": _whole(metrics.step.max()),
        "rate": Number(float(first.learning_rate), digits=1),
        "seeds": Number(int(metrics.seed.nunique())),
        "examples": _whole(first.training_examples),
        "learnt": Number(100 * LEARNT, unit=r"\%"),
        "flat": Number(float(ratios.max()) if len(ratios) else math.nan, digits=1),
        "lost": Number(int(sum(_lost(runs) for _, runs in metrics.groupby(["variant", "depth"])))),
    }
    text = (
        r"Depth and trainability: networks of width [[width]] on [[examples]] images of "
        f"{name_of(first.dataset)}, "
        r"[[updates]] updates with $\eta = [[rate]]$, [[seeds]] seeds (bands: their range; "
        r"[[lost]] runs diverged). (a) Training accuracy after the last update; dotted: "
        r"guessing; vertical: six depth scales $\xi = -1/\ln\chi$, the greatest trainable depth "
        r"that Schoenholz et al. (2017) find. (b) What is left of the error signal at the first "
        r"layer before training, where float32 holds it, with wide-network theory. Greatest "
        r"depth up to which all seeds exceed [[learnt]]: " + ", ".join(sentences) + "."
    )
    if len(flat) and _ends(flat).groupby("depth").train_accuracy.max().min() < LEARNT:
        text += (
            r" With He weights the signal changes by at most [[flat]] decades at any depth: one "
            r"that neither vanishes nor explodes does not suffice to learn in so many updates."
        )
    return Caption(text, numbers)


def _whole(value: float) -> Number:
    return Number(int(value) if math.isfinite(value) else math.nan)


def _lost(runs: DataFrame) -> int:
    return int(sum(diverged(runs)))


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """No sentence of the sources is about a greatest depth."""
    return []
