"""The gradient flow's sharpness, which no 2/η holds back, beside that of descent."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import few_decades, rate_look, rate_number
from gradient_atlas.drawing.panels import letter, letters_of, only
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.measures.edge import measured, passed, passing
from gradient_atlas.runs.names import name_of

TABLES = {"descent": "dynamics/sharpness", "flow": "dynamics/flow_sharpness"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A row an activation: sharpness and training loss against time, the flow's t, descent's kη."""
    rates = sorted(tables["descent"]["learning_rate"].unique())
    activations = list(tables["descent"]["activation"].unique())
    figure, axes = style.new_figure(2 * len(activations), columns=2, panel_height=1.9)
    titles = []
    for row, activation in enumerate(activations):
        own = {name: table[table["activation"] == activation] for name, table in tables.items()}
        _row(axes[2 * row], axes[2 * row + 1], own, rates)
        name = name_of(activation)
        titles += [rf"{name}: sharpness; dashed: $2/\eta$", f"{name}: training loss"]
    axes[0].plot([], [], label="gradient flow", color=COLORS["blue"], linewidth=1.8)
    for position, rate in enumerate(rates):
        axes[0].plot([], [], **rate_look(position), label=rf"descent, $\eta = {rate:g}$")
    label_panels(axes, titles)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _row(sharpness: Axes, losses: Axes, own: dict[str, DataFrame], rates: list[float]) -> None:
    flow, horizon = own["flow"], float(own["flow"]["time"].max())
    for _, path in flow.groupby("seed"):
        look: dict[str, Any] = {"color": COLORS["blue"], "linewidth": 1.2, "zorder": 3}
        sharpness.plot(path["time"], path["sharpness"], **look)
        losses.plot(path["time"], path["train_loss"], **look)
    top = flow["sharpness"].max()
    for (rate, _), run in own["descent"].groupby(["learning_rate", "seed"]):
        if run["status"].iloc[-1] == "diverged":
            continue
        look = rate_look(rates.index(rate))
        run = run[run["step"] * rate <= horizon]
        points, thinned = measured(run), run.iloc[:: max(1, len(run) // 300)]
        every = max(1, len(points) // 5)
        sharpness.plot(
            points["step"] * rate, points["sharpness"], **look, markevery=every, linewidth=0.6
        )
        losses.plot(thinned["step"] * rate, thinned["train_loss"], color=look["color"], lw=0.4)
    for position, rate in enumerate(rates):
        if 2 / rate <= 1.2 * top:  # an edge far above the flow would press everything down
            color = rate_look(position)["color"]
            sharpness.axhline(2 / rate, color=color, linestyle="--", linewidth=0.8, zorder=1)
    sharpness.set(xlabel=r"time $t = k\eta$", ylabel="sharpness $S$", xlim=(0, horizon))
    sharpness.set_ylim(0, 1.25 * top)
    losses.set(xlabel=r"time $t = k\eta$", ylabel="training loss", yscale="log", xlim=(0, horizon))
    few_decades(losses)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    flow = tables["flow"].sort_values("time")
    table = passing(tables["descent"], flow)
    activations = list(tables["descent"]["activation"].unique())
    (left, said_left), (right, said_right) = (
        letters_of(range(column, 2 * len(activations), 2)) for column in range(2)
    )
    text = (
        r"The gradient flow, for which there is no $2/\eta$, and full-batch descent at the same "
        r"time $t = k\eta$, where it stays finite; the networks of the figure on the edge of "
        r"stability ([[seeds]] seeds, one line each). "
        + only(left, rf"{said_left} Sharpness $S$; dashed: $2/\eta$. ")
        + only(right, f"{said_right} Training loss.")
    )
    numbers = {
        "seeds": Number(int(flow["seed"].nunique())),
        "tolerance": rate_number(flow["tolerance"].iloc[0]),
        "error": Number(float(flow["energy_error"].max()), digits=1),
    }
    for row, activation in enumerate(activations):
        path = flow[flow["activation"] == activation].groupby("seed")["sharpness"]
        numbers |= {
            f"{activation}_start": Number.over_seeds(path.first()),
            f"{activation}_end": Number.over_seeds(path.last()),
        }
        said = (
            rf" {name_of(activation)}: along the flow $S$ goes from [[{activation}_start]] to "
            rf"[[{activation}_end]]"
        )
        chosen = passed(table, activation)
        if len(chosen):
            numbers |= {
                f"{activation}_passed": Number.over_seeds(chosen["largest"]),
                f"{activation}_rate": rate_number(chosen["learning_rate"].iloc[0]),
            }
            said += (
                rf"; at most it is [[{activation}_passed]] times the $2/\eta$ of "
                rf"$\eta = [[{activation}_rate]]$"
            )
        text += only(letter(2 * row), f"{said}.")
    text += (
        r" The flow is solved by scipy's RK23 at a relative tolerance of [[tolerance]]; the energy "
        r"$L(t) + \int \Vert\nabla L\Vert^2$ is kept within [[error]] of its start."
    )
    return Caption(text, numbers)
