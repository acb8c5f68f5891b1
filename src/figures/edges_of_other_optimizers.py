"""Full-batch training at the edges of momentum and Adam; two linear layers under large steps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator
from pandas import DataFrame, Series

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_number
from gradient_atlas.drawing.panels import letter, letters_of, only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.edge import NEAR
from gradient_atlas.measures.optimizer_edges import (
    CATAPULT,
    LAZY,
    bisected,
    ends,
    prediction_error,
    ratios,
)
from gradient_atlas.runs.names import name_of

TABLES = {
    "edges": "dynamics/optimizer_edges",
    "thresholds": "dynamics/optimizer_thresholds",
    "catapult": "dynamics/catapult",
}
LOOKS = {"heavy_ball": ("orange", "o"), "nesterov": ("green", "^"), "adam": ("purple", "s")}
FORMULAS = {
    "heavy_ball": r"$2(1+\beta)/\eta$",
    "nesterov": r"$2(1+\beta)/((1+2\beta)\eta)$",
    "adam": r"$2(1+\beta_1)/((1-\beta_1)\eta)$",
}
RUN = {"color": COLORS["blue"], "marker": "o", "linestyle": "", "markersize": 2.5}
MAP = {**THEORY, "marker": "+", "markersize": 4.5, "linestyle": "", "markeredgewidth": 0.6}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A panel an optimiser; their thresholds on a quadratic; curvature and loss of a catapult."""
    names = list(tables["edges"]["optimizer"].unique())
    figure, axes = style.new_figure(len(names) + 3, columns=3, panel_height=1.75)
    titles = []
    for panel, name in zip(axes, names, strict=False):
        _edge(panel, ratios(tables["edges"][tables["edges"]["optimizer"] == name]), name)
        titles.append(name_of(name))
    thresholds, curvature, loss = axes[len(names) :]
    _thresholds(thresholds, bisected(tables["thresholds"]), names)
    _curvature(curvature, tables["catapult"])
    _loss(loss, tables["catapult"])
    label_panels(axes, [*titles, "thresholds", "curvature, two layers", "loss, two layers"])
    return figure


def _edge(axes: Axes, points: DataFrame, name: str) -> None:
    """Each seed thin, the median thick; grey: what counts as at the edge."""
    color = COLORS[LOOKS[name][0]]
    axes.axhspan(1 - NEAR, 1 + NEAR, color=COLORS["grey"], alpha=0.5, linewidth=0, zorder=0)
    axes.axhline(1, color="black", linestyle="--", linewidth=0.6, zorder=1)
    first = points.iloc[0]
    plain = 2 / (first["learning_rate"] * first["threshold"])
    axes.axhline(plain, color="black", linestyle=":", linewidth=0.8, zorder=1)
    for _, run in points.groupby("seed"):
        axes.plot(run["step"], run["ratio"], color=color, linewidth=0.4, alpha=0.7)
    median = points.groupby("step")["ratio"].median()
    axes.plot(median.index, median, color=color, linewidth=1.2)
    # Adam's first preconditioner is one gradient, over which the sharpness may be anything.
    seen = points.loc[(points["step"] > 0) & np.isfinite(points["ratio"]), "ratio"]
    axes.set(xlabel="step", ylim=(0, 1.05 * max([1.2, plain, *seen])))
    axes.set_ylabel("sharpness over threshold")
    axes.annotate(
        r"$2/\eta$", (1, plain), (0, 1), xycoords=axes.get_yaxis_transform(),
        textcoords="offset points", ha="right", va="bottom",
    )  # fmt: skip


def _thresholds(axes: Axes, found: DataFrame, names: list[str]) -> None:
    for name in names:
        color, marker = LOOKS[name]
        own = found[found["optimizer"] == name].sort_values("momentum")
        axes.plot(own["momentum"], own["threshold"], **THEORY)
        axes.plot(
            own["momentum"], own["measured"], color=COLORS[color], marker=marker, linestyle="",
            label=name_of(name),
        )  # fmt: skip
    axes.set(xlabel=r"momentum $\beta$ ($\beta_1$)", ylabel=r"largest stable $\eta\lambda$")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.08)
    axes.legend(loc="upper left", handletextpad=0.2, borderpad=0.1, labelspacing=0.2)


def _phases(axes: Axes, catapult: DataFrame) -> None:
    for edge in (LAZY, CATAPULT):
        axes.axvline(edge, color="black", linestyle="--", linewidth=0.6, zorder=1)
    axes.set_xlim(0, 1.03 * max(catapult["scaled_rate"].max(), CATAPULT))
    axes.set_xlabel(r"$\eta\,\lambda_0$")


