"""The time t = kη that descent needs to leave a slow region, beside the flow's, at every rate."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.runs.names import problem_name
from gradient_atlas.theory.two_factor import linear_slowdown

TABLES = {"escape": "dynamics/escape"}
TITLES = {
    "saddle": "At a saddle",
    "overshoot": "Above the saddle",
    "valley": "Rosenbrock's valley",
}
# Where the start is, and why descent is slower there ("slower") or faster.
WORDS = {
    "saddle": (
        r"Beside the saddle of $\frac{1}{2}(1-\theta_1\theta_2)^2$",
        "slower",
        r"it grows by $1+\eta|\lambda|$ per step, less than the flow's $e^{\eta|\lambda|}$ (thin)",
    ),
    "overshoot": (
        "From high above that saddle",
        "faster",
        r"from $\eta = 1/(1-\theta_1\theta_2)$ on (dashed) it jumps to and fro across the valley "
        r"that leads the flow to the saddle",
    ),
    "valley": (
        "In Rosenbrock's curved valley",
        "faster",
        r"above $2/\lambda_{\max}$ of the start (dashed) it jumps between the valley's walls",
    ),
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One panel a problem: orange where descent is slower than the flow, green where faster."""
    escape = tables["escape"]
    problems = list(escape["problem"].unique())
    figure, axes = style.new_figure(len(problems), panel_height=2.2)
    for panel, problem in zip(axes, problems, strict=True):
        rows = escape[escape["problem"] == problem]
        _draw_times(panel, rows)
        if problem == "saddle":
            _draw_saddle_theory(panel, rows)
        if problem == "overshoot":
            edge = 1 / _residual(rows)
            _mark(panel, edge, "overshoots", "right")
            _mark(panel, 2 * edge, "diverges", "left")
        if problem == "valley":
            _mark(panel, _valley_edge(rows), "overshoots", "right")
    axes[0].set_ylabel(r"time to leave, $t = k\eta$")
    label_panels(axes, [TITLES.get(problem, problem_name(problem)) for problem in problems])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_times(axes: Axes, rows: DataFrame) -> None:
    flow_time = rows["flow_time"].iloc[0]
    slower = rows[(rows["time"] >= flow_time) & np.isfinite(rows["time"])]
    faster = rows[rows["time"] < flow_time]
    never = rows[np.isinf(rows["time"])]
    top = 1.15 * rows["time"][np.isfinite(rows["time"])].max()
    axes.axhline(flow_time, label="flow", **FLOW)
    for part, color, marker, label in (
        (slower, "orange", "o", "descent, slower"),
        (faster, "green", "^", "descent, faster"),
    ):
        axes.plot(part["learning_rate"], part["time"], color=COLORS[color], marker=marker,
                  linestyle="", label=label)  # fmt: skip
    axes.plot(never["learning_rate"], np.full(len(never), top), color="black", marker="x",
              linestyle="", label="never")  # fmt: skip
    axes.plot([], [], label="derived", **THEORY)
    axes.set(xlabel=r"learning rate $\eta$", ylim=(0, 1.06 * top), xlim=(0, None))


def _draw_saddle_theory(axes: Axes, rows: DataFrame) -> None:
    rates = np.linspace(1e-6, rows["learning_rate"].max(), 200)
    slowdown = np.array([linear_slowdown(rate) for rate in rates])
    axes.plot(rates, rows["flow_time"].iloc[0] * slowdown, **THEORY)


def _mark(axes: Axes, rate: float, said: str, side: str) -> None:
    axes.axvline(rate, **(THEORY | {"linestyle": "--"}))
    height = 0.03 * axes.get_ylim()[1]
    axes.text(rate, height, f" {said} ", rotation=90, ha=side, va="bottom")


def _residual(rows: DataFrame) -> float:
    """r = 1 - θ_1 θ_2 at the start of the two-factor loss."""
    return float(1 - rows["start_1"].iloc[0] * rows["start_2"].iloc[0])


def _valley_edge(rows: DataFrame) -> float:
    """2/λ_max of Rosenbrock's Hessian at the start, above which descent jumps over the floor."""
    first, second = rows["start_1"].iloc[0], rows["start_2"].iloc[0]
    mixed = -400 * first
    hessian = [[2 - 400 * second + 1200 * first**2, mixed], [mixed, 200.0]]
    return float(2 / np.linalg.eigvalsh(hessian)[-1])


def _ratios(escape: DataFrame, problem: str) -> DataFrame:
    """Descent's time over the flow's for the rates at which descent arrives and stays."""
    rows = escape[(escape["problem"] == problem) & (escape["status"] == "ok")]
    rows = rows[np.isfinite(rows["time"])]
    return rows.assign(ratio=rows["time"] / rows["flow_time"])


