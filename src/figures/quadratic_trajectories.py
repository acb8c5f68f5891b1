"""Gradient descent in an ill-conditioned quadratic bowl: smooth, oscillating, diverging."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import apart, rate_number
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels

TABLES = {"paths": "dynamics/quadratic", "threshold": "dynamics/threshold"}
WINDOW = 1.9  # in θ_2; what grows beyond it leaves the panel
SMALL, MEDIUM, LARGE = 0.001, 0.019, 0.021  # the source's rates
LOOKS = (("blue", "o"), ("orange", "s"), ("green", "^"), ("purple", "D"))


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One panel a learning rate: level lines, steps, closed form around them; then the loss."""
    paths = tables["paths"]
    rates = sorted(paths["learning_rate"].unique())
    figure, axes = style.new_figure(len(rates) + 1, columns=2, panel_height=1.75)
    for position, (panel, rate) in enumerate(zip(axes[:-1], rates, strict=True)):
        path = paths[paths["learning_rate"] == rate]
        _bowl(panel, path)
        _closed_form(panel, path, rate)
        color, marker = LOOKS[position % len(LOOKS)]
        _steps(panel, path, COLORS[color], marker)
        panel.plot(0, 0, marker="+", color="black", markersize=6, zorder=5)
        panel.set(xlim=(-0.12, 1.12), ylim=(-WINDOW, WINDOW))
        panel.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
        _loss(axes[-1], path, rate, COLORS[color], marker)
    axes[-1].set(xscale="log", yscale="log", xlabel="step", ylabel="loss")
    axes[-1].set_ylim(1e-5 * paths["loss"].iloc[0], None)
    axes[-1].legend(loc="upper right")
    titles = [rf"$\eta = {rate:g}$: {_manner(paths, rate)}" for rate in rates]
    label_panels(axes, [*titles, "Loss"])
    return figure


def _bowl(axes: Axes, path: DataFrame) -> None:
    first, second = np.meshgrid(np.linspace(-0.2, 1.2, 141), np.linspace(-WINDOW, WINDOW, 401))
    small, large = path["smallest_curvature"].iloc[0], path["largest_curvature"].iloc[0]
    loss = 0.5 * (small * first**2 + large * second**2)
    axes.contour(
        first,
        second,
        np.log10(loss + 1e-12),
        levels=np.linspace(-2.5, np.log10(0.5 * large * WINDOW**2), 12),
        colors=COLORS["grey"],
        linewidths=0.4,
        linestyles="-",
        zorder=0,
    )


def _closed_form(axes: Axes, path: DataFrame, rate: float) -> None:
    """±|1 - ηλ_2|^k against (1 - ηλ_1)^k, for real k: the curve on which every step must lie."""
    k = np.linspace(0, path["step"].max(), 4000)
    first = path["theta_1"].iloc[0] * (1 - rate * path["smallest_curvature"].iloc[0]) ** k
    factor = 1 - rate * path["largest_curvature"].iloc[0]
    second = path["theta_2"].iloc[0] * abs(factor) ** k
    for sign in (1, -1) if factor < 0 else (1,):
        axes.plot(first, sign * second, **(THEORY | {"zorder": 2}))


def _steps(axes: Axes, path: DataFrame, color: str, marker: str) -> None:
    beyond = np.flatnonzero(path["theta_2"].abs() > WINDOW)
    shown = path.iloc[: beyond[0] + 1] if len(beyond) else path
    axes.plot(shown["theta_1"], shown["theta_2"], color=color, linewidth=0.6, zorder=3)
    # Steps too small to be told apart are drawn as the line they make, with some of its points.
    kept = shown.iloc[apart(shown, (1.2, 2 * WINDOW))]
    points: dict[str, Any] = {"marker": marker, "markersize": 2.2, "linestyle": "", "zorder": 3}
    axes.plot(kept["theta_1"], kept["theta_2"], color=color, **points)


def _loss(axes: Axes, path: DataFrame, rate: float, color: str, marker: str) -> None:
    """The loss after each step, and its closed form, half the sum of λ_i θ_i² (1 - ηλ_i)^2k."""
    updated = path[path["step"] > 0]
    every = np.unique(np.geomspace(1, len(updated), 9).astype(int) - 1)
    axes.plot(
        updated["step"],
        updated["loss"],
        color=color,
        marker=marker,
        markevery=list(every),
        label=rf"$\eta = {rate:g}$",
    )
    start, k = path.iloc[0], updated["step"].to_numpy()
    curvatures = start[["smallest_curvature", "largest_curvature"]].to_numpy(dtype=float)
    parameters = start[["theta_1", "theta_2"]].to_numpy(dtype=float)
    factors = (1 - rate * curvatures) ** (2 * k[:, None])
    axes.plot(k, factors @ (curvatures * parameters**2 / 2), **THEORY)


def _manner(paths: DataFrame, rate: float) -> str:
    path = paths[paths["learning_rate"] == rate]
    if path["status"].iloc[-1] == "diverged":
        return "diverges"
    return "oscillates" if _sign_changes(path) > 1 else "smooth"


def _path(paths: DataFrame, rate: float) -> DataFrame:
    return paths[np.isclose(paths["learning_rate"], rate)]


