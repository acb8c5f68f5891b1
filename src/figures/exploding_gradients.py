"""Weights that are too large: norms before training, what float32 sees, and how runs end."""

import math
import re
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.endings import draw_endings
from gradient_atlas.drawing.panels import letters_of, only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels, look_of
from gradient_atlas.measures.changes import conditions, groups
from gradient_atlas.measures.explosion import called, geometric_mean, panels, saturated_at_the_end
from gradient_atlas.measures.layers import (
    ERROR,
    WEIGHT,
    at_initialization,
    decades,
    factors,
    predicted_factor,
    prediction_of,
)
from gradient_atlas.measures.runs import (
    by_seed,
    diverged,
    divergence_steps,
    final_loss,
    guessing,
    mean,
)
from gradient_atlas.runs.names import name_of, network_name

TABLES = {
    "start": "training/exploding_start/gradients",
    "theory": "theory/exploding_start",
    "gradients": "training/exploding_training/gradients",
    "metrics": "training/exploding_training/metrics",
}

FLOAT32_LARGEST = float(np.log10(np.finfo(np.float32).max))
PRESCRIBED = {"color": COLORS["purple"], "linestyle": ":", "marker": "P"}
# Rows that bear their names need no colours, which say something else in the panels above.
ENDING: dict[str, Any] = {"color": "0.15", "marker": "o", "linestyle": ""}
# Decades a layer; above this a network of this width is no wide network, and no line is drawn.
SMALL_DRIFT = 0.1


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: norms and saturation before training; how runs end, by depth and weights."""
    training = panels(groups(tables))
    most = max((len(members) for members in training.values()), default=1)
    height = panel_height(most, style)
    figure, axes = style.new_figure(
        3 + len(training), columns=3, panel_height=height, least_height=height
    )
    errors, weights, saturation, *losses = axes
    for condition in _deepest(at_initialization(tables["start"])):
        _draw_start(errors, weights, saturation, condition, tables["theory"])
    _mark_range(errors, FLOAT32_LARGEST, "float32 ends")
    _mark_range(weights, FLOAT32_LARGEST / 2, r"float32 norm: $\infty$")
    errors.set_ylabel(r"$\log_{10}\,\Vert\partial\ell/\partial z^{(l)}\Vert$")
    weights.set_ylabel(r"$\log_{10}\,\Vert\partial L/\partial W^{(l)}\Vert$")
    saturation.set(ylabel="share of saturated units", ylim=(0, 1.05))
    for panel in (errors, weights, saturation):
        panel.set_xlabel("layer $l$ (output: right)")
    titles = ["Error signal", "Weight gradient", "Saturation"]
    for panel, (title, members) in zip(losses, training.items(), strict=True):
        rows = [(name, runs, ENDING) for name, runs in called(members)]
        draw_endings(panel, rows)
        panel.axvline(guessing(rows[0][1]), color="0.4", linewidth=0.6, linestyle=":", zorder=0)
        titles.append(title)
    label_panels(axes, titles)
    errors.plot([], [], label="theory", **THEORY)
    figure.legend(
        *errors.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=max(2, int(style.width_in_inches / 1.05)),
    )
    return figure


def panel_height(rows: int, style: Style) -> float:
    """Inches that are enough for the names that stand above so many rows of a panel."""
    return max(2.0, 0.8 + rows * 0.045 * style.smallest_font)


def _deepest(start: DataFrame) -> list[DataFrame]:
    """Each kind of network at the greatest depth that is measured before training."""
    return conditions(start[start["depth"] == start["depth"].max()])


def _draw_start(
    errors: Axes, weights: Axes, saturation: Axes, condition: DataFrame, theory: DataFrame
) -> None:
    look = _look(condition)
    by_layer = condition.assign(
        error=decades(condition, ERROR), weight=decades(condition, WEIGHT)
    ).groupby("layer")
    errors.plot(by_layer.error.mean(), **look)
    predicted = prediction_of(theory, condition)
    if len(predicted) and (predicted.finite_width_drift.abs() < SMALL_DRIFT).all():
        errors.plot(predicted.layer, predicted[f"predicted_log10_{ERROR}"], **THEORY)
    weights.plot(by_layer.weight.mean(), **look | {"marker": ""})
    visible = np.isfinite(condition[f"float32_{WEIGHT}"]).groupby(condition.layer).all()
    shown = by_layer.weight.mean()[visible].iloc[:: _every(condition) // 2 or 1]
    weights.plot(shown, **look | {"linestyle": "", "label": "", "markevery": 1})
    if condition["saturated_fraction"].notna().any():
        saturation.plot(by_layer.saturated_fraction.mean(), **look)


def _every(rows: DataFrame) -> int:
    """Layers between two markers: about six markers a line."""
    return max(1, int(rows["depth"].iloc[0]) // 6)


def _look(rows: DataFrame) -> dict[str, Any]:
    """An activation's own look; another for weights that a method prescribes."""
    first = rows.iloc[0]
    shared: dict[str, Any] = {"label": network_name(first), "markevery": _every(rows)}
    if first["initialization"] != "normal":
        return PRESCRIBED | shared
    larger = {"markerfacecolor": "white", "linestyle": (0, (1, 1))}
    return look_of(first["activation"]) | (larger if first["weight_std"] > 1 else {}) | shared