def _curvature(axes: Axes, catapult: DataFrame) -> None:
    """Points, each run; plus signs, the map of two numbers; dotted, 2/η."""
    _phases(axes, catapult)
    _runs_and_map(
        axes,
        catapult["scaled_rate"],
        catapult["end_curvature"] / catapult["start_curvature"],
        catapult["predicted_curvature"] / catapult["start_curvature"],
    )
    beyond = np.linspace(LAZY, max(catapult["scaled_rate"].max(), CATAPULT), 50)
    axes.plot(beyond, LAZY / beyond, color="black", linestyle=":", linewidth=0.8)
    axes.annotate(r"$2/\eta$", (3.0, LAZY / 3.0), (2, 2), textcoords="offset points")
    axes.set(ylabel=r"$\lambda/\lambda_0$ at the end", ylim=(0, 1.15))


def _loss(axes: Axes, catapult: DataFrame) -> None:
    """The same of the largest loss; crosses at the top, rates at which every seed diverges."""
    _phases(axes, catapult)
    first = 0.5 * catapult["start_output"] ** 2
    _runs_and_map(
        axes,
        catapult["scaled_rate"],
        catapult["largest_loss"] / first,
        catapult["predicted_largest_loss"] / first,
    )
    axes.set(ylabel="largest loss over first", yscale="log")
    lost = (catapult["status"] == "diverged").groupby(catapult["scaled_rate"]).all()
    if lost.any():
        gone = lost.index[lost.to_numpy()]
        axes.plot(
            gone, np.ones(len(gone)), "x", color="black", markersize=4,
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip


def _runs_and_map(axes: Axes, rates: Series, measured: Series, predicted: Series) -> None:
    for values, look in ((measured, RUN), (predicted, MAP)):
        alive = np.isfinite(values)
        axes.plot(rates[alive], values[alive], **look)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    edges, thresholds, catapult = (tables[key] for key in TABLES)
    first, launch, found = edges.iloc[0], catapult.iloc[0], ends(edges)
    widths = " and ".join(str(width) for width in first["hidden_widths"])
    numbers = {
        "examples": Number(int(first["examples"])),
        "seeds": Number(int(edges["seed"].nunique())),
        "near": rate_number(100 * NEAR),
        "worst": Number(float((bisected(thresholds)["ratio"] - 1).abs().max()), digits=1),
        "width": Number(int(launch["width"])),
        "launches": Number(int(catapult["seed"].nunique())),
        "error": Number(prediction_error(catapult), digits=1),
    }
    names = list(edges["optimizer"].unique())
    trained, said_trained = letters_of(range(len(names)))
    thresholds_letter = letter(len(names))
    launched, said_launched = letters_of([len(names) + 1, len(names) + 2])
    text = only(
        trained,
        rf"{said_trained} Full-batch training on [[examples]] examples of "
        rf"{name_of(first['dataset'])} (tanh, hidden layers of {widths or 'no'} units, squared "
        r"loss, [[seeds]] seeds thin, their median thick): sharpness over the curvature above "
        r"which the optimiser diverges on a quadratic; grey, within $[[near]]\%$; dotted, the "
        r"edge of gradient descent at the same rate.",
    )
    for position, name in enumerate(names):
        own, rows = found[found["optimizer"] == name], edges[edges["optimizer"] == name]
        numbers |= {
            f"{name}_rate": rate_number(rows["learning_rate"].iloc[0]),
            f"{name}_momentum": rate_number(rows["momentum"].iloc[0]),
            f"{name}_late": Number.over_seeds(own["late"][np.isfinite(own["late"])].tolist(), 3),
        }
        beta = r"\beta_1" if name == "adam" else r"\beta"
        of = ", sharpness over its preconditioner" if name == "adam" else ""
        title = name_of(name)
        said = (
            rf" {title[0].upper()}{title[1:]} ($\eta = [[{name}_rate]]$, "
            rf"${beta} = [[{name}_momentum]]$), edge {FORMULAS[name]}{of}: "
            rf"in the last third [[{name}_late]]."
        )
        if lost := int((own["status"] == "diverged").sum()):
            numbers[f"{name}_lost"] = Number(lost)
            said += rf" Of its runs [[{name}_lost]] diverge."
        text += only(letter(position), said)
    text += only(
        thresholds_letter,
        rf" ({thresholds_letter}) Thresholds found by bisection (Adam with its preconditioner held "
        r"fixed) and closed forms (thin), at most [[worst]] of them apart.",
    ) + only(
        launched,
        rf" {said_launched} Two linear layers of width $n = [[width]]$ and one example, from the "
        r"curvature $\lambda_0$ ([[launches]] "
        r"seeds); lazy below $\eta\lambda_0 = 2$, divergent above 4 (crosses); between, the loss "
        r"grows until the curvature has fallen below $2/\eta$. Plus signs: the map that output "
        r"and curvature obey (Lewkowycz et al. 2020), nothing fitted; it gives the last curvature "
        r"within [[error]] of it.",
    )
    return Caption(text, numbers)
