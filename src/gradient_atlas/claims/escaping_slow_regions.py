"""Whether descent leaves a slow region in less time t = kη than the flow."""

from pandas import DataFrame, Series

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.flows import least_ratios, ratios
from gradient_atlas.runs.names import problem_name

# Why, by the place where the start is.
REASONS = {
    "saddle": "beside a saddle, where the flow is slowest, never: along a direction of curvature "
    "-|λ| both only multiply, descent by 1 + η|λ| per step, the flow by exp(η|λ|), which is more",
    "above_saddle": "only by overshooting: with w, d the sum and difference of θ_1, θ_2 over √2, "
    "and r = 1 - θ_1 θ_2, descent is w ← (1 + ηr) w, d ← (1 - ηr) d: at 1 < ηr < 2 d changes sign, "
    "r stays large, and w goes on growing at the rate of the steep slope, while the flow has come "
    "down to the saddle, where r = 1",
    "valley": "clearly only above 2/λ_max of the start, where descent jumps over the valley's "
    "floor from wall to wall and lands farther along it",
}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The sentence, which one place suffices to show, and what is derived beside a saddle."""
    found = ratios(tables["escape"], tables["predicted"])
    least = least_ratios(found)
    said = [_said(row) for _, row in least.iterrows()]
    known = least["ratio"].dropna()
    where = "; ".join(
        f"{problem_name(row.problem)}: {row.arrive} rates that arrive, of {row.rates}"
        for row in least.itertuples()
    )
    beside = found[(found["place"] == "saddle") & found["ratio"].notna()]
    return [
        Claim(
            claim="descent-escapes-slow-regions",
            source="F section 4",
            statement="GD can escape regions that gradient flow would traverse slowly",
            condition=f"{where or 'none was run'}; 'can': at one rate at least, of one region at "
            "least, in less t = kη than the flow",
            quantity="descent's time over the flow's, the least over rates and regions",
            values=[float(known.min())] if len(known) else [],
            upper=1,
            remark=" ".join([*_headline(found), *said]),
            kind="exact",
        ),
        Claim(
            claim="escape-beside-a-saddle",
            source="linear stability of descent and flow",
            statement="along a direction of curvature -1 descent takes η/ln(1 + η) times as long "
            "as the flow",
            condition="starts beside the saddle of (1 - θ_1 θ_2)²/2, "
            + (
                f"{len(beside)} rates from {beside['learning_rate'].min():g} to "
                f"{beside['learning_rate'].max():g}"
                if len(beside)
                else "none was run"
            )
            + "; bound: a step each way of all that are made, since descent arrives at whole steps",
            quantity="steps by which descent's arrival misses the derived one, the most over rates",
            values=[float(_missed_steps(beside).max())] if len(beside) else [],
            upper=1.0,
            remark="The modified loss of Barrett and Dherin 2021 has curvature λ(1 + ηλ/2) there. "
            "What makes escapes faster is overshooting, not the step's size as such.",
            kind="exact",
        ),
    ]


def _headline(found: DataFrame) -> list[str]:
    """Where descent is never faster and where it is; nothing unless both are the case."""
    saddle = found["place"] == "saddle"
    beside, elsewhere = found["ratio"][saddle].dropna(), found["ratio"][~saddle].dropna()
    if beside.empty or not (beside >= 1).all() or not (elsewhere < 1).any():
        return []
    return ["At the saddle never, elsewhere by overshooting."]


def _missed_steps(beside: DataFrame) -> Series:
    derived = beside["flow_time"] * beside["slowdown"]
    return (beside["time"] - derived).abs() / beside["learning_rate"]


def _said(row: Series) -> str:
    name = problem_name(row["problem"])
    if not row["arrive"]:
        return f"{name}: descent arrives at no rate."
    reason = REASONS.get(row["place"], "")
    return (
        f"{name}: least {row['ratio']:.3g} at η = {row['learning_rate']:.3g}, faster at "
        f"{100 * row['faster']:.0f}% of the {row['arrive']} rates that arrive, slowest "
        f"{row['worst']:.3g} times the flow's time" + (f" ({reason})." if reason else ".")
    )
