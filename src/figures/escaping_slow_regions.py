"""The time t = kη that descent needs to leave a slow region, beside the flow's, at every rate."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW
from gradient_atlas.drawing.panels import letter, only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.flows import least_ratios, ratios
from gradient_atlas.runs.names import problem_name

TABLES = {"escape": "dynamics/escape", "predicted": "theory/escapes"}
# By the place of the start that theory knows: a title, the place in words, and why descent is
# slower there, or faster. Any other loss has its own name, and no reason.
TITLES = {
    "saddle": "At a saddle",
    "above_saddle": "Above the saddle",
    "valley": "Rosenbrock's valley",
}
PLACES = {
    "saddle": r"Beside the saddle of $\frac{1}{2}(1-\theta_1\theta_2)^2$",
    "above_saddle": r"From high above the saddle of $\frac{1}{2}(1-\theta_1\theta_2)^2$",
    "valley": "In Rosenbrock's curved valley",
}
REASONS = {
    ("saddle", "slower"): r"it grows by $1+\eta|\lambda|$ per step, less than the flow's "
    r"$e^{\eta|\lambda|}$ (thin)",
    ("above_saddle", "faster"): r"from $\eta = 1/(1-\theta_1\theta_2)$ on (dashed) it jumps to and "
    r"fro across the valley that leads the flow to the saddle",
    ("valley", "faster"): r"above $2/\lambda_{\max}$ of the start (dashed) it jumps between the "
    r"valley's walls",
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One panel a problem: orange where descent is slower than the flow, green where faster."""
    found = ratios(tables["escape"], tables["predicted"])
    problems = list(tables["escape"]["problem"].unique())
    figure, axes = style.new_figure(len(problems), panel_height=2.2)
    for panel, problem in zip(axes, problems, strict=True):
        rows = found[found["problem"] == problem]
        _draw_times(panel, rows)
        if rows["slowdown"].notna().any():
            derived = rows["flow_time"] * rows["slowdown"]
            panel.plot(rows["learning_rate"], derived, **THEORY)
        _mark(panel, rows["overshoot_rate"].iloc[0], "overshoots", "right")
        _mark(panel, rows["divergence_rate"].iloc[0], "diverges", "left")
    axes[0].set_ylabel(r"time to leave, $t = k\eta$")
    label_panels(axes, [_title(found, problem) for problem in problems])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _title(found: DataFrame, problem: str) -> str:
    """The place's, or the problem's own name where theory knows no place or another has it too."""
    place = found.loc[found["problem"] == problem, "place"].iloc[0]
    shared = found.loc[found["place"] == place, "problem"].nunique() > 1
    return problem_name(problem) if shared else TITLES.get(place, problem_name(problem))


def _draw_times(axes: Axes, rows: DataFrame) -> None:
    flow_time = rows["flow_time"].iloc[0]
    slower = rows[rows["ratio"] >= 1]
    faster = rows[rows["ratio"] < 1]
    never = rows[rows["ratio"].isna()]
    times = [*rows["time"], flow_time]
    top = 1.15 * max((time for time in times if np.isfinite(time)), default=1.0)
    axes.axhline(flow_time, label="flow", **FLOW)
    for part, color, marker, label in (
        (slower, "orange", "o", "descent, slower"),
        (faster, "green", "^", "descent, faster"),
    ):
        axes.plot(part["learning_rate"], part["time"], color=COLORS[color], marker=marker,
                  linestyle="", label=label)  # fmt: skip
    axes.plot(never["learning_rate"], np.full(len(never), top), color="black", marker="x",
              linestyle="", label="never, or lost again")  # fmt: skip
    axes.plot([], [], label="derived", **THEORY)
    axes.set(xlabel=r"learning rate $\eta$", ylim=(0, 1.06 * top), xlim=(0, None))


def _mark(axes: Axes, rate: float, said: str, side: str) -> None:
    """A dashed line at a derived rate, if there is one within the panel."""
    if not rate < axes.get_xlim()[1]:
        return
    axes.axvline(rate, **(THEORY | {"linestyle": "--"}))
    height = 0.03 * axes.get_ylim()[1]
    axes.text(rate, height, f" {said} ", rotation=90, ha=side, va="bottom")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    found = ratios(tables["escape"], tables["predicted"])
    least = least_ratios(found).set_index("problem")
    numbers: dict[str, Number] = {}
    text = (
        r"Time $t = k\eta$ until the loss has fallen to a level beyond the slow region, for "
        r"gradient descent and the gradient flow (blue). "
    )
    for position, problem in enumerate(tables["escape"]["problem"].unique()):
        row, rows = least.loc[problem], found[found["problem"] == problem]
        numbers |= {
            f"{problem}_rate": Number(row["learning_rate"], digits=2),
            f"{problem}_ratio": Number(row["ratio"], digits=2),
            f"{problem}_share": Number(100 * row["faster"], digits=2),
            f"{problem}_worst": Number(row["worst"], digits=3),
            f"{problem}_flow": Number(rows["flow_time"].iloc[0], digits=3),
        }
        way, said = _found(row, problem)
        why = REASONS.get((row["place"], way), "")
        place = PLACES.get(row["place"], problem_name(problem))
        name = letter(position)
        text += only(name, f"({name}) {place}, {said}{f': {why}' if why else ''}. ")
    return Caption(text.strip(), numbers)


def _found(row: Series, problem: str) -> tuple[str, str]:
    """Whether some rate is ``faster`` than the flow, all are ``slower``, or none arrives; said."""
    if not row["arrive"]:
        return "never", "descent arrives at no rate"
    if row["ratio"] >= 1:
        return "slower", rf"descent is slower at every rate, up to $[[{problem}_worst]]$ times"
    return "faster", (
        rf"descent is faster at $[[{problem}_share]]\%$ of the rates that arrive, at best in "
        rf"$[[{problem}_ratio]]$ of the flow's time ($\eta = [[{problem}_rate]]$)"
    )
