"""What the sources say of batch normalisation, shortcuts and the answer of ten layers.

The claims of the figure ``remedies``; every number comes from its tables.
"""

from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.batch_norm import batch_norm
from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.shortcuts import residual_layers
from gradient_atlas.claims.words import size_of, weights_of
from gradient_atlas.measures.changes import Group, groups
from gradient_atlas.measures.layers import (
    STABLE_DECADES,
    at_initialization,
)
from gradient_atlas.measures.plateaus import GUESSES
from gradient_atlas.measures.remedies import (
    at_the_end,
    change,
)
from gradient_atlas.measures.runs import by_seed, final_loss, guessing, mean


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether normalisation stabilises, what shortcuts let through, and section 6's answers."""
    found = groups(tables | {"start": at_initialization(tables["start"])})
    depth = max((group.run.depth for group in found), default=0)
    deep = [group for group in found if group.run.depth == depth]
    theory = tables["theory"]
    return [
        *batch_norm(deep, theory),
        *residual_layers(deep, theory),
        *largely_solved(deep),
        *answers_of_ten_layers(found),
    ]


def largely_solved(found: list[Group]) -> list[Claim]:
    """Whether a signal is lost in ReLU networks with He's weights."""
    plain = [g.plain for g in found if _is(g.run, "relu", "he") and g.plain]
    rows = plain[0].start if plain else DataFrame()
    shared: dict[str, Any] = {
        "source": "F example 3",
        "statement": "with ReLU, vanishing is largely solved",
        "lower": -STABLE_DECADES,
        "unit": "decades",
    }
    trained, how = at_the_end(plain[0].gradients) if plain else DataFrame(), ""
    if len(trained):
        metrics = plain[0].metrics
        seeds, bound = sorted(metrics["seed"].unique()), GUESSES * guessing(metrics)
        losses = zip(seeds, final_loss(metrics), strict=True)
        learnt = [seed for seed, loss in losses if loss < bound]
        trained = trained[trained["seed"].isin(learnt)]
        how = (
            f" of those {len(learnt)} of {len(seeds)} seeds that learnt (at most {GUESSES:.0%} of "
            "the loss of guessing)"
        )
    return [
        Claim(
            claim=f"vanishing-largely-solved/{when}",
            condition=f"relu, {size_of(rows)}, He weights, {when}{said}; bound: at most two "
            "orders of magnitude are lost, as F figure 1 says of what does not vanish",
            quantity="log10 error signal norm, layer 2 minus layer L-1",
            values=by_seed(table, change) if len(table) else [],
            **shared,
        )
        for when, table, said in (
            ("at-initialisation", rows, ""),
            ("after-training", trained, how),
        )
    ]


def answers_of_ten_layers(found: list[Group]) -> list[Claim]:
    """V section 6: ten layers of sigmoid lose the signal; ReLU or batch normalisation keeps it."""
    ten = [group for group in found if group.run.depth == 10]
    sigmoid = [group for group in ten if group.run.activation == "sigmoid" and group.untreated]
    cases: dict[str, list[DataFrame]] = {
        "relu": [g.plain.start for g in ten if _is(g.run, "relu", "he") and g.plain],
        "batch-norm": [
            member.start
            for group in sigmoid
            for member in group.changed_by("normalization")
            if member.run.normalization == "batch_norm"
        ],
    }
    plain = [g.plain.start for g in sigmoid if g.plain and len(g.plain.start)]
    claims = []
    for name, some in cases.items():
        rows = some[0] if some else DataFrame()
        lost = f"Plain sigmoid loses {-mean_change(plain[0]):.1f} decades." if plain else ""
        claims.append(
            Claim(
                claim=f"section-6-answer/{name}",
                source="V section 6 (example)",
                statement="in an MLP of 10 layers, switch to ReLU or use batch normalisation, so "
                "that gradients in early layers do not become tiny",
                condition=f"{_of(rows)}; bound: not tiny is at most two orders of magnitude lost, "
                "as F figure 1 says of what does not vanish",
                quantity="log10 error signal norm, layer 2 minus layer L-1",
                values=by_seed(rows, change) if len(rows) else [],
                lower=-STABLE_DECADES,
                unit="decades",
                remark=lost,
            )
        )
    return claims


def _is(run: Any, activation: str, initialization: str) -> bool:
    return bool(run.activation == activation and run.initialization == initialization)


def mean_change(rows: DataFrame) -> float:
    return mean(by_seed(rows, change))


def _of(rows: DataFrame) -> str:
    if rows.empty:
        return "not in the config"
    return f"{rows.activation.iloc[0]}, {size_of(rows)}, {weights_of(rows)}, before training"
