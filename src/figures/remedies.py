"""Every remedy alone, on a sigmoid and on a ReLU network: signals and losses."""

import math
from typing import Any

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.remedies import (
    BATCH_NORM_RELU,
    activation_growth,
    claims,
    independent_growth,
)
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.layers import (
    ERROR,
    at_initialization,
    decades,
    factors,
    predicted_factor,
    prediction_of,
)
from gradient_atlas.measures.runs import diverged, divergence_steps, last_rows, of_variant
from gradient_atlas.runs.names import name_of

__all__ = ["TABLES", "caption", "claims", "draw"]

TABLES = {
    "start": "training/remedies_start/gradients",
    "theory": "theory/remedies_start",
    "gradients": "training/remedies_training/gradients",
    "metrics": "training/remedies_training/metrics",
}

OPEN = {"markerfacecolor": "white"}
# Name and look of a remedy: what follows `sigmoid_` or `relu_` in the name of its variant.
REMEDIES: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("none", {"color": COLORS["black"], "linestyle": "-", "marker": "D"}),
    "initialization": (
        "initialization",
        {"color": COLORS["purple"], "linestyle": ":", "marker": "P"},
    ),
    "batch_norm": ("batch norm", {"color": COLORS["blue"], "linestyle": "-", "marker": "o"}),
    "batch_norm_after": (
        "batch norm after",
        {"color": COLORS["blue"], "linestyle": (0, (1, 1)), "marker": "o"} | OPEN,
    ),
    "layer_norm": ("layer norm", {"color": COLORS["orange"], "linestyle": "--", "marker": "s"}),
    "residual": ("residual", {"color": COLORS["green"], "linestyle": "-.", "marker": "^"}),
    "residual_scaled": (
        "residual, scaled",
        {"color": COLORS["green"], "linestyle": (0, (1, 1)), "marker": "^"} | OPEN,
    ),
    "clipped_1": ("clipped at 1", {"color": COLORS["red"], "linestyle": "--", "marker": "X"}),
    "clipped_5": (
        "clipped at 5",
        {"color": COLORS["red"], "linestyle": (0, (1, 1)), "marker": "X"} | OPEN,
    ),
    "weight_decay": ("weight decay", {"color": COLORS["cyan"], "linestyle": "-.", "marker": "v"}),
    "slow": ("smaller rate", {"color": COLORS["grey"], "linestyle": "-", "marker": "h"}),
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A row of panels for each network: error signal before and after training, losses."""
    groups = list(_groups(tables["metrics"]))
    heights = [len(_members(tables["metrics"], group)) + 3 for group in groups]
    figure, axes = style.new_figure(
        3 * len(groups),
        columns=3,
        panel_height=2.3,
        gridspec_kw={"height_ratios": heights} if style.width_in_inches > 5.1 else None,
    )
    titles = []
    for position, group in enumerate(groups):
        before, after, losses = axes[3 * position : 3 * position + 3]
        name = {"relu": "ReLU"}.get(group, group.capitalize())
        titles += [f"{name}, start", "After training", "Loss: start to end"]
        _draw_signals(before, _final(tables["start"]), tables["theory"], group)
        _draw_signals(after, _final(tables["gradients"]), None, group)
        _draw_losses(losses, tables["metrics"], group)
    label_panels(axes, titles)
    figure.legend(
        [mpl.lines.Line2D([], [], **THEORY)], ["theory (left panels)"], loc="outside lower center"
    )
    return figure


def _groups(table: DataFrame) -> dict[str, None]:
    """The networks that remedies are tried on: activations, in the order of the config."""
    return dict.fromkeys(table["activation"])


def _members(table: DataFrame, group: str) -> dict[str, DataFrame]:
    """Runs of each remedy of one network, by the remedy's key, in the order of ``REMEDIES``."""
    found = {key: of_variant(table, f"{group}_{key}" if key else group) for key in REMEDIES}
    return {key: runs for key, runs in found.items() if len(runs)}


def _final(gradients: DataFrame) -> DataFrame:
    """The last measured step of every seed that is trained to the end (or not trained at all)."""
    last = gradients.groupby(["variant", "seed"])["step"].transform("max")
    rows = gradients[gradients["step"] == last]
    lost = ~np.isfinite(rows[ERROR]).groupby([rows["variant"], rows["seed"]]).transform("all")
    return rows[~lost].sort_values(["seed", "layer"])


def _draw_signals(axes: Axes, rows: DataFrame, theory: DataFrame | None, group: str) -> None:
    for key, condition in _members(rows, group).items():
        by_layer = condition.assign(decades=decades(condition, ERROR)).groupby("layer").decades
        axes.plot(by_layer.mean(), markevery=8, **REMEDIES[key][1])
        if theory is not None:
            rows_of_theory = prediction_of(theory, at_initialization(condition))
            axes.plot(rows_of_theory.layer, rows_of_theory[f"predicted_log10_{ERROR}"], **THEORY)
    axes.set(
        xlabel="layer $l$ (output: right)",
        ylabel=r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$",
    )
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(6, integer=True))


