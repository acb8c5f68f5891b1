"""The continuous limit: loss against effective time t = kη, and how the distance goes with η."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.runs.names import name_of, problem_name

TABLES = {"flow": "dynamics/flow", "order": "dynamics/order"}
RATE_LOOKS = (("orange", "--"), ("red", "-."), ("green", ":"), ("purple", (0, (3, 1, 1, 1))))
MARKERS = "os^Dv"
FIRST, SECOND, FOURTH = (
    ("descent", "flow"),
    ("descent", "modified_flow"),
    ("runge_kutta_4", "flow"),
)
METHOD_COLORS = {FIRST: "orange", SECOND: "purple", FOURTH: "grey"}
METHOD_NAMES = {
    FIRST: "descent to flow",
    SECOND: "descent to modified flow",
    FOURTH: "RK4 to flow",
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Loss of the last problem's first seed; distances of every problem on logarithmic axes."""
    figure, (losses, distances) = style.new_figure(2, panel_height=2.4)
    _draw_losses(losses, _shown(tables["flow"]))
    _draw_distances(distances, tables["order"])
    label_panels([losses, distances], ["Loss at the same time", "Distance at a fixed time"])
    return figure


def _shown(flow: DataFrame) -> DataFrame:
    """The network if there is one, else the last problem; its first seed."""
    problems = list(flow["problem"].unique())
    problem = "network" if "network" in problems else problems[-1]
    rows = flow[flow["problem"] == problem]
    return rows[rows["seed"] == rows["seed"].min()]


def _draw_losses(axes: Axes, rows: DataFrame) -> None:
    rates = sorted(rows.loc[rows["method"] == "descent", "learning_rate"].unique(), reverse=True)
    for position, rate in enumerate(rates):
        path = rows[(rows["method"] == "descent") & (rows["learning_rate"] == rate)]
        color, line = RATE_LOOKS[::-1][-(len(rates) - position) % len(RATE_LOOKS)]
        axes.plot(
            path["time"],
            path["loss"],
            color=COLORS[color],
            linestyle=line,
            label=rf"descent, $\eta = {rate:g}$",
        )
    flow = rows[rows["method"] == "flow"]
    axes.plot(flow["time"], flow["loss"], label="flow", **(FLOW | {"zorder": 1, "linewidth": 3}))
    start = rows.loc[rows["learning_rate"] > 0, "learning_rate"].min()
    axes.set(
        xlim=(start, rows["time"].max()),
        xscale="log",
        xlabel=r"effective time $t = k\eta$",
        ylabel=f"loss ({problem_name(rows['problem'].iloc[0]).lower()})",
        yscale="log",
    )
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10) if low <= tick <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="lower left", borderpad=0, labelspacing=0.2, handlelength=1.8)


def _draw_distances(axes: Axes, order: DataFrame) -> None:
    for position, problem in enumerate(order["problem"].unique()):
        for method, color in METHOD_COLORS.items():
            rows = _mean_over_seeds(order, problem, method)
            rows = rows[rows["distance"] < 1]
            axes.plot(
                rows["learning_rate"],
                rows["distance"],
                color=COLORS[color],
                marker=MARKERS[position % len(MARKERS)],
                markersize=2 if method == FOURTH else 3,
                linestyle="",
            )
            slope = {FIRST: 1, SECOND: 2}.get(method)
            # The expected slope, through the finest step: the claim is about the others.
            if len(rows) and slope:
                fine = rows.iloc[0]
                line = fine["distance"] * (rows["learning_rate"] / fine["learning_rate"]) ** slope
                axes.plot(rows["learning_rate"], line, **(THEORY | {"zorder": 1}))
        axes.plot([], [], color="black", linestyle="", marker=MARKERS[position % len(MARKERS)],
                  label=problem_name(problem))  # fmt: skip
    for method, color in METHOD_COLORS.items():
        axes.plot([], [], color=COLORS[color], linewidth=3, label=METHOD_NAMES[method])
    axes.set(xscale="log", yscale="log", xlabel=r"step size $\eta$", ylabel="distance at $t$")
    axes.figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, columnspacing=1.2
    )


def _mean_over_seeds(order: DataFrame, problem: str, method: tuple[str, str]) -> DataFrame:
    rows = _of(order, problem, method)
    rows = rows[(rows["status"] == "ok") & (rows["distance"] > 10 * rows["solver_error"])]
    return rows.groupby("learning_rate", as_index=False)["distance"].mean()


