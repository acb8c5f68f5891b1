"""Gradient descent in an ill-conditioned quadratic bowl: smooth, oscillating, diverging."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import apart, contours, rate_number
from gradient_atlas.drawing.panels import letters_of, only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.quadratic import bracketed, manner, runs

TABLES = {
    "paths": "dynamics/quadratic",
    "bracket": "dynamics/threshold",
    "curves": "theory/quadratic_paths",
    "bowl": "theory/quadratic_bowl",
    "thresholds": "theory/quadratic_thresholds",
}
WINDOW = 1.9  # times the start; what grows beyond it leaves the panel
LOOKS = (("blue", "o"), ("orange", "s"), ("green", "^"), ("purple", "D"))


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One panel a learning rate: level lines, steps, closed form around them; then the loss."""
    paths, curves = tables["paths"], tables["curves"]
    found = list(runs(paths, tables["thresholds"]).itertuples())
    reach = paths[["theta_1", "theta_2"]].iloc[0].abs().replace(0, 1).to_numpy()
    figure, axes = style.new_figure(len(found) + 1, columns=2, panel_height=1.75)
    for position, (panel, run) in enumerate(zip(axes[:-1], found, strict=True)):
        path = paths[paths["learning_rate"] == run.learning_rate]
        curve = curves[np.isclose(curves["learning_rate"], run.learning_rate)]
        color, marker = LOOKS[position % len(LOOKS)]
        contours(panel, tables["bowl"])
        for _, branch in curve.groupby("branch"):
            panel.plot(branch["theta_1"], branch["theta_2"], **(THEORY | {"zorder": 2}))
        _steps(panel, path, reach, COLORS[color], marker)
        panel.plot(0, 0, marker="+", color="black", markersize=6, zorder=5)
        _frame(panel, path, reach)
        _loss(axes[-1], path, curve, COLORS[color], marker)
    axes[-1].set(xscale="log", yscale="log", xlabel="step", ylabel="loss")
    axes[-1].set_ylim(1e-5 * paths["loss"].iloc[0], 20 * paths["loss"].max())
    axes[-1].legend(loc="upper right")
    titles = [rf"$\eta = {run.learning_rate:g}$: {manner(run)}" for run in found]
    label_panels(axes, [*titles, "Loss"])
    return figure


def _frame(axes: Axes, path: DataFrame, reach: Any) -> None:
    """The first parameter's way from its start to 0, or to both sides of it if it crosses."""
    first = path["theta_1"].iloc[0]
    crosses = (path["theta_1"] * np.sign(first) < -0.05 * reach[0]).any()
    sides = np.array([-WINDOW if crosses else -0.12, WINDOW if crosses else 1.12]) * reach[0]
    sides = sides if first >= 0 else -sides[::-1]
    axes.set(xlim=sides, ylim=(-WINDOW * reach[1], WINDOW * reach[1]))
    axes.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")


def _steps(axes: Axes, path: DataFrame, reach: Any, color: str, marker: str) -> None:
    beyond = np.flatnonzero((path[["theta_1", "theta_2"]].abs() > WINDOW * reach).any(axis=1))
    shown = path.iloc[: beyond[0] + 1] if len(beyond) else path
    axes.plot(shown["theta_1"], shown["theta_2"], color=color, linewidth=0.6, zorder=3)
    # Steps too small to be told apart are drawn as the line they make, with some of its points.
    kept = shown.iloc[apart(shown, (1.2 * reach[0], 2 * WINDOW * reach[1]))]
    points: dict[str, Any] = {"marker": marker, "markersize": 2.2, "linestyle": "", "zorder": 3}
    axes.plot(kept["theta_1"], kept["theta_2"], color=color, **points)


def _loss(axes: Axes, path: DataFrame, curve: DataFrame, color: str, marker: str) -> None:
    """The loss after each step, and its closed form as far as the run went."""
    updated = path[path["step"] > 0]
    if len(updated):
        every = np.unique(np.geomspace(1, len(updated), 9).astype(int) - 1)
        axes.plot(
            updated["step"],
            updated["loss"],
            color=color,
            marker=marker,
            markevery=list(every),
            label=rf"$\eta = {path['learning_rate'].iloc[0]:g}$",
        )
    closed = curve[(curve["branch"] == 1) & curve["k"].between(1, path["step"].max())]
    axes.plot(closed["k"], closed["loss"], **THEORY)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    first, bowl = tables["paths"].iloc[0], tables["bowl"].iloc[0]
    lost = runs(tables["paths"], tables["thresholds"]).query("status == 'diverged'")
    plain = bracketed(tables["bracket"], tables["thresholds"]).query("momentum == 0")
    edge = tables["thresholds"].query("momentum == 0")["threshold"].iloc[0]
    rates = tables["paths"]["learning_rate"].nunique()
    of_paths, _ = letters_of(range(rates))
    more = r" + \dots" if bowl["dimensions"] > 2 else ""
    text = (
        r"Gradient descent on $L = \frac{1}{2}([[one]]\,\theta_1^2 + [[two]]\,\theta_2^2"
        rf"{more})$ from $([[start_one]], [[start_two]])$. "
        + only(of_paths, "Grey: level lines. ")
        + r"Thin black: the closed form $|\theta_i| = |1-\eta\lambda_i|^k\,|\theta_i(0)|$, on "
        r"which the steps and their loss must lie. "
    )
    numbers = {
        "one": rate_number(bowl["curvature_1"]),
        "two": rate_number(bowl["curvature_2"]),
        "start_one": rate_number(first["theta_1"]),
        "start_two": rate_number(first["theta_2"]),
        "theory": Number(edge, digits=4),
    }
    if len(plain):
        numbers["threshold"] = Number(float(plain["measured"].iloc[0]), digits=4)
        text += (
            r"Bisection on $\eta$ finds divergence above $[[threshold]]$; "
            r"$2/\lambda_{\max} = [[theory]]$."
        )
    else:
        text += (
            r"Descent without momentum was not bisected for its threshold; "
            r"$2/\lambda_{\max} = [[theory]]$."
        )
    if len(lost):
        numbers["lost_rate"] = rate_number(lost["learning_rate"].iloc[0])
        numbers["lost"] = Number(int(lost["steps"].iloc[0]))
        text += (
            r" At $\eta = [[lost_rate]]$ the loss passes $10^6$ times its start in [[lost]] steps."
        )
    return Caption(text, numbers)
