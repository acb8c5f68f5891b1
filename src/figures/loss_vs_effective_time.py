"""The continuous limit: loss against effective time t = kη, and how the distance goes with η."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.flows import EXPECTED, mean_distances, orders
from gradient_atlas.runs.names import architecture_name, name_of, problem_name

TABLES = {"flow": "dynamics/flow", "order": "dynamics/order"}
RATE_LOOKS = (("orange", "--"), ("red", "-."), ("green", ":"), ("purple", (0, (3, 1, 1, 1))))
MARKERS = "os^Dv"
METHOD_COLORS = {"first": "orange", "second": "purple", "fourth": "grey"}
METHOD_NAMES = {
    "first": "descent to flow",
    "second": "descent to modified flow",
    "fourth": "RK4 to flow",
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
    networks = flow[flow["loss_function"] == "network"]
    rows = flow if networks.empty else networks
    rows = rows[rows["problem"] == rows["problem"].iloc[-1]]
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
            rows = mean_distances(order, problem, method)
            rows = rows[rows["distance"] < 1]
            axes.plot(
                rows["learning_rate"],
                rows["distance"],
                color=COLORS[color],
                marker=MARKERS[position % len(MARKERS)],
                markersize=2 if method == "fourth" else 3,
                linestyle="",
            )
            slope = EXPECTED.get(method)
            # The expected slope, through the finest step: the claim is about the others.
            if len(rows) and slope:
                fine = rows.iloc[0]
                line = fine["distance"] * (rows["learning_rate"] / fine["learning_rate"]) ** slope
                axes.plot(rows["learning_rate"], line, **(THEORY | {"zorder": 1}))
        axes.plot([], [], color="black", linestyle="", marker=MARKERS[position % len(MARKERS)],
                  label=problem_name(problem))  # fmt: skip
    for method, color in METHOD_COLORS.items():
        axes.plot([], [], color=COLORS[color], linewidth=3, label=METHOD_NAMES[method])
    axes.set(xlabel=r"step size $\eta$", ylabel="distance at $t$")
    if any(np.size(line.get_xdata()) for line in axes.lines):
        axes.set(xscale="log", yscale="log")
    else:
        axes.text(0.5, 0.5, "no distance above\nthe solver's error", ha="center", va="center")
    axes.figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, columnspacing=1.2
    )


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    flow, order = tables["flow"], tables["order"]
    shown = _shown(flow)
    numbers, parts = {}, []
    for problem in order["problem"].unique():
        for method in EXPECTED:
            fitted = orders(order, problem, method)
            numbers[f"{problem}_{method}"] = Number.over_seeds(fitted, digits=4)
        parts.append(rf"{problem_name(problem)} $[[{problem}_first]]$ and $[[{problem}_second]]$")
    text = only(
        "a", r"(a) Loss of gradient descent at time $t = k\eta$ beside that of the flow (blue). "
    ) + only(
        "b",
        r"(b) Descent's distance to the flow at a fixed time, expected to be of first order in "
        r"$\eta$, and to the flow of the modified loss $L + \frac{\eta}{4}\|\nabla L\|^2$ "
        rf"(Barrett and Dherin 2021), of second. Fitted orders: {'; '.join(parts)}. Thin "
        r"lines: slopes 1 and 2 through the finest step. Grey: a fourth-order Runge--Kutta "
        r"method with as many gradients. ",
    )
    network = flow[flow["loss_function"] == "network"]
    if len(network):
        hidden = architecture_name(flow.iloc[0])
        if not hidden:
            widths = ", ".join(str(width) for width in flow["hidden_widths"].iloc[0])
            hidden = f"tanh, {f'hidden widths {widths}' if widths else 'no hidden layer'}"
        text += (
            rf"Network: {hidden}, "
            rf"squared loss, [[examples]] examples of "
            rf"{name_of(flow['dataset'].iloc[0])}"
        )
        text += only("a", "; in (a) seed [[seed]]")
        text += only("b", "; in (b) the mean of [[seeds]] seeds") + "."
        numbers |= {
            "examples": Number(int(flow["examples"].iloc[0])),
            "seed": Number(int(shown["seed"].iloc[0])),
            "seeds": Number(int(network["seed"].nunique())),
        }
    return Caption(text.strip(), numbers)
