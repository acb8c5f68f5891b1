"""Full-batch descent of networks: loss and sharpness beside 2/η, for several rates."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_look, rate_number
from gradient_atlas.drawing.panels import letters_of, only
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.measures.edge import NEAR, at_the_edge, measured, runs, windows
from gradient_atlas.runs.names import architecture_name, name_of

TABLES = {"descent": "dynamics/sharpness", "flow": "dynamics/flow_sharpness"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A row an activation: loss, sharpness, and sharpness over 2/η in each tenth of the run."""
    descent, table = tables["descent"], runs(tables["descent"], tables["flow"])
    activations = list(descent["activation"].unique())
    rates = sorted(descent["learning_rate"].unique())
    figure, axes = style.new_figure(3 * len(activations), columns=3, panel_height=1.85)
    titles = []
    for row, activation in enumerate(activations):
        own = descent[descent["activation"] == activation]
        losses, sharpness, ratios = axes[3 * row : 3 * row + 3]
        _losses(losses, own, rates)
        _sharpness(sharpness, own, rates)
        known = windows(own, table[table["activation"] == activation])
        _windows(ratios, known, rates, int(own["steps"].iloc[0]))
        name = name_of(activation)
        titles += [f"{name}: loss", rf"{name}: sharpness", rf"{name}: over $2/\eta$"]
    for position, rate in enumerate(rates):
        axes[0].plot([], [], **rate_look(position), label=rf"$\eta = {rate:g}$")
    label_panels(axes, titles)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure


