"""The paths of gradient descent and of its continuous flow, from the same start."""

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW, LARGE, MODERATE, apart, contours, rate_number
from gradient_atlas.drawing.panels import letter, only
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.measures.flows import extremes, in_solver_errors, separations
from gradient_atlas.runs.names import architecture_name, name_of, problem_name

TABLES = {"flow": "dynamics/flow", "landscape": "dynamics/landscape", "order": "dynamics/order"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One panel a problem (a network's first seed): level lines, flow, two rates of descent."""
    first = _first_seeds(tables["flow"])
    planes = _first_seeds(tables["landscape"])
    problems = list(first["problem"].unique())
    figure, axes = style.new_figure(len(problems), panel_height=2.3)
    for panel, problem in zip(axes, problems, strict=True):
        plane = planes[planes["problem"] == problem]
        contours(panel, plane)
        paths = first[first["problem"] == problem]
        flow = paths[paths["method"] == "flow"]
        for path, look in zip(extremes(paths), (LARGE, MODERATE), strict=False):
            panel.plot(
                path["theta_1"],
                path["theta_2"],
                markersize=2.2,
                markevery=apart(path, np.ptp(plane[["theta_1", "theta_2"]], axis=0)),
                **(look | {"linewidth": 0.7}),
            )
        panel.plot(flow["theta_1"], flow["theta_2"], **FLOW)
        panel.plot(*flow[["theta_1", "theta_2"]].iloc[0], "o", color="black", zorder=5)
        panel.set(
            xlim=(plane["theta_1"].min(), plane["theta_1"].max()),
            ylim=(plane["theta_2"].min(), plane["theta_2"].max()),
            xlabel=r"$\theta_1$" if _is_plain(plane) else "first direction",
            ylabel=r"$\theta_2$" if _is_plain(plane) else "second direction",
        )
    for look, label in ((FLOW, "flow"), (MODERATE, r"descent, moderate $\eta$"),
                        (LARGE, r"descent, large $\eta$")):  # fmt: skip
        axes[0].plot([], [], label=label, **look)
    label_panels(axes, [problem_name(problem) for problem in problems])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _first_seeds(table: DataFrame) -> DataFrame:
    return table[table["seed"] == table.groupby("problem")["seed"].transform("min")]


def _is_plain(plane: DataFrame) -> bool:
    return bool(plane["plane_share"].iloc[0] == 1.0)


def _share(shares: Series) -> Number:
    """In per cent; infinite where a run diverged."""
    lost = bool(np.isinf(shares).any())
    return Number(np.inf) if lost else Number.over_seeds(100 * shares)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    flow = tables["flow"]
    found = separations(flow)
    numbers, parts = {}, []
    problems = _first_seeds(flow)["problem"].unique()
    letters = {str(problem): letter(position) for position, problem in enumerate(problems)}
    for problem, rows in found.groupby("problem", sort=False):
        drawn = dict.fromkeys((rows["learning_rate"].min(), rows["learning_rate"].max()))
        said = []
        for size, rate in zip(("moderate", "large")[-len(drawn) :], drawn, strict=True):
            key, at_rate = f"{problem}_{size}", rows[rows["learning_rate"] == rate]
            numbers[f"{key}_rate"] = rate_number(rate)
            numbers[f"{key}_share"] = _share(at_rate["share"])
            said.append(rf"$[[{key}_share]]\%$ at $\eta = [[{key}_rate]]$")
        own = f"{problem_name(str(problem))}: {' and '.join(said)}. "
        parts.append(only(letters[str(problem)], own))
    text = (
        r"Gradient descent at the smallest rate that was run (orange) and at the largest (green) "
        r"beside the gradient flow (blue) at the same time $t = k\eta$, from the black dot. "
        r"Largest distance to the flow, in per cent of the way that the flow goes: "
        + "".join(parts)
    )
    apart_by = float(in_solver_errors(tables["order"])["ratio"].min())
    if apart_by > 1:
        numbers["apart"] = Number(apart_by, digits=1)
        text += (
            r"No step follows the flow exactly: at the smallest rates of the measurement of the "
            r"order the distance is still at least [[apart]] times the solver's error. "
        )
    network = _first_seeds(tables["landscape"]).query("loss_function == 'network'")
    if len(network):
        seeds = flow.loc[flow["loss_function"] == "network", "seed"]
        numbers |= {
            "plane": Number(100 * network["plane_share"].iloc[0], digits=2),
            "examples": Number(int(flow["examples"].iloc[0])),
            "seeds": Number(int(seeds.nunique())),
        }
        hidden = architecture_name(flow.iloc[0])
        if not hidden:
            widths = ", ".join(str(width) for width in flow["hidden_widths"].iloc[0])
            hidden = f"tanh, {f'hidden widths {widths}' if widths else 'no hidden layer'}"
        of_networks = "".join(letters[str(problem)] for problem in network["problem"].unique())
        text += only(
            of_networks,
            rf"Network: {hidden}, "
            rf"squared loss on [[examples]] examples of {name_of(flow['dataset'].iloc[0])}, "
            r"[[seeds]] seeds, the first drawn, on the plane of its paths' first two principal "
            r"components ($[[plane]]\%$ of their variance).",
        )
    return Caption(text.strip(), numbers)