def _mark_range(axes: Axes, level: float, text: str) -> None:
    """Shade what float32 cannot hold, and say so in it, where no line passes."""
    top = max(axes.get_ylim()[1], level + 8)
    axes.axhspan(level, top, color="0.93", linewidth=0, zorder=0)
    axes.set_ylim(axes.get_ylim()[0], top)
    size = mpl.rcParams["legend.fontsize"]
    axes.annotate(text, (0.97, level), (0, 2), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", va="bottom", fontsize=size)  # fmt: skip


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Factors per layer, what is saturated, and how the runs ended."""
    start, metrics = at_initialization(tables["start"]), tables["metrics"]
    either = start if len(start) else metrics
    first, deep = either.iloc[0], _deepest(start)
    numbers = {
        "width": Number(int(first.width)),
        "depth": Number(int(either.depth.max())),
        "seeds": Number(int(start.seed.nunique())),
        "train_seeds": Number(int(metrics.seed.nunique())),
    }
    growth = []
    for rows in deep:
        key = _key(rows)
        numbers[f"{key}_factor"] = Number.over_seeds(factors(rows))
        numbers[f"{key}_theory"] = Number(predicted_factor(tables["theory"], rows), digits=3)
        said = f"[[{key}_factor]] ([[{key}_theory]]) for {_weights(rows)}"
        shares = [value for value in by_seed(rows, _saturated) if not math.isnan(value)]
        if shares:
            numbers[f"{key}_saturated"] = Number(100 * mean(shares), unit=r"\%")
            said += rf", [[{key}_saturated]] of whose units are saturated"
        growth.append(said)
    text = (
        rf"Weights that are too large; [[width]] units a layer, {name_of(first.dataset)}. "
        + only(
            "abc",
            r"(a)–(c) [[depth]] layers before training in float64, mean of [[seeds]] seeds; black: "
            r"mean-field theory. ",
        )
        + only(
            "a",
            r"(a) Factor of the error signal per layer towards the input (theory of a wide "
            rf"network): {'; '.join(growth)}. ",
        )
    )
    if any(rows["activation"].iloc[0] == "tanh" for rows in deep):
        text += only(
            "abc",
            "Saturating networks of large weights are chaotic: only the distribution over seeds "
            "is a number. ",
        )
    text += only(
        "b",
        r"(b) Markers: what a norm computed in float32 reads; the lines without markers are "
        r"infinite to it. ",
    )
    trained, said = letters_of(range(3, 3 + len(panels(groups(tables)))))
    ended, more = _endings(tables)
    if trained:
        text += only(
            trained,
            rf"{said} Training in {' and '.join(sorted(set(metrics.precision)))}, [[train_seeds]] "
            r"seeds: loss at the start (tick), all losses passed through (line), at the end "
            r"(markers); $\times$: loss or gradient is no longer finite; dotted: loss of guessing. "
            rf"Which seed diverges depends on the arithmetic's last digits.{ended}",
        )
    return Caption(text.strip(), numbers | more)


def _key(rows: DataFrame) -> str:
    """A name for the numbers of one network at the start."""
    first = rows.iloc[0]
    weights = f"_{first.weight_std:g}" if first.initialization == "normal" else ""
    return re.sub(r"\W", "_", f"{first.activation}_{first.initialization}{weights}")


def _weights(rows: DataFrame) -> str:
    return f"{network_name(rows.iloc[0]).replace(', ', ' with ', 1)} weights"


def _saturated(seed: DataFrame) -> float:
    return float(seed["saturated_fraction"].mean())


def _endings(tables: dict[str, DataFrame]) -> tuple[str, dict[str, Number]]:
    """Final losses of each row, as numbers for a paper, and what the rows do not show."""
    text, numbers = "", {}
    letters = iter("defghijklmnop")
    for members in panels(groups(tables)).values():
        letter = next(letters)
        for name, runs in called(members):
            key = f"{letter}_{re.sub(r'[^a-zA-Z0-9]+', '_', name).strip('_')}"
            alive = [loss for loss in final_loss(runs) if math.isfinite(loss)]
            far = len(alive) > 0 and max(alive) > 10 * min(alive)
            numbers[key] = Number(geometric_mean(alive)) if far else Number.over_seeds(alive)
        text += _remark(members)
    for members in panels(groups(tables)).values():
        for member in members:
            shares = [v for v in saturated_at_the_end(member.gradients) if not math.isnan(v)]
            if shares and not any(diverged(member.metrics)):
                key = f"{_key(member.metrics)}_saturated_in_the_end"
                numbers[key] = Number(100 * mean(shares), unit=r"\%")
                text += f" After training [[{key}]] of the units of {_weights(member.metrics)} are "
                text += "saturated."
    return text, numbers


def _remark(members: list[Any]) -> str:
    """That nothing can be clipped where the forward pass itself overflows."""
    for member in members:
        if "clipping" in member.kinds and set(divergence_steps(member.metrics)) == {0}:
            return (
                f" {_weights(member.metrics)} overflow in the forward pass, where there is no "
                "gradient to clip."
            )
    return ""
