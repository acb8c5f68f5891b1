"""The gradient flow's sharpness, which no 2/η holds back, beside that of descent."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import few_decades, rate_look
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.measures.edge import measured

TABLES = {"descent": "dynamics/sharpness", "flow": "dynamics/flow_sharpness"}
# Passing freely: a factor that descent at the same rate, held within a few per cent, never shows.
PASSED = 1.2


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: sharpness and training loss against time, the flow's t and descent's kη."""
    flow, descent = tables["flow"], _followed(tables)
    horizon = float(flow["time"].max())
    figure, (sharpness, losses) = style.new_figure(2, panel_height=2.3)
    for seed, path in flow.groupby("seed"):
        label = "gradient flow" if seed == flow["seed"].min() else None
        look: dict[str, Any] = {"color": COLORS["blue"], "linewidth": 1.8, "zorder": 3}
        sharpness.plot(path["time"], path["sharpness"], label=label, **look)
        losses.plot(path["time"], path["train_loss"], **look)
    rates = sorted(descent["learning_rate"].unique())
    for position, rate in enumerate(rates):
        look = rate_look(position)
        for seed, run in descent[descent["learning_rate"] == rate].groupby("seed"):
            run = run[run["step"] * rate <= horizon]
            points = measured(run)
            label = rf"descent, $\eta = {rate:g}$" if seed == descent["seed"].min() else None
            sharpness.plot(
                points["step"] * rate,
                points["sharpness"],
                **look,
                markevery=max(1, len(points) // 5),
                linewidth=0.9,
                label=label,
            )
            thinned = run.iloc[:: max(1, len(run) // 600)]
            losses.plot(
                thinned["step"] * rate, thinned["train_loss"], color=look["color"], linewidth=0.6
            )
        sharpness.axhline(2 / rate, color=look["color"], linestyle="--", linewidth=0.8, zorder=1)
    sharpness.set(xlabel=r"time $t = k\eta$", ylabel="sharpness $S$", xlim=(0, horizon))
    sharpness.set_ylim(bottom=0)
    losses.set(xlabel=r"time $t = k\eta$", ylabel="training loss", yscale="log", xlim=(0, horizon))
    few_decades(losses)
    label_panels([sharpness, losses], [r"Sharpness; dashed: $2/\eta$", "Training loss"])
    columns = 4 if style.width_in_inches > 4 else 2
    figure.legend(*sharpness.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def _followed(tables: dict[str, DataFrame]) -> DataFrame:
    """Descent at the rates that stay finite."""
    descent = tables["descent"]
    lost = descent.loc[descent["status"] == "diverged", "learning_rate"].unique()
    return descent[~descent["learning_rate"].isin(lost)]


def _passing(tables: dict[str, DataFrame]) -> DataFrame:
    """A row for each rate and seed: the flow's S η / 2 at its start and its largest."""
    rows = []
    for rate in sorted(_followed(tables)["learning_rate"].unique()):
        for seed, path in tables["flow"].groupby("seed"):
            ratios = path.sort_values("time")["sharpness"] * rate / 2
            rows.append((rate, seed, float(ratios.iloc[0]), float(ratios.max())))
    return DataFrame(rows, columns=["learning_rate", "seed", "start", "largest"])


def _chosen(tables: dict[str, DataFrame]) -> DataFrame:
    """The largest rate whose edge lies above the flow's start, in every seed.

    An edge can be passed only from below; of those the lowest leaves the flow the most time beyond.
    """
    passing = _passing(tables)
    below = passing[passing.groupby("learning_rate")["start"].transform("max") < 1]
    return below[below["learning_rate"] == below["learning_rate"].max()]


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    flow, chosen = tables["flow"], _chosen(tables)
    ends = flow.sort_values("time").groupby("seed").tail(1)
    starts = flow.sort_values("time").groupby("seed").head(1)
    rate = float(chosen["learning_rate"].max())
    return Caption(
        r"The gradient flow, for which there is no $2/\eta$. (a) Sharpness of the network of the "
        r"figure on the edge of stability along its gradient flow and along full-batch descent at "
        r"the same time $t = k\eta$ ([[seeds]] seeds, one line each; dashed: $2/\eta$ of each "
        r"rate). Along the flow $S$ goes from [[start]] to [[end]] by $t = [[horizon]]$; its "
        r"largest value is [[passed]] times the $2/\eta$ of $\eta = [[rate]]$. (b) Training loss. "
        r"The flow is solved by scipy's RK23 at a relative tolerance of [[tolerance]]; the energy "
        r"$L(t) + \int \Vert\nabla L\Vert^2$ is kept within [[error]] of its start.",
        {
            "seeds": Number(int(flow["seed"].nunique())),
            "start": Number.over_seeds(starts["sharpness"]),
            "end": Number.over_seeds(ends["sharpness"]),
            "horizon": Number(float(flow["time"].max()), digits=2),
            "passed": Number(chosen["largest"].mean(), digits=2),
            "rate": Number(rate, digits=1),
            "tolerance": Number(float(flow["tolerance"].iloc[0]), digits=1),
            "error": Number(float(flow["energy_error"].max()), digits=1),
        },
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """That it is descent's step, not the network, that holds the sharpness."""
    chosen, flow = _chosen(tables), tables["flow"].sort_values("time")
    rises = [float(np.diff(path["train_loss"]).max()) for _, path in flow.groupby("seed")]
    rate = float(chosen["learning_rate"].max())
    setting = (
        f"gradient flow of the same tanh network to t = {flow['time'].max():g}, scipy RK23, "
        f"relative tolerance {flow['tolerance'].iloc[0]:g}"
    )
    return [
        Claim(
            claim="edge-of-stability/flow-passes",
            source="F example 3; Cohen et al. 2021, section 3",
            statement="the edge is the learning rate's: without one the sharpness passes 2/η",
            condition=f"{setting}; η = {rate:g}, the largest whose 2/η lies above the starting "
            f"sharpness; bound: {PASSED:g}, far outside the few per cent within which descent is "
            "held",
            quantity="largest S η / 2 along the flow",
            values=chosen.sort_values("seed")["largest"].tolist(),
            lower=PASSED,
        ),
        Claim(
            claim="edge-of-stability/flow-energy",
            source="definition of gradient flow: dL/dt = -‖∇L‖²",
            statement="along the flow the loss never rises",
            condition=f"{setting}; bound: 0",
            quantity="largest rise of the loss between two logged points",
            values=rises,
            upper=0.0,
        ),
    ]
