"""Whether descent's path parts from the flow's when the step is large."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import told
from gradient_atlas.measures.flows import VISIBLE, in_solver_errors, separations
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
                condition=f"{name}, η = {large['learning_rate'].iloc[0]:g}, "
                f"the largest that was run; part: by {VISIBLE:g} of the way that the flow goes, "
                "which a figure shows",
                quantity="largest distance of descent to the flow at t = kη over the flow's way",
                values=large["share"].tolist(),
                lower=VISIBLE,
                remark=(f"It is {at_others}. " if at_others else "")
                + f"At the path's end the largest rate's is {at_the_end}.{rest}.",
                kind="mean" if large["loss_function"].iloc[0] == "network" else "exact",
            )
        )
    return claimed