def _best(ratios: DataFrame) -> tuple[float, float, float]:
    """Rate of the least ratio, that ratio, and the share of the rates that beat the flow."""
    if ratios.empty:
        return np.nan, np.nan, np.nan
    row = ratios.loc[ratios["ratio"].idxmin()]
    return row["learning_rate"], row["ratio"], float((ratios["ratio"] < 1).mean())


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    escape = tables["escape"]
    numbers: dict[str, Number] = {}
    for problem, rows in escape.groupby("problem"):
        ratios = _ratios(escape, problem)
        rate, ratio, share = _best(ratios)
        numbers |= {
            f"{problem}_rate": Number(rate, digits=2),
            f"{problem}_ratio": Number(ratio, digits=2),
            f"{problem}_share": Number(100 * share, digits=2),
            f"{problem}_worst": Number(ratios["ratio"].max(), digits=3),
            f"{problem}_flow": Number(rows["flow_time"].iloc[0], digits=3),
        }
    text = (
        r"Time $t = k\eta$ until the loss has fallen to a level beyond the slow region, for "
        r"gradient descent and the gradient flow (blue). "
    )
    for position, problem in enumerate(escape["problem"].unique()):
        letter = chr(ord("a") + position)
        place, expected, reason = WORDS.get(problem, (problem, "", ""))
        way, found = _found(_ratios(escape, problem), problem)
        why = f": {reason}" if way == expected else ""
        text += f"({letter}) {place}, {found}{why}. "
    return Caption(text.strip(), numbers)


def _found(ratios: DataFrame, problem: str) -> tuple[str, str]:
    """Whether some rate is ``faster`` than the flow, all are ``slower``, or none arrives; said."""
    if ratios.empty:
        return "never", "descent arrives at no rate"
    if ratios["ratio"].min() >= 1:
        return "slower", rf"descent is slower at every rate, up to $[[{problem}_worst]]$ times"
    return "faster", (
        rf"descent is faster at $[[{problem}_share]]\%$ of the rates that arrive, at best in "
        rf"$[[{problem}_ratio]]$ of the flow's time ($\eta = [[{problem}_rate]]$)"
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether some rate beats the flow: at a saddle, from above it, in a valley."""
    escape = tables["escape"]
    remarks = {
        "saddle": "Refuted where the flow is slowest of all. Along a direction of curvature -|λ| "
        "both only multiply: descent by 1 + η|λ| per step, the flow by exp(η|λ|), which is more. "
        "So descent takes η|λ|/ln(1 + η|λ|) ≈ 1 + η|λ|/2 times as long (the modified loss of "
        "Barrett and Dherin 2021 has curvature λ(1 + ηλ/2) there). What makes escapes faster is "
        "overshooting, not the step's size as such.",
        "overshoot": "Only by overshooting. With w, d the sum and difference of θ_1, θ_2 over √2, "
        "and r = 1 - θ_1 θ_2, descent is w ← (1 + ηr) w, d ← (1 - ηr) d: at 1 < ηr < 2 d changes "
        "sign, r stays large, and w goes on growing at the rate of the steep slope, while the "
        "flow has come down to the saddle, where r = 1. At smaller rates descent is slower.",
        "valley": "Clearly faster only above 2/λ_max of the start, where descent jumps over the "
        "valley's floor from wall to wall and lands farther along it.",
    }  # fmt: skip
    found = []
    for problem in escape["problem"].unique():
        rows = escape[escape["problem"] == problem]
        ratios = _ratios(escape, problem)
        rate, ratio, share = _best(ratios)
        start = f"({rows['start_1'].iloc[0]:g}, {rows['start_2'].iloc[0]:g})"
        found.append(
            Claim(
                claim=f"descent-escapes-slow-regions/{problem}",
                source="F section 4",
                statement="GD can escape regions that gradient flow would traverse slowly",
                condition=f"{TITLES.get(problem, problem).lower()}, from {start} to a loss of "
                f"{rows['level'].iloc[0]:g}; {len(ratios)} rates that arrive, of {len(rows)} up to "
                f"{rows['learning_rate'].max():g}; 'can': at one of them at least in less t = kη "
                "than the flow",
                quantity="descent's time over the flow's, the least over the rates",
                values=[ratio],
                upper=1,
                remark=f"Least at η = {rate:.3g}; faster at {100 * share:.0f}% of the rates, "
                f"slowest {ratios['ratio'].max():.4g} times the flow's time. "
                + remarks.get(problem, ""),
                kind="exact",
            )
        )
    return found