def _losses(axes: Axes, own: DataFrame, rates: list[float]) -> None:
    for (rate, _), run in own.groupby(["learning_rate", "seed"]):
        thinned = run.iloc[:: max(1, len(run) // 300)]
        color = rate_look(rates.index(rate))["color"]
        axes.plot(thinned["step"], thinned["train_loss"], color=color, linewidth=0.4)
    axes.set(xlabel="step", ylabel="training loss", yscale="log")
    # A diverging run leaves through the top: its last loss is many decades up.
    stable = own[own.groupby(["learning_rate", "seed"])["status"].transform("last") == "ok"]
    if len(stable):
        axes.set_ylim(stable["train_loss"].min() / 1.5, 30 * stable["train_loss"].max())
    lost = own.loc[own["status"] == "diverged"].groupby("learning_rate")["seed"].nunique()
    said = [
        (rate, rf"$\eta = {rate:g}$: {count} of {own['seed'].nunique()} diverge")
        for rate, count in lost.items()
    ]
    for line, (rate, text) in enumerate(said):
        axes.annotate(
            text,
            (1, 1),
            xycoords="axes fraction",
            textcoords="offset points",
            xytext=(0, -1 - 9 * line),
            va="top",
            ha="right",
            color=rate_look(rates.index(rate))["color"],
            fontsize=mpl.rcParams["legend.fontsize"],
        )


def _sharpness(axes: Axes, own: DataFrame, rates: list[float]) -> None:
    for rate, part in own.groupby("learning_rate"):
        look = rate_look(rates.index(rate))
        by_step = measured(part).groupby("step")["sharpness"]
        points = by_step.agg(["median", "min", "max"])
        every = max(1, len(points) // 6)
        axes.plot(points.index, points["median"], **look, markevery=every, linewidth=0.9)
        axes.fill_between(
            points.index, points["min"], points["max"], color=look["color"], alpha=0.25, linewidth=0
        )
        axes.axhline(2 / rate, color=look["color"], linestyle="--", linewidth=0.8, zorder=1)
    axes.set(xlabel="step", ylabel="sharpness $S$", yscale="log")
    axes.set_yticks([2 / rate for rate in rates], [rf"$2/{rate:g}$" for rate in rates], minor=False)
    axes.yaxis.minorticks_off()


def _windows(axes: Axes, known: DataFrame, rates: list[float], steps: int) -> None:
    """Mean and range over seeds of the median in each tenth; grey: what counts as at the edge."""
    axes.axhspan(1 - NEAR, 1 + NEAR, color=COLORS["grey"], alpha=0.4, linewidth=0, zorder=0)
    axes.axhline(1, color=COLORS["black"], linestyle="--", linewidth=0.6, zorder=1)
    for rate, part in known.groupby("learning_rate"):
        look = rate_look(rates.index(rate))
        points = part.groupby("window")["ratio"].agg(["mean", "min", "max"])
        middle = (points.index - 0.5) * steps / 10
        axes.plot(middle, points["mean"], **look, linewidth=0.9)
        axes.fill_between(
            middle, points["min"], points["max"], color=look["color"], alpha=0.25, linewidth=0
        )
    if known.empty:
        axes.text(0.5, 0.3, "no rate\ngets there", transform=axes.transAxes, ha="center")
    axes.set(xlabel="step", ylabel=r"$S\,\eta/2$", xlim=(0, steps))


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    descent, table = tables["descent"], runs(tables["descent"], tables["flow"])
    first = descent.iloc[0]
    network = architecture_name(first)
    if not network:
        widths = " and ".join(str(width) for width in first["hidden_widths"])
        network = f"hidden layers of {widths or 'no'} units"
    activations = list(descent["activation"].unique())
    panels = [letters_of(range(column, 3 * len(activations), 3)) for column in range(3)]
    (left, said_left), (middle, said_middle), (right, said_right) = panels
    text = (
        r"Full-batch gradient descent on [[examples]] examples of "
        rf"{name_of(first['dataset'])} ({network}, squared loss, "
        r"[[seeds]] seeds). "
        + only(left, f"{said_left} Training loss. ")
        + only(
            middle,
            rf"{said_middle} Sharpness $S$, the largest eigenvalue of the Hessian, by Lanczos "
            r"every [[every]] steps, median and range over seeds; dashed, $2/\eta$ of each rate. ",
        )
        + only(
            right,
            rf"{said_right} $S\eta/2$, $S$ the sharpness, at the rates by whose time the flow's "
            r"sharpness has passed $2/\eta$, medians in tenths of the run, mean and range over "
            r"seeds; grey, within $[[near]]\%$. ",
        )
        + r"After its first oscillation a path at the edge is chaotic, no "
        r"definite number but a distribution over seeds."
    )
    numbers = {
        "examples": Number(int(first["examples"])),
        "seeds": Number(int(descent["seed"].nunique())),
        "every": Number(int(first["every"])),
        "near": rate_number(100 * NEAR),
    }
    for row, activation in enumerate(activations):
        said, found = _of_network(table, activation)
        own, _ = letters_of(range(3 * row, 3 * row + 3))
        text, numbers = text + only(own, said), numbers | found
    return Caption(text, numbers)


def _of_network(table: DataFrame, activation: str) -> tuple[str, dict[str, Number]]:
    own, worst = table[table["activation"] == activation], at_the_edge(table, activation)
    lost = own[own["status"] == "diverged"]
    name, numbers = name_of(activation), {}
    gone = int((worst["status"] == "diverged").sum())
    if gone:
        text = rf" {name}: [[{activation}_gone]] runs that have been at the edge diverge."
        numbers[f"{activation}_gone"] = Number(gone)
    elif len(worst):
        text = (
            rf" {name}: in the last third $S\eta/2$ is farthest from 1 at "
            rf"$\eta = [[{activation}_rate]]$, [[{activation}_late]]; there the second eigenvalue "
            rf"is [[{activation}_second]] and the curvature along the steps "
            rf"[[{activation}_along]] times $2/\eta$."
        )
        numbers |= {
            f"{activation}_rate": rate_number(worst["learning_rate"].iloc[0]),
            f"{activation}_late": Number.over_seeds(worst["late"], 3),
            f"{activation}_second": Number.over_seeds(worst["second"], 3),
            f"{activation}_along": Number.over_seeds(worst["along"], 3),
        }
    else:
        text = f" {name}: no rate has the time to reach its edge in every seed."
    if len(lost):
        slowest = lost[lost["learning_rate"] == lost["learning_rate"].min()]
        numbers |= {
            f"{activation}_lost_rate": rate_number(slowest["learning_rate"].iloc[0]),
            f"{activation}_lost_start": Number.over_seeds(slowest["start"], 3),
        }
        text += (
            rf" What diverges starts at [[{activation}_lost_start]] times $2/\eta$ "
            rf"($\eta = [[{activation}_lost_rate]]$) or more."
        )
    return text, numbers
