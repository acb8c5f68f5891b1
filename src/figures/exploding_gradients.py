"""Weights that are too large: norms before training, what float32 sees, and what helps."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.exploding_gradients import claims, largest_gradients
from gradient_atlas.claims.words import GUESSING, listed
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels, look_of
from gradient_atlas.measures.layers import (
    ERROR,
    WEIGHT,
    at_initialization,
    decades,
    factors,
    prediction_of,
)
from gradient_atlas.measures.runs import diverged, divergence_steps, final_loss, of_variant
from gradient_atlas.runs.names import name_of, network_name

__all__ = ["TABLES", "caption", "claims", "draw"]

TABLES = {
    "start": "training/exploding_start/gradients",
    "theory": "theory/exploding_start",
    "gradients": "training/exploding_training/gradients",
    "metrics": "training/exploding_training/metrics",
}

FLOAT32_LARGEST = float(np.log10(np.finfo(np.float32).max))
HE = {"color": COLORS["purple"], "linestyle": ":", "marker": "P"}
# Variants of exploding_training by panel; what they are called there, and how they look.
PANELS: dict[str, dict[str, str]] = {
    "deep": {
        "relu_1": r"ReLU, $N(0,1)$",
        "relu_1_clipped": "same, clipped",
        "relu_10": r"ReLU, $N(0,10^2)$",
        "tanh_1": r"tanh, $N(0,1)$",
        "tanh_10": r"tanh, $N(0,10^2)$",
    },
    "shallow": {
        "shallow": "nothing",
        "shallow_slow": r"$\eta = 0.001$",
        "shallow_decay": "weight decay",
        "shallow_clipped_1": "clipped at 1",
        "shallow_clipped_5": "clipped at 5",
        "shallow_he": "He",
    },
    "rates": {
        "he_fast": r"$\eta = 0.3$",
        "he_fast_clipped": r"$\eta = 0.3$, clipped at 1",
        "he": r"$\eta = 0.1$",
        "he_slow": r"$\eta = 0.001$",
    },
}
# Decades a layer; above this a network of this width is no wide network, and no line is drawn.
SMALL_DRIFT = 0.1


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: norms and saturation before training; losses at 50 layers, at 10, and with He."""
    # Tall enough for the six names that stand between the losses of (e).
    height = max(2.2, 0.33 * style.smallest_font)
    figure, axes = style.new_figure(6, columns=3, panel_height=height)
    errors, weights, saturation, *losses = axes
    rows = at_initialization(tables["start"])
    rows = rows[rows.depth == rows.depth.max()]
    looks = {}
    for variant, condition in rows.groupby("variant", sort=False):
        look, first = _look(condition), condition.iloc[0]
        looks[str(variant)] = {key: look[key] for key in look.keys() - {"label", "markevery"}}
        by_layer = condition.assign(
            error=decades(condition, ERROR), weight=decades(condition, WEIGHT)
        ).groupby("layer")
        errors.plot(by_layer.error.mean(), **look)
        theory = prediction_of(tables["theory"], condition)
        if (theory.finite_width_drift.abs() < SMALL_DRIFT).all():
            errors.plot(theory.layer, theory[f"predicted_log10_{ERROR}"], **THEORY)
        weights.plot(by_layer.weight.mean(), **look | {"marker": ""})
        visible = np.isfinite(condition[f"float32_{WEIGHT}"]).groupby(condition.layer).all()
        shown = by_layer.weight.mean()[visible]
        weights.plot(shown.iloc[::4], **look | {"linestyle": "", "label": "", "markevery": 1})
        if first.activation != "relu":
            saturation.plot(by_layer.saturated_fraction.mean(), **look)
    _mark_range(errors, FLOAT32_LARGEST, "float32 ends")
    _mark_range(weights, FLOAT32_LARGEST / 2, r"float32 norm: $\infty$")
    errors.set_ylabel(r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$")
    weights.set_ylabel(r"$\log_{10}\,\Vert\partial L/\partial W^{(l)}\Vert$")
    saturation.set(ylabel="share of saturated units", ylim=(0, 1.05))
    for panel in (errors, weights, saturation):
        panel.set_xlabel("layer $l$ (output: right)")
    for panel, members in zip(losses, PANELS.values(), strict=True):
        _draw_losses(panel, tables["metrics"], members, looks)
    # The legends stand where no run passes: above the losses, or between the two kinds of them.
    limits_and_places: list[tuple[tuple[float, float], Any]] = [
        ((1, 3e6), "upper right"),
        ((1e-2, 1e24), (0.08, 0.14)),
        ((1.85, 3), "upper right"),
    ]
    for panel, (limits, place) in zip(losses, limits_and_places, strict=True):
        panel.set_ylim(limits)
        panel.legend(
            loc=place, handlelength=1.5, handletextpad=0.4, labelspacing=0.3, borderaxespad=0
        )
    losses[-1].set_yscale("linear")
    layers = tables["metrics"].depth
    label_panels(
        axes,
        [
            "Error signal",
            "Weight gradient",
            "Saturation",
            f"Training, {layers.max()} layers",
            rf"{layers.min()} layers, $N(0,10^2)$",
            f"{layers.max()} layers, He",
        ],
    )
    errors.plot([], [], label="theory", **THEORY)
    figure.legend(
        *errors.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=max(2, int(style.width_in_inches / 1.3)),
    )
    return figure


def _look(rows: DataFrame) -> dict[str, Any]:
    """An activation's own look; open markers for the larger weights, another look for He."""
    first = rows.iloc[0]
    shared: dict[str, Any] = {"label": network_name(first), "markevery": 8}
    if first.initialization != "normal":
        return HE | shared
    larger = {"markerfacecolor": "white", "linestyle": (0, (1, 1))}
    return look_of(first.activation) | (larger if first.weight_std > 1 else {}) | shared


def _mark_range(axes: Axes, level: float, text: str) -> None:
    """Shade what float32 cannot hold, and say so in it, where no line passes."""
    top = max(axes.get_ylim()[1], level + 12)
    axes.axhspan(level, top, color="0.93", linewidth=0, zorder=0)
    axes.set_ylim(axes.get_ylim()[0], top)
    size = mpl.rcParams["legend.fontsize"]
    axes.annotate(text, (0.97, level), (0, 2), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", va="bottom", fontsize=size)  # fmt: skip


def _draw_losses(
    axes: Axes, metrics: DataFrame, members: dict[str, str], looks: dict[str, dict[str, Any]]
) -> None:
    """One line a seed; a marker at the top where loss or gradient stopped being finite."""
    top = axes.get_xaxis_transform()
    offset = 3 if looks.keys() & members.keys() else 0  # keep away from the activations' looks
    for position, (variant, name) in enumerate(members.items()):
        runs = of_variant(metrics, variant)
        look = looks.get(variant) or look_of("", position + offset)
        for _, run in runs.groupby("seed"):
            finite = run[np.isfinite(run.train_loss)].sort_values("step")
            axes.plot(finite.step, finite.train_loss, markevery=0.25, **look)
        stops = divergence_steps(runs)
        if stops:
            place: dict[str, Any] = {"transform": top, "clip_on": False, "linestyle": ""}
            axes.plot(stops, [1.0] * len(stops), **look | place)
            name += rf": $\times$ step {listed(stops)}"
        if not runs.empty:
            axes.plot([], [], label=name, **look)
    axes.axhline(GUESSING, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    axes.set(yscale="log", xlabel="step", ylabel="training loss")


def _geometric(values: list[float]) -> Number:
    """Losses over many decades: their geometric mean."""
    return Number(float(10 ** np.mean(np.log10(values))) if values else math.nan)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Factors per layer, gradients in decades, and how the runs ended."""
    start, metrics = at_initialization(tables["start"]), tables["metrics"]
    first = start.iloc[0]
    text = (
        r"Weights that are too large; [[width]] units a layer, [[dataset]]. (a)–(c) [[depth]] "
        r"layers before training in float64, mean of [[seeds]] seeds; black: mean-field theory. "
        r"(a) Towards the input the error signal changes by [[relu_1]] a layer for ReLU with "
        r"$N(0,1)$ weights ($\sigma\sqrt{n/2}$), by [[tanh_1]] for tanh, [[tanh_saturated]] of "
        r"whose units are saturated (c), and by [[tanh_10]] for tanh with $N(0,10^2)$ weights, "
        r"[[tanh_10_wide]] in a wide network: $\chi = n\sigma^2\,E[\phi'^2]$ weighs saturation "
        r"against $\sigma$. (b) Markers: what a norm computed in float32 reads; the lines without "
        r"markers are infinite to it. (d)–(f) Training in float32, [[train_seeds]] seeds, every "
        r"run shown; $\times$ and markers at the top: the step at which loss or gradient is no "
        rf"longer finite; dotted: loss of guessing. (d) {_endings(metrics)}(e) At "
        r"[[shallow_depth]] layers the loss ends, clipped at 1, at [[clipped_loss]]; with He "
        r"initialisation at [[he_loss]]. (f) With He weights it ends at [[he_fast_loss]] for "
        r"$\eta = 0.1$, at [[he_slow_loss]] for $\eta = 0.001$, and at [[he_clipped_loss]] for "
        r"$\eta = 0.3$ clipped at 1."
    )
    tanh, tanh_10 = of_variant(start, "tanh_1"), of_variant(start, "tanh_10")
    theory = prediction_of(tables["theory"], tanh_10) if len(tanh_10) else tanh_10
    slope = float(theory.asymptotic_slope.iloc[0]) if len(theory) else math.nan
    return Caption(
        text.replace("[[dataset]]", name_of(first.dataset)),
        {
            "width": Number(int(first.width)),
            "depth": Number(int(start.depth.max())),
            "shallow_depth": Number(int(metrics.depth.min())),
            "seeds": Number(int(start.seed.nunique())),
            "train_seeds": Number(int(metrics.seed.nunique())),
            "relu_1": Number.over_seeds(factors(of_variant(start, "relu_1"))),
            "tanh_1": Number.over_seeds(factors(tanh)),
            "tanh_10": Number.over_seeds(factors(tanh_10)),
            "tanh_10_wide": Number(10**slope),
            "tanh_saturated": Number(
                100 * float(tanh.saturated_fraction.mean()), unit=r"\%", digits=2
            ),
            "tanh_gradient": Number.over_seeds(largest_gradients(tanh), digits=2),
            "tanh_dead": Number(100 * _saturated_in_the_end(tables["gradients"]), unit=r"\%"),
            "tanh_loss": Number.over_seeds(final_loss(of_variant(metrics, "tanh_1"))),
            "clipped_loss": _geometric(final_loss(of_variant(metrics, "shallow_clipped_1"))),
            "he_loss": Number.over_seeds(final_loss(of_variant(metrics, "shallow_he"))),
            "he_fast_loss": Number.over_seeds(final_loss(of_variant(metrics, "he"))),
            "he_slow_loss": Number.over_seeds(final_loss(of_variant(metrics, "he_slow"))),
            "he_clipped_loss": Number.over_seeds(
                final_loss(of_variant(metrics, "he_fast_clipped"))
            ),
        },
    )


def _endings(metrics: DataFrame) -> str:
    """How ReLU and tanh with N(0, 1) weights end, in as many words as the runs allow."""
    relu, clipped, tanh = (
        of_variant(metrics, name) for name in ("relu_1", "relu_1_clipped", "tanh_1")
    )
    said = ""
    if set(divergence_steps(relu)) == set(divergence_steps(clipped)) == {0}:
        said += "ReLU overflows in the forward pass of step 0, where there is no gradient to clip. "
    if len(tanh) and not any(diverged(tanh)):
        said += (
            r"tanh stays finite: its gradient of $10^{[[tanh_gradient]]}$ fits into float32. In "
            r"the end [[tanh_dead]] of its units are saturated, at a loss of [[tanh_loss]] nats. "
        )
    return said


def _saturated_in_the_end(gradients: DataFrame) -> float:
    """Share of saturated units in the hidden layers of tanh with N(0, 1) weights after training."""
    rows = of_variant(gradients, "tanh_1")
    last = rows[rows.groupby("seed").step.transform("max") == rows.step]
    return float(last.saturated_fraction.mean())
