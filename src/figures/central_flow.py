"""Descent at the edge of stability beside the central flow that predicts its mean path."""

from typing import Any

from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import few_decades
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.runs.names import name_of

TABLES = {"paths": "dynamics/central_flow"}
LOOKS: dict[str, dict[str, Any]] = {
    "descent": {"color": COLORS["orange"], "linewidth": 0.7, "linestyle": "-", "zorder": 1},
    "gradient_flow": {"color": COLORS["blue"], "linewidth": 1.2, "linestyle": "--", "zorder": 2},
    "central_flow": {"color": COLORS["black"], "linewidth": 1.2, "linestyle": "-", "zorder": 3},
}
NAMES = {
    "descent": "gradient descent",
    "gradient_flow": "gradient flow",
    "central_flow": "central flow",
}
# The source's "high degree of numerical accuracy" is taken as a tenth of the mean loss.
ACCURATE = 0.1


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels of the first seed: loss, sharpness, distance from descent's averaged path."""
    paths = tables["paths"]
    paths = paths[paths["seed"] == paths["seed"].min()]
    rate = float(paths["learning_rate"].iloc[0])
    figure, (losses, sharpness, distances) = style.new_figure(3, panel_height=2.1)
    for method, look in LOOKS.items():
        path = _of(paths, method)
        column = "predicted_loss" if method == "central_flow" else "train_loss"
        losses.plot(path["step"], path[column], label=NAMES[method], **look)
        points = path[path["sharpness"].notna()]
        sharpness.plot(points["step"], points["sharpness"], **look)
        if method != "descent":
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
    figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _of(paths: DataFrame, method: str) -> DataFrame:
    return paths[paths["method"] == method].sort_values("step")


def _at_edge(paths: DataFrame) -> DataFrame:
    """One row a seed, over the steps from which the central flow's variance is positive.

    ``arrival``, the first such step; ``end``, the last step; mean ``descent``'s loss and the
    mean ``predicted`` by the central flow over them; the ``central`` and ``gradient``
    distances at the last step; the largest number of ``critical`` eigenvalues; each path's largest
    sharpness over 2/η.
    """
    rows = []
    for seed, run in paths.groupby("seed"):
        central, gradient = _of(run, "central_flow"), _of(run, "gradient_flow")
        half_rate = float(run["learning_rate"].iloc[0]) / 2
        arrival = central["step"][central["variance"] > 0].min()
        late: dict[str, DataFrame] = {
            method: part[part["step"] >= arrival]
            for method, part in (
                ("descent", _of(run, "descent")),
                ("central", central),
                ("gradient", gradient),
            )
        }
        rows.append(
            {
                "seed": seed,
                "arrival": arrival,
                "descent": late["descent"]["train_loss"].mean(),
                "predicted": late["central"]["predicted_loss"].mean(),
                "without": late["gradient"]["train_loss"].mean(),
                "central": late["central"]["distance"].iloc[-1],
                "gradient": late["gradient"]["distance"].iloc[-1],
                "critical": central["critical"].max(),
                "flow_ratio": gradient["sharpness"].max() * half_rate,
                "central_ratio": central["sharpness"].max() * half_rate,
                "descent_ratio": _of(run, "descent")["sharpness"].max() * half_rate,
            }
        )
    return DataFrame(rows)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    paths = tables["paths"]
    edge = _at_edge(paths)
    widths = " and ".join(str(width) for width in paths["hidden_widths"].iloc[0])
    data = name_of(paths["dataset"].iloc[0])
    return Caption(
        rf"The central flow (Cohen et al., 2025) beside full-batch gradient descent with "
        rf"$\eta = [[rate]]$ on [[examples]] examples of {data} (tanh network, hidden layers of "
        rf"{widths}, squared loss; one of [[seeds]] seeds drawn, numbers over all). (a) Training "
        r"loss; of the central flow, its prediction of descent's mean, "
        r"$L(w) + \mathrm{tr}\,X/\eta$. (b) Sharpness: its largest value is [[flow_ratio]] times "
        r"$2/\eta$ along the gradient flow, [[central_ratio]] along the central flow, and "
        r"[[descent_ratio]] along descent. (c) Distance of "
        r"each flow's weights from those of descent, averaged over its oscillation of period two: "
        r"at the end [[gradient]] for the gradient flow, [[central]] for the central flow. From "
        r"the step where the central flow reaches the edge, its mean predicted loss is "
        r"[[mean_ratio]] times descent's mean loss. Up to [[critical]] eigenvalues are critical at "
        r"once.",
        {
            "rate": Number(float(paths["learning_rate"].iloc[0])),
            "examples": Number(int(paths["examples"].iloc[0])),
            "seeds": Number(int(paths["seed"].nunique())),
            "flow_ratio": Number.over_seeds(edge["flow_ratio"]),
            "central_ratio": Number(float(edge["central_ratio"].max()), digits=4),
            "descent_ratio": Number.over_seeds(edge["descent_ratio"]),
            "gradient": Number.over_seeds(edge["gradient"]),
            "central": Number.over_seeds(edge["central"]),
            "mean_ratio": Number.over_seeds(edge["predicted"] / edge["descent"], 3),
            "critical": Number(int(edge["critical"].max())),
        },
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """What the source says of its flow: near descent, and right about its mean loss."""
    paths = tables["paths"]
    edge = _at_edge(paths)
    source = "Cohen et al. 2025, Understanding optimization in deep learning with central flows"
    setting = (
        f"full-batch descent, η = {paths['learning_rate'].iloc[0]:g}, tanh network, "
        f"{paths['step'].max()} steps; central flow by Euler's method with "
        f"{paths['substeps'].iloc[0]} substeps a step, gradient flow by scipy's RK23"
    )
    return [
        Claim(
            claim="central-flow/path",
            source=source,
            statement="descent at the edge of stability follows the central flow, not the gradient "
            "flow",
            condition=f"{setting}; bound: nearer than the gradient flow, ratio below 1",
            quantity="distance from averaged descent at the last step, central flow's over "
            "gradient flow's",
            values=(edge["central"] / edge["gradient"]).tolist(),
            upper=1.0,
        ),
        Claim(
            claim="central-flow/mean-loss",
            source=source,
            statement="the central flow predicts the mean loss of descent",
            condition=f"{setting}, from the step where the central flow reaches the edge; bound: "
            f"within {ACCURATE:.0%}, for the source's 'high degree of numerical accuracy'",
            quantity="mean predicted loss over descent's mean loss",
            values=(edge["predicted"] / edge["descent"]).tolist(),
            lower=1 - ACCURATE,
            upper=1 + ACCURATE,
            remark="The gradient flow's mean loss over the same steps is "
            f"{(edge['without'] / edge['descent']).mean():.2f} times descent's.",
        ),
    ]
