"""Whether descent's path parts from the flow's when the step is large."""

from math import log10

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import told
from gradient_atlas.measures.flows import beyond_proportion, in_solver_errors, separations
from gradient_atlas.runs.names import problem_name


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """One claim a problem, at its largest rate."""
    found, smallest = separations(tables["flow"]), in_solver_errors(tables["order"])
    claimed = []
    for problem, rows in found.groupby("problem", sort=False):
        large, others = rows[rows["size"] == "largest"], rows[rows["size"] != "largest"]
        fine = smallest[smallest["problem"] == problem]
        name = problem_name(str(problem))
        at_the_end = told(large["at_the_end"].mean(), ".2g")
        rest = " For small η the distance at a fixed time is proportional to η (see "
        rest += "flow-is-the-limit); at these rates it may grow faster"
        if fine["ratio"].notna().any():
            rest += (
                f", and at the smallest rate of that measurement, η = "
                f"{fine['learning_rate'].min():.3g}, still {fine['ratio'].min():.2g} times the "
                "solver's own error"
            )
        at_others = "; ".join(
            f"{told(part['share'].mean(), '.2g')} at η = {rate:g}"
            for rate, part in others.groupby("learning_rate")
        )
        claimed.append(
            Claim(
                claim=f"flow-and-descent-part/{problem}",
                source="F section 4",
                statement="trajectories diverge when the discrete step size is large",
                condition=f"{name}, η = {large['learning_rate'].iloc[0]:g}, the largest that was "
                f"run, beside η = {rows['learning_rate'].min():g}, the smallest; bound: a small "
                "step's distance is proportional to η, so that only more than in proportion is "
                "owed to a large step",
                quantity="log10 of: largest distance of descent to the flow at t = kη, over η, "
                "at the largest rate over the same at the smallest",
                values=[log10(ratio) for ratio in beyond_proportion(rows)],
                lower=0.0,
                unit="decades",
                remark="The distance is "
                + (f"{at_others}; " if at_others else "")
                + f"{told(large['share'].mean(), '.2g')} of the way that the flow goes at the "
                f"largest rate, {at_the_end} at the path's end.{rest}.",
                kind="mean" if large["loss_function"].iloc[0] == "network" else "exact",
            )
        )
    return claimed