def _draw_losses(axes: Axes, metrics: DataFrame, group: str) -> None:
    """From the first to the last loss of every seed; a diverged one says at which step."""
    size = mpl.rcParams["legend.fontsize"]
    members = _members(metrics, group)
    for row, (key, runs) in enumerate(members.items()):
        look = REMEDIES[key][1]
        for _, run in runs.groupby("seed"):
            losses = run.sort_values("step").train_loss
            losses = losses[np.isfinite(losses)]
            if losses.empty:
                continue
            axes.plot(losses.iloc[[0, -1]], [row, row], color="0.75", linewidth=0.8, zorder=1)
            axes.plot(losses.iloc[0], row, color="0.6", marker="|", zorder=1)
            if run.status.eq("ok").all():
                axes.plot(losses.iloc[-1], row, **look | {"linestyle": "", "markersize": 4})
        stops = divergence_steps(runs)
        said = rf" $\times$ step {stops[0]}" if stops else _accuracy(runs)
        axes.annotate(
            said, (1.0, row), xycoords=axes.get_yaxis_transform(), va="center", fontsize=size
        )
    finite = metrics[metrics.activation == group].train_loss
    decades_shown = np.log10(finite[np.isfinite(finite) & (finite > 0)])
    low, high = math.floor(decades_shown.min()), math.ceil(decades_shown.max())
    axes.set(xscale="log", xlabel="training loss", ylim=(len(members) - 0.4, -1.4))
    margin = max(high - low, 1) / 20  # room for half a marker
    axes.set_xlim(10.0 ** (low - margin), 10.0 ** (max(high, low + 1) + margin))
    axes.xaxis.set_major_locator(mpl.ticker.LogLocator(numticks=4))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    names = [
        f"{name_of(runs.initialization.iloc[0])} weights" if key == "initialization" else name
        for (key, runs), (name, _) in ((item, REMEDIES[item[0]]) for item in members.items())
    ]
    axes.set_yticks(range(len(members)), names)
    axes.tick_params(axis="y", length=0)
    axes.annotate(
        " accuracy", (1.0, -1), xycoords=axes.get_yaxis_transform(), va="center", fontsize=size
    )


def _accuracy(runs: DataFrame) -> str:
    return f" {100 * last_rows(runs).train_accuracy.mean():.0f}%"


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Factors per layer of the remedies, and which of them train."""
    start, metrics = at_initialization(tables["start"]), tables["metrics"]
    first, run = start.iloc[0], metrics.iloc[0]
    updates = int(metrics.step.max())
    lost = metrics.groupby("variant").filter(lambda runs: any(diverged(runs))).variant.nunique()
    text = (
        r"Every remedy alone on two networks: [[depth]] layers of [[width]] "
        f"units, {name_of(first.dataset)}, "
        r"$\eta = [[rate]]$, [[updates]] updates, [[start_seeds]] seeds before and [[seeds]] in "
        rf"training. {_rows(metrics)}(a), (d) Error signal before training in float64, and "
        r"wide-network theory, nothing fitted. (b), (e) After training in float32, "
        r"which ends near $10^{-38}$; runs that diverged are absent. (c), (f) Training loss of "
        r"every seed, from its start (tick) to its end (marker), and final training accuracy; "
        r"[[lost]] kinds of run diverged ($\times$). Factor of the signal per layer towards the "
        r"input (theory): sigmoid [[sigmoid]] ([[sigmoid_theory]]), with Xavier weights "
        r"[[sigmoid_initialization]] ([[sigmoid_initialization_theory]]), layer norm "
        r"[[sigmoid_layer_norm]] ([[sigmoid_layer_norm_theory]]), batch norm "
        r"[[sigmoid_batch_norm]] ([[sigmoid_batch_norm_theory]]), residual layers "
        r"[[sigmoid_residual]] ([[sigmoid_residual_theory]]); ReLU [[relu]] ([[relu_theory]]), "
        r"He weights [[relu_initialization]] ([[relu_initialization_theory]]), batch norm "
        r"[[relu_batch_norm]] ([[relu_batch_norm_theory]]; $\sqrt{\pi/(\pi-1)} = [[yang]]$ in a "
        r"large batch of examples equally far apart, Yang et al. 2019), residual layers "
        r"[[relu_residual]] ([[relu_residual_theory]])."
    )
    residual = of_variant(start, "relu_residual")
    if len(residual) and min(factors(residual)) > independent_growth(residual):
        text += (
            r" Residual ReLU layers pass the [[independent]] of weights independent of the signal "
            r"because $a^{(l)}\cdot\partial\ell/\partial a^{(l)}$ is the same in all layers of a "
            r"homogeneous network and activations shrink by [[activations]] a layer towards the "
            r"input."
        )
    return Caption(
        text,
        {
            "depth": Number(int(first.depth)),
            "width": Number(int(first.width)),
            "rate": Number(float(run.learning_rate), digits=1),
            "updates": Number(updates),
            "seeds": Number(int(metrics.seed.nunique())),
            "std": Number(float(start.weight_std.max())),
            "twice": Number(float(start.weight_std.max() * math.sqrt(first.width / 2)), digits=1),
            "lost": Number(int(lost)),
            "start_seeds": Number(int(start.seed.nunique())),
            "independent": Number(independent_growth(residual), digits=3),
            "activations": Number(activation_growth(residual), digits=3),
            "yang": Number(BATCH_NORM_RELU, digits=3),
        }
        | _factors(start, tables["theory"]),
    )


def _rows(metrics: DataFrame) -> str:
    """What each row of panels shows, from the top."""
    networks = {
        "sigmoid": "sigmoid, standard initialisation",
        "relu": "ReLU with weights of standard deviation [[std]], [[twice]] times He's",
    }
    shown = [networks.get(group, name_of(group)) for group in _groups(metrics)]
    return "".join(
        f"{place}: {what}. " for place, what in zip(("Top", "Bottom"), shown, strict=False)
    )


def _factors(start: DataFrame, theory: DataFrame) -> dict[str, Number]:
    """Each variant's factor per layer, measured and ``_theory``."""
    numbers = {}
    for group in ("sigmoid", "relu"):
        for key in REMEDIES:
            name = f"{group}_{key}" if key else group
            rows = of_variant(start, name)
            numbers[name] = Number.over_seeds(factors(rows))
            numbers[f"{name}_theory"] = Number(predicted_factor(theory, rows), digits=4)
    return numbers
