"""First order to the flow and second to the modified flow, for every problem."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.flows import EXPECTED, order_rows, orders
from gradient_atlas.runs.names import problem_name

# What an order may miss: the terms beyond the first are not 0 at the rates that are run.
MARGINS = {"first": 0.05, "second": 0.1}
SENTENCES = {
    "first": ("F section 4", "as η → 0 descent follows the flow at t = kη"),
    "second": (
        "Barrett and Dherin 2021",
        "descent follows the flow of L + η/4 ‖∇L‖² one order better than the flow",
    ),
}
NAMES = {"first": "flow-is-the-limit/{}", "second": "flow-is-the-limit/{}-modified"}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Fitted orders in η against the expected ones."""
    order = tables["order"]
    found = []
    for problem in order["problem"].unique():
        rows = order_rows(order, "first", problem)
        rates = f"{rows['learning_rate'].min():.3g} to {rows['learning_rate'].max():.3g}"
        worst = rows["solver_error"].max() / rows["distance"].min()
        for method, expected in EXPECTED.items():
            margin, (source, statement) = MARGINS[method], SENTENCES[method]
            found.append(
                Claim(
                    claim=NAMES[method].format(problem),
                    source=source,
                    statement=statement,
                    condition=f"{problem_name(problem)}, t = {rows['time'].iloc[0]:g}, η from "
                    f"{rates}; bounds: the order {expected} of the method, ± {margin:g} for the "
                    "terms beyond it",
                    quantity="fitted order of the distance in η",
                    values=orders(order, problem, method),
                    lower=expected - margin,
                    upper=expected + margin,
                    remark=f"The solver's own error is at most {worst:.1e} of the distance to the "
                    "flow."
                    if method == "first"
                    else "",
                    kind="mean" if rows["loss_function"].iloc[0] == "network" else "exact",
                )
            )
    return found