def _of(order: DataFrame, problem: str, method: tuple[str, str]) -> DataFrame:
    kind, reference = method
    return order[
        (order["problem"] == problem)
        & (order["method"] == kind)
        & (order["reference"] == reference)
    ]


def _orders(order: DataFrame, problem: str, method: tuple[str, str]) -> list[float]:
    """Fitted order by seed; nan where a run diverged or the solver's error is not far below."""
    fitted = []
    for _, rows in _of(order, problem, method).groupby("seed"):
        usable = (rows["status"] == "ok") & (rows["distance"] > 10 * rows["solver_error"])
        fitted.append(
            float(np.polyfit(np.log(rows["learning_rate"]), np.log(rows["distance"]), 1)[0])
            if usable.all() and len(rows) > 1
            else np.nan
        )
    return fitted


def _fit(order: DataFrame, problem: str, method: tuple[str, str]) -> Number:
    return Number.over_seeds(_orders(order, problem, method), digits=4)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    flow, order = tables["flow"], tables["order"]
    shown = _shown(flow)
    numbers, parts = {}, []
    for problem in order["problem"].unique():
        numbers[f"{problem}_first"] = _fit(order, problem, FIRST)
        numbers[f"{problem}_second"] = _fit(order, problem, SECOND)
        parts.append(
            rf"{problem_name(problem).lower() if problem != 'rosenbrock' else 'Rosenbrock'} "
            rf"$[[{problem}_first]]$ and $[[{problem}_second]]$"
        )
    text = (
        r"(a) Loss of gradient descent at time $t = k\eta$ beside that of the flow (blue). "
        r"(b) Descent's distance to the flow at a fixed time, expected to be of first order in "
        r"$\eta$, and to the flow of the modified loss $L + \frac{\eta}{4}\|\nabla L\|^2$ "
        r"(Barrett and Dherin 2021), of second. Fitted orders: "
        + "; ".join(parts)
        + r". Thin lines: slopes 1 and 2 through the "
        r"finest step. Grey: a fourth-order Runge--Kutta method with as many gradients."
    )
    if shown["problem"].iloc[0] == "network":
        widths = ", ".join(str(width) for width in flow["hidden_widths"].iloc[0])
        text += (
            rf" Network: tanh, hidden width {widths}, squared loss, [[examples]] examples of "
            rf"{name_of(flow['dataset'].iloc[0])}; in (a) seed [[seed]], in (b) the mean "
            r"of [[seeds]] seeds."
        )
        network = flow[flow["problem"] == "network"]
        numbers |= {
            "examples": Number(int(flow["examples"].iloc[0])),
            "seed": Number(int(shown["seed"].iloc[0])),
            "seeds": Number(int(network["seed"].nunique())),
        }
    return Caption(text, numbers)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """First order to the flow and second to the modified flow, for every problem."""
    order = tables["order"]
    found = []
    for problem in order["problem"].unique():
        rows = _of(order, problem, FIRST)
        rates = f"{rows['learning_rate'].min():.3g} to {rows['learning_rate'].max():.3g}"
        time = rows["time"].iloc[0]
        worst = rows["solver_error"].max() / rows["distance"].min()
        for part, method, expected, margin, statement in (
            ("", FIRST, 1, 0.05, "as η → 0 descent follows the flow at t = kη"),
            ("-modified", SECOND, 2, 0.1, "descent follows the flow of L + η/4 ‖∇L‖² one order "
             "better (Barrett and Dherin 2021)"),
        ):  # fmt: skip
            found.append(
                Claim(
                    claim=f"flow-is-the-limit/{problem}{part}",
                    source="F section 4",
                    statement=statement,
                    condition=f"{problem_name(problem)}, t = {time:g}, η from {rates}; bounds: the "
                    f"order {expected} of the method, ± {margin:g} for the terms beyond it",
                    quantity="fitted order of the distance in η",
                    values=_orders(order, problem, method),
                    lower=expected - margin,
                    upper=expected + margin,
                    remark=f"The solver's own error is at most {worst:.1e} of the distance to the "
                    "flow."
                    if not part
                    else "",
                    kind="mean" if problem == "network" else "exact",
                )
            )
    return found
