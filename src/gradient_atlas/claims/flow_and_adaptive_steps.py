"""Heavy ball and Adam come to their continuous limits with the order that each limit has."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.limits import EXPECTED, orders
from gradient_atlas.runs.names import name_of

# What an order may miss: the terms beyond the first are not 0 at the rates that are run, and any
# other order that a method could have is at least a half away.
MARGIN = 0.1
SENTENCES = {
    ("rescaled_flow", "distance"): (
        "limit-of-heavy-ball/fixed-momentum",
        "Kovachki & Stuart 2021",
        "at a fixed β heavy ball follows the gradient flow, time rescaled by 1/(1 - β), with an "
        "error of first order in η",
    ),
    ("rescaled_flow", "modified_distance"): (
        "limit-of-heavy-ball/modified",
        "Ghosh et al. 2023",
        "heavy ball follows the flow of L + h/4 (1 + β)/(1 - β) ‖∇L‖², h = η/(1 - β), one order "
        "better than the flow",
    ),
    ("inertial_flow", "distance"): (
        "limit-of-heavy-ball/inertial",
        "Polyak 1964",
        "with β = 1 - γ √η heavy ball follows θ'' + γ θ' + ∇L = 0 at t = k √η, a step of first "
        "order in √η",
    ),
    ("sign_flow", "distance"): (
        "limit-of-adam/fixed-momenta",
        "Ma, Wu & E 2022; Cattaneo et al. 2024",
        "at fixed β₁ and β₂ Adam follows θ' = -∇L/(|∇L| + ε), with an error of first order in η",
    ),
    ("adaptive_flow", "distance"): (
        "limit-of-adam/fixed-memory",
        "da Silva & Gazeau 2020",
        "with β = 1 - η/τ Adam is a forward Euler discretisation, of first order in η, of a system "
        "of differential equations",
    ),
}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Fitted orders in η against those of the limits."""
    return [_order(tables["limits"], *key) for key in SENTENCES]


def _order(limits: DataFrame, name: str, column: str) -> Claim:
    claim, source, statement = SENTENCES[name, column]
    expected, own = EXPECTED[name, column], limits[limits["limit"] == name]
    condition, remark = "no such limit in the config", ""
    if len(own):
        first, fine = own.iloc[0], own[own["fine"]]
        widths = ", ".join(map(str, first["hidden_widths"])) or "none"
        low, high = fine["learning_rate"].min(), fine["learning_rate"].max()
        condition = (
            f"tanh network, hidden widths {widths}, squared loss, {first['examples']} examples of "
            f"{name_of(first['dataset'])}, to t = {own['time'].max():g}, η from {low:.3g} to "
            f"{high:.3g}; bounds: the order {expected:g}, ± {MARGIN:g} for the terms beyond it"
        )
        last = fine.loc[fine["step"] == fine["steps"], column]
        worst = fine["solver_error"].max() / last.min()
        remark = f"The solver's own error is at most {worst:.1e} of the distance."
    return Claim(
        claim=claim,
        source=source,
        statement=statement,
        condition=condition,
        quantity="fitted order in η of the distance at the end",
        values=orders(limits, name, column),
        lower=expected - MARGIN,
        upper=expected + MARGIN,
        remark=remark,
    )
