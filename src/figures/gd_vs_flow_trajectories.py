"""The paths of gradient descent and of its continuous flow, from the same start."""

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW, LARGE, MODERATE, apart, contours, rate_number
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.runs.names import name_of, problem_name

TABLES = {"flow": "dynamics/flow", "landscape": "dynamics/landscape", "order": "dynamics/order"}
VISIBLE = 0.1  # of the way that the flow goes


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
        for path, look in zip(_extremes(paths), (LARGE, MODERATE), strict=True):
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
    label_panels(axes, [f"{problem_name(problem)}" for problem in problems])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _first_seeds(table: DataFrame) -> DataFrame:
    return table[table["seed"] == table.groupby("problem")["seed"].transform("min")]


def _is_plain(plane: DataFrame) -> bool:
    return bool(plane["plane_share"].iloc[0] == 1.0)


def _extremes(paths: DataFrame) -> list[DataFrame]:
    """Descent at the largest and at the smallest rate."""
    rates = paths.loc[paths["method"] == "descent", "learning_rate"]
    return [
        paths[(paths["method"] == "descent") & (paths["learning_rate"] == rate)]
        for rate in (rates.max(), rates.min())
    ]


def _separations(flow: DataFrame, largest: bool = True) -> DataFrame:
    """Per problem and seed: rate, largest distance to the flow, and that over the flow's way."""
    rows = []
    for (problem, seed), paths in flow.groupby(["problem", "seed"], sort=False):
        path = _extremes(paths)[0 if largest else 1]
        way = paths.loc[paths["method"] == "flow", "displacement"].iloc[-1]
        apart = path["distance_to_flow"].max()
        rows.append(
            {
                "problem": problem,
                "seed": seed,
                "learning_rate": path["learning_rate"].iloc[0],
                "distance": apart,
                "share": apart / way,
                "at_the_end": path["distance_to_flow"].iloc[-1] / way,
                "status": path["status"].iloc[-1],
            }
        )
    return DataFrame(rows)


def _in_solver_errors(order: DataFrame) -> DataFrame:
    """Per problem and seed, ``ratio``: distance to the flow at the smallest rate in units of the
    solver's error."""
    rows = order[(order["method"] == "descent") & (order["reference"] == "flow")]
    least = rows.groupby(["problem", "seed"])["learning_rate"].transform("min")
    rows = rows[rows["learning_rate"] == least]
    return rows.assign(ratio=rows["distance"] / rows["solver_error"])


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    flow = tables["flow"]
    large, moderate = _separations(flow), _separations(flow, largest=False)
    numbers, parts = {}, []
    for problem in large["problem"].unique():
        there, here = (table[table["problem"] == problem] for table in (large, moderate))
        for name, value in (
            ("moderate_rate", rate_number(here["learning_rate"].iloc[0])),
            ("large_rate", rate_number(there["learning_rate"].iloc[0])),
            ("moderate_share", Number.over_seeds(100 * here["share"])),
            ("large_share", Number.over_seeds(100 * there["share"])),
        ):
            numbers[f"{problem}_{name}"] = value
        parts.append(
            rf"{problem_name(problem)}: $\eta = [[{problem}_moderate_rate]]$ and "
            rf"$[[{problem}_large_rate]]$, $[[{problem}_moderate_share]]\%$ and "
            rf"$[[{problem}_large_share]]\%$"
        )
    text = (
        r"Gradient descent at a moderate (orange) and a large (green) learning rate beside the "
        r"gradient flow (blue) at the same time $t = k\eta$, from the black dot. Largest distance "
        r"to the flow, in per cent of the way that the flow goes: " + "; ".join(parts) + "."
    )
    apart = float(_in_solver_errors(tables["order"])["ratio"].min())
    if apart > 1:
        numbers["apart"] = Number(apart, digits=1)
        text += (
            r" No step follows the flow exactly: at the smallest rates measured the distance is "
            r"still at least [[apart]] times the solver's error."
        )
    network = tables["landscape"][tables["landscape"]["problem"] == "network"]
    if len(network):
        numbers |= {
            "plane": Number(100 * network["plane_share"].iloc[0], digits=2),
            "examples": Number(int(flow["examples"].iloc[0])),
            "seeds": Number(int(network["seed"].nunique())),
        }
        widths = "--".join(str(width) for width in flow["hidden_widths"].iloc[0])
        text += (
            rf" Network: hidden width {widths}, tanh, squared loss on [[examples]] examples of "
            rf"{name_of(flow['dataset'].iloc[0])}, [[seeds]] seeds, the first drawn, "
            r"on the plane of its paths' first two principal components ($[[plane]]\%$ of their "
            r"variance)."
        )
    return Caption(text, numbers)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether the paths part at a large rate, and whether they part at a small one as well."""
    flow, order = tables["flow"], tables["order"]
    large, moderate = _separations(flow), _separations(flow, largest=False)
    found = []
    for problem in large["problem"].unique():
        there, here = (table[table["problem"] == problem] for table in (large, moderate))
        rate, small = there["learning_rate"].iloc[0], here["learning_rate"].iloc[0]
        found.append(
            Claim(
                claim=f"flow-and-descent-part/{problem}",
                source="F section 4",
                statement="trajectories diverge when the discrete step size is large",
                condition=f"{problem_name(problem)}, η = {rate:g}; part: a tenth of the way that "
                "the flow goes, which a figure shows",
                quantity="largest distance of descent to the flow at t = kη over the flow's way",
                values=there["share"].tolist(),
                lower=VISIBLE,
                remark=f"At η = {small:g} it is {here['share'].mean():.2g}. At the path's end the "
                f"large rate's is {there['at_the_end'].mean():.2g}.",
                kind="mean" if problem == "network" else "exact",
            )
        )
    smallest = _in_solver_errors(order)
    found.append(
        Claim(
            claim="flow-and-descent-part/only-large-steps",
            source="F section 4",
            statement="trajectories diverge when the discrete step size is large (read: only then)",
            condition="the smallest rate of the order's measurement, "
            + ", ".join(
                f"{problem_name(p)} {rate:.3g}"
                for p, rate in smallest.groupby("problem")["learning_rate"].first().items()
            )
            + "; they do not part if no farther from each other than the solver's own error",
            quantity="distance of descent to the flow in units of the solver's error, the problem "
            "where they are nearest",
            values=[float(smallest["ratio"].min())],
            upper=1,
            remark="There is no threshold: at a fixed time the distance is proportional to η "
            "(see flow-is-the-limit), so that descent and flow part at every step size.",
            kind="exact",
        )
    )
    return found
