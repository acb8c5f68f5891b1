"""How far descent and its flow part, with which order in η, and who leaves a slow region first."""

import numpy as np
from pandas import DataFrame, Series

METHODS = {
    "first": ("descent", "flow"),
    "second": ("descent", "modified_flow"),
    "fourth": ("runge_kutta_4", "flow"),
}
# The order in η that is expected of each distance; see dynamics.flow.
EXPECTED = {"first": 1, "second": 2}
# A distance below ten times the solver's own error says nothing of descent.
RESOLVED = 10
# Columns of ``separations`` and of ``least_ratios``.
SEPARATION = [
    "problem", "seed", "loss_function", "learning_rate", "distance", "share", "at_the_end", "size",
]  # fmt: skip
LEAST = ["problem", "place", "learning_rate", "ratio", "worst", "faster", "arrive", "rates"]


def extremes(paths: DataFrame) -> list[DataFrame]:
    """Descent of one problem and seed at its largest and smallest rate; once if they are one."""
    descents = paths[paths["method"] == "descent"]
    rates = dict.fromkeys((descents["learning_rate"].max(), descents["learning_rate"].min()))
    return [descents[descents["learning_rate"] == rate] for rate in rates]


def separations(flow: DataFrame) -> DataFrame:
    """One row a problem, seed and rate, in the config's order (table ``dynamics/flow``).

    ``distance``, the largest to the flow; ``share``, that over the way that the flow goes;
    ``at_the_end``, the share at the path's end; ``size``, ``largest`` or ``smaller`` for the
    problem's largest rate and the others. nan where a run diverged (its distance has no end).
    """
    rows = []
    for (problem, seed), paths in flow.groupby(["problem", "seed"], sort=False):
        way = paths.loc[paths["method"] == "flow", "displacement"].iloc[-1]
        descents = paths[paths["method"] == "descent"]
        for rate, path in descents.groupby("learning_rate"):
            lost = path["status"].iloc[-1] == "diverged"
            apart = np.inf if lost else path["distance_to_flow"].max()
            rows.append(
                {
                    "problem": problem,
                    "seed": seed,
                    "loss_function": paths["loss_function"].iloc[0],
                    "learning_rate": rate,
                    "distance": apart,
                    "share": apart / way,
                    "at_the_end": (np.inf if lost else path["distance_to_flow"].iloc[-1]) / way,
                    "size": "largest" if rate == descents["learning_rate"].max() else "smaller",
                }
            )
    return DataFrame(rows, columns=SEPARATION)


def beyond_proportion(rows: DataFrame) -> list[float]:
    """By seed, distance over η at the largest rate over that at the smallest; [] of one rate alone.

    1 where the distance is proportional to η, nan where the smallest diverged. ``rows`` are those
    of one problem in ``separations``.
    """
    found = []
    for _, seed in rows.sort_values("learning_rate").groupby("seed"):
        speed = (seed["distance"] / seed["learning_rate"]).to_numpy()
        if len(speed) > 1:
            known = 0 < speed[0] < np.inf and speed[-1] > 0
            found.append(float(speed[-1] / speed[0]) if known else np.nan)
    return found


def in_solver_errors(order: DataFrame) -> DataFrame:
    """Per problem and seed, ``ratio``: distance to the flow at the smallest rate in units of the
    solver's error."""
    rows = order_rows(order, "first")
    least = rows.groupby(["problem", "seed"])["learning_rate"].transform("min")
    rows = rows[rows["learning_rate"] == least]
    return rows.assign(ratio=rows["distance"] / rows["solver_error"])


def order_rows(order: DataFrame, method: str, problem: str | None = None) -> DataFrame:
    """Rows of one of ``METHODS``, of all problems or of one."""
    kind, reference = METHODS[method]
    rows = order[(order["method"] == kind) & (order["reference"] == reference)]
    return rows if problem is None else rows[rows["problem"] == problem]


def _resolved(rows: DataFrame) -> Series:
    return (rows["status"] == "ok") & (rows["distance"] > RESOLVED * rows["solver_error"])


def orders(order: DataFrame, problem: str, method: str) -> list[float]:
    """Fitted order by seed; nan where a run diverged or the solver's error is not far below."""
    fitted = []
    for _, rows in order_rows(order, method, problem).groupby("seed"):
        fitted.append(
            float(np.polyfit(np.log(rows["learning_rate"]), np.log(rows["distance"]), 1)[0])
            if _resolved(rows).all() and len(rows) > 1
            else np.nan
        )
    return fitted


def mean_distances(order: DataFrame, problem: str, method: str) -> DataFrame:
    """The mean over seeds of every distance that is resolved, by rate."""
    rows = order_rows(order, method, problem)
    return rows[_resolved(rows)].groupby("learning_rate", as_index=False)["distance"].mean()


def ratios(escape: DataFrame, predicted: DataFrame) -> DataFrame:
    """Each rate of each escape with what theory says of it.

    ``ratio``: descent's time over the flow's, nan where descent does not arrive or does not stay.
    ``place`` and what is derived for it come from the table ``theory/escapes``, in whose order the
    rates stand.
    """
    keys = ["problem", "learning_rate"]
    predicted = predicted.sort_values(keys, ignore_index=True).drop(columns=keys)
    sorted_rows = escape.sort_values(keys, ignore_index=True)
    arrives = (sorted_rows["status"] == "ok") & np.isfinite(sorted_rows["time"])
    ratio = (sorted_rows["time"] / sorted_rows["flow_time"]).where(arrives)
    return sorted_rows.assign(ratio=ratio).join(predicted)


def least_ratios(found: DataFrame) -> DataFrame:
    """One row an escape, in order of ``problem``: of the rates that arrive the ``learning_rate``
    with the least ``ratio``, the ``worst`` ratio, the share that is ``faster`` than the flow, how
    many ``arrive`` of ``rates``, and the ``place``. nan where descent arrives at no rate."""
    rows = []
    for problem, escape in found.groupby("problem", sort=False):
        arrived = escape[escape["ratio"].notna()]
        best = arrived.loc[arrived["ratio"].idxmin()] if len(arrived) else None
        rows.append(
            {
                "problem": problem,
                "place": escape["place"].iloc[0],
                "learning_rate": np.nan if best is None else best["learning_rate"],
                "ratio": np.nan if best is None else best["ratio"],
                "worst": arrived["ratio"].max(),
                "faster": float((arrived["ratio"] < 1).mean()) if len(arrived) else np.nan,
                "arrive": len(arrived),
                "rates": len(escape),
            }
        )
    return DataFrame(rows, columns=LEAST)