def _sign_changes(path: DataFrame) -> float:
    """How often a parameter changes sign; nan without a path."""
    if path.empty:
        return np.nan
    signs = np.sign(path[["theta_1", "theta_2"]].to_numpy())
    return float((signs[1:] * signs[:-1] < 0).sum())


def _left(path: DataFrame) -> float:
    """Distance to the minimum at the end over that at the start; nan without a path."""
    return path["distance"].iloc[-1] / path["distance"].iloc[0] if len(path) else np.nan


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    paths, plain = tables["paths"], tables["threshold"].query("momentum == 0")
    first = paths.iloc[0]
    diverged = paths[paths["status"] == "diverged"]
    text = (
        r"Gradient descent on $L = \frac{1}{2}([[small]]\,\theta_1^2 + [[large]]\,\theta_2^2)$ "
        r"from $([[start_one]], [[start_two]])$; grey: level lines; thin black: the closed form "
        r"$\theta_i = (1-\eta\lambda_i)^k$, on which the steps and their loss must lie. "
        r"Bisection on $\eta$ finds "
        r"divergence above $[[threshold]]$; $2/\lambda_{\max} = [[theory]]$."
    )
    if len(diverged):
        text += (
            r" At $\eta = [[lost_rate]]$ the loss passes $10^6$ times its start in [[lost]] steps."
        )
    return Caption(
        text,
        {
            "small": Number(first["smallest_curvature"], digits=1),
            "large": Number(first["largest_curvature"], digits=3),
            "start_one": Number(first["theta_1"], digits=1),
            "start_two": Number(first["theta_2"], digits=1),
            "threshold": Number(_threshold(plain), digits=4),
            "theory": Number(2 / first["largest_curvature"], digits=4),
            "lost_rate": rate_number(diverged["learning_rate"].min()),
            "lost": Number(int(diverged["step"].max()) if len(diverged) else 0),
        },
    )


def _threshold(rows: DataFrame) -> float:
    """The middle of the bisection's bracket; nan if it was not made."""
    if rows.empty:
        return np.nan
    return float((rows["converging_rate"].iloc[0] + rows["growing_rate"].iloc[0]) / 2)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Smooth at 0.001, to and fro at 0.019, away at 0.021, and the threshold between."""
    paths, plain = tables["paths"], tables["threshold"].query("momentum == 0")
    small, medium, large = (_path(paths, rate) for rate in (SMALL, MEDIUM, LARGE))
    first, edge = paths.iloc[0], 2 / paths["largest_curvature"].iloc[0]
    bowl = (
        f"L = ({first['smallest_curvature']:g} θ_1² + {first['largest_curvature']:g} θ_2²)/2 from "
        f"({first['theta_1']:g}, {first['theta_2']:g}), {int(paths['step'].max())} steps at most"
    )
    arrived = "1% of the distance left counts as arrived, which no figure shows as more than a dot"
    damped = (
        "The factor per step along θ_2, 1 - ηλ_max, is real and negative. That is not "
        "underdamped in the usual sense (complex eigenvalues), which needs momentum."
    )
    facts = [
        ("small-rate/smooth", SMALL, bowl + "; smooth: no parameter changes sign",
         "sign changes of θ_1 and θ_2", _sign_changes(small), -np.inf, 0, ""),
        ("small-rate/converges", SMALL, f"{bowl}; {arrived}",
         "distance at the end over that at the start", _left(small), -np.inf, 0.01,
         _half_life(small)),
        ("medium-rate/oscillates", MEDIUM, bowl + "; oscillates: θ crosses 0 at least twice",
         "sign changes of θ_1 and θ_2", _sign_changes(medium), 2, np.inf, damped),
        ("medium-rate/converges", MEDIUM, f"{bowl}; {arrived}",
         "distance at the end over that at the start", _left(medium), -np.inf, 0.01, ""),
        ("threshold/large-rate", LARGE, bowl + "; diverges: ends farther away than it started",
         "distance at the end over that at the start", _left(large), 1, np.inf, ""),
        ("threshold/bisection", None,
         "heavy ball without momentum, bisection on growth; bounds: 2/λ_max to four digits",
         "learning rate above which the distance grows", _threshold(plain),
         edge * (1 - 2.5e-4), edge * (1 + 2.5e-4),
         "Momentum moves it: see quadratic-threshold/momentum."),
    ]  # fmt: skip
    sayings = {
        SMALL: "small η = 0.001: smooth convergence to (0, 0)",
        MEDIUM: "medium η ≈ 0.019: oscillatory convergence (underdamped)",
        LARGE: "large η = 0.021 > 2/λ_max: divergence (oscillations grow)",
        None: "divergence occurs when η > 2/λ_max",
    }
    return [
        Claim(
            claim=f"quadratic-{name}",
            source="F section 3",
            statement=sayings[rate],
            condition=condition,
            quantity=quantity,
            values=[value],
            lower=lower,
            upper=upper,
            remark=remark,
            kind="exact",
        )
        for name, rate, condition, quantity, value, lower, upper, remark in facts
    ]


def _half_life(path: DataFrame) -> str:
    if path.empty:
        return ""
    reached = path[path["distance"] <= 0.01 * path["distance"].iloc[0]]
    return f"It takes {int(reached['step'].iloc[0])} steps." if len(reached) else ""
