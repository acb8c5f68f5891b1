"""Descent at the edge of stability beside the central flow that predicts its mean path."""

from typing import Any

from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import few_decades, rate_number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.measures.central import AVERAGED, at_edge, means, of_method
from gradient_atlas.runs.names import architecture_name, name_of

TABLES = {"paths": "dynamics/central_flow"}
LOOKS: dict[str, dict[str, Any]] = {
    "descent": {"color": COLORS["orange"], "linewidth": 0.7, "linestyle": "-", "zorder": 1},
    "gradient_flow": {"color": COLORS["blue"], "linewidth": 1.2, "linestyle": "--", "zorder": 2},
    "central_flow": {"color": COLORS["black"], "linewidth": 1.2, "linestyle": "-", "zorder": 3},
}
MEAN: dict[str, Any] = {"color": COLORS["orange"], "linestyle": "", "marker": "D", "zorder": 5}
NAMES = {
    "descent": "gradient descent",
    "gradient_flow": "gradient flow",
    "central_flow": "central flow",
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels of the first seed: loss, sharpness, distance from descent's averaged path."""
    paths = tables["paths"]
    paths = paths[paths["seed"] == paths["seed"].min()]
    rate = float(paths["learning_rate"].iloc[0])
    arrival = at_edge(paths)["arrival"].iloc[0]
    figure, (losses, sharpness, distances) = style.new_figure(3, panel_height=2.1)
    for method, look in LOOKS.items():
        path = of_method(paths, method)
        column = "predicted_loss" if method == "central_flow" else "train_loss"
        losses.plot(path["step"], path[column], label=NAMES[method], **look)
        points = path[path["sharpness"].notna()]
        sharpness.plot(points["step"], points["sharpness"], **look)
        if method == "descent":
            late = path[path["step"] >= arrival]
            middle = means(late["train_loss"].to_numpy())
            steps = arrival + (middle.index + 0.5) * AVERAGED
            losses.plot(steps, middle, label=f"its mean of {AVERAGED} steps", **MEAN)
        else:
            distances.plot(path["step"], path["distance"], **look)
    sharpness.axhline(2 / rate, color=COLORS["grey"], linestyle=":", linewidth=1.0, zorder=0)
    sharpness.annotate(
        r"$2/\eta$",
        (1, 2 / rate),
        xycoords=sharpness.get_yaxis_transform(),
        textcoords="offset points",
        xytext=(0, -3),
        va="top",
        ha="right",
    )
    losses.set(xlabel="step", ylabel="training loss", yscale="log")
    few_decades(losses)
    sharpness.set(xlabel="step", ylabel="sharpness $S$")
    sharpness.set_ylim(bottom=0)
    distances.set(xlabel="step", ylabel="distance from descent")
    titles = ["Training loss", "Sharpness", "Distance of the flows"]
    label_panels([losses, sharpness, distances], titles)
    figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    paths = tables["paths"]
    edge = at_edge(paths)
    reached = edge[edge["windows"] > 0]
    network = architecture_name(paths.iloc[0])
    if not network:
        widths = " and ".join(str(width) for width in paths["hidden_widths"].iloc[0])
        network = f"tanh network, hidden layers of {widths or 'no'} units"
    data = name_of(paths["dataset"].iloc[0])
    text = (
        r"The central flow (Cohen et al., 2025) beside full-batch gradient descent with "
        rf"$\eta = [[rate]]$ on [[examples]] examples of {data} ({network}, "
        r"squared loss; one of [[seeds]] seeds drawn, numbers over all). "
    )
    text += only(
        "a",
        r"(a) Training loss; of descent also its means over [[averaged]] steps at the edge; of the "
        r"central flow, its prediction of descent's mean, "
        r"$L(w) + \mathrm{tr}\,X/\eta$, $X$ the covariance of the oscillation. ",
    ) + only(
        "b",
        r"(b) Sharpness: its largest value is [[flow_ratio]] times "
        r"$2/\eta$ along the gradient flow, [[central_ratio]] along the central flow (its "
        r"constraint), and [[descent_ratio]] along descent. ",
    )
    apart = (
        r"(c) Distance of "
        r"each flow's weights from those of descent, averaged over its oscillation of period two"
    )
    numbers = {
        "rate": rate_number(float(paths["learning_rate"].iloc[0])),
        "examples": Number(int(paths["examples"].iloc[0])),
        "seeds": Number(int(paths["seed"].nunique())),
        "flow_ratio": Number.over_seeds(edge["flow_ratio"]),
        "central_ratio": Number(float(edge["central_ratio"].max()), digits=4),
        "descent_ratio": Number.over_seeds(edge["descent_ratio"]),
        "critical": Number(int(edge["critical"].max())),
        "averaged": Number(AVERAGED),
    }
    if edge["arrival"].notna().any():
        arrived = edge[edge["arrival"].notna()]
        numbers |= {
            name: Number.over_seeds(arrived[name]) for name in ("gradient", "central", "moved")
        } | {"farther": Number.over_seeds(100 * arrived["farther"])}
        text += only(
            "c",
            apart
            + r": at the end [[gradient]] for the gradient flow, [[central]] for the central flow, "
            r"where descent itself has come [[moved]] from its start; on the way, at "
            r"$[[farther]]\%$ of "
            r"the steps at the edge, the central flow is the farther one. Up to [[critical]] "
            r"eigenvalues are critical at once.",
        )
    else:
        text += only("c", apart + ".") + " The central flow reaches no edge within these steps."
    if len(reached):
        numbers |= {
            "with_variance": Number.over_seeds(100 * reached["with_variance"]),
            "alone": Number.over_seeds(100 * reached["alone"]),
            "by_gradient": Number.over_seeds(100 * reached["by_gradient"]),
        }
        text += only(
            "a",
            r" From the step where it reaches the edge it predicts descent's mean loss over "
            r"[[averaged]] steps with a mean "
            r"error of $[[with_variance]]\%$; $L(w)$ alone misses by $[[alone]]\%$, the "
            r"gradient flow's loss by $[[by_gradient]]\%$.",
        )
    return Caption(text, numbers)
