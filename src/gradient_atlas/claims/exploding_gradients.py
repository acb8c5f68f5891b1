"""What the sources say about weights that are too large: saturation, overflow, loss."""

import math
from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.large_weights_remedies import remedies
from gradient_atlas.claims.rates import high_rates, smaller_rates
from gradient_atlas.claims.words import listed, per_layer, rate_of, size_of, weights_of
from gradient_atlas.measures.changes import Group, Member, groups
from gradient_atlas.measures.explosion import largest_gradients, largest_losses
from gradient_atlas.measures.layers import at_initialization, factors
from gradient_atlas.measures.runs import (
    by_seed,
    diverged,
    divergence_steps,
    final_loss,
    guessing,
    mean,
    where,
)

V, F = "V section", "F example 2"
LARGEST_DERIVATIVE = {"sigmoid": 0.25, "tanh": 1.0}
CHAOS = (
    " Chaotic: a change of the inputs in the last digit changes a seed's factor in the second, so "
    "that only the distribution over seeds is a number."
)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Saturation, overflow, ten layers of too large weights, and what is said to help."""
    start = at_initialization(tables["start"])
    found = groups(tables | {"start": start})
    return [
        *saturation(start),
        *gradients_before_training(start),
        *overflow(found),
        *growth(start),
        *spike(found),
        *remedies(found),
        *smaller_rates(found),
        *high_rates(found),
    ]


def deepest(rows: DataFrame, **parameters: object) -> DataFrame:
    """The rows of such networks at the greatest depth that the table has them at."""
    same = where(rows, **parameters)
    return same[same["depth"] == same["depth"].max()]


def saturation(start: DataFrame) -> list[Claim]:
    """How many units saturate, and how small the mean derivative gets."""
    found = []
    for name, largest in LARGEST_DERIVATIVE.items():
        rows = deepest(start, activation=name, initialization="normal", weight_std=1.0)
        shared: dict[str, Any] = {
            "source": F,
            "statement": "with weights of norm above 1 the forward activations explode and "
            "saturate, which gives a tiny derivative",
        }
        where_ = f"{name}, {size_of(rows)}, N(0,1) weights, at initialisation; "
        found += [
            Claim(
                claim=f"large-init-saturates/{name}-units",
                condition=where_ + "bound: most, more than half, of the units (a unit is saturated "
                "where its derivative is below a tenth of the largest)",
                quantity="share of saturated units, mean of the hidden layers",
                values=by_seed(rows, lambda seed: seed["saturated_fraction"].mean()),
                lower=0.5,
                **shared,
            ),
            Claim(
                claim=f"large-init-saturates/{name}-derivative",
                condition=where_ + "bound: tiny is a tenth of the largest derivative or less, "
                "which is how a saturated unit is defined here",
                quantity="mean derivative over the largest, mean of the hidden layers",
                values=[
                    value / largest
                    for value in by_seed(
                        rows, lambda seed: seed["mean_activation_derivative"].mean()
                    )
                ],
                upper=0.1,
                remark="E[φ'] of a wide network falls as 1/√q only, √q being the size of z; the "
                "units near 0 carry the error signal, which changes "
                f"{per_layer(rows)}.",
                **shared,
            ),
        ]
    return found


def gradients_before_training(start: DataFrame) -> list[Claim]:
    """How large gradients are before training, in the deepest networks of N(0, 1) weights."""
    found = []
    for name in ("relu", "tanh", "sigmoid"):
        rows = deepest(start, activation=name, initialization="normal", weight_std=1.0)
        found.append(
            Claim(
                claim=f"float32-overflow/{name}-gradients",
                source=F,
                statement="gradients become huge (1e6 to 1e20)",
                condition=f"{name}, {size_of(rows)}, N(0,1) weights, at initialisation, float64; "
                "bounds: the sentence's",
                quantity="log10 of the largest weight gradient norm among the layers",
                values=largest_gradients(rows),
                lower=6.0,
                upper=20.0,
                unit="decades",
                remark=f"The error signal changes {per_layer(rows)}: √χ with χ = n σ² E[φ'²] "
                "(Schoenholz et al. 2017, eq. 9), which at one "
                "width is √(n/2) for ReLU and less the more a unit saturates. The printed range "
                "is that of one activation and depth, not of N(0,1) weights."
                + (CHAOS if name == "tanh" and len(rows) else ""),
            )
        )
    return found


def overflow(found: list[Group]) -> list[Claim]:
    """Whether training stops being finite, in each plain deep network of large weights."""
    plain = large_and_deep(found)
    shared: dict[str, Any] = {
        "source": F,
        "statement": "NaN or Inf in float32, and training diverges",
        "quantity": "1 if loss or gradient became inf or nan, else 0",
        "lower": 1.0,
        "kind": "every",
    }
    return [
        Claim(
            claim=f"float32-overflow/{group.slug}-diverges",
            condition=f"{group.run.activation}, {size_of(member.metrics)}, "
            f"{weights_of(member.run.to_frame().T)}, {group.run.precision}, "
            f"{rate_of(member.metrics)}; bound: every seed",
            values=diverged(member.metrics),
            remark=_overflow_remark(member),
            **shared,
        )
        for group, member in plain
    ]


def large_and_deep(found: list[Group]) -> list[tuple[Group, Member]]:
    """The plain networks at the greatest depth whose weights no method prescribes."""
    depth = max((group.run["depth"] for group in found), default=0)
    deep = [group for group in found if group.untreated and group.run["depth"] == depth]
    return [(group, group.plain) for group in deep if group.plain and group.plain.trained]


def _overflow_remark(member: Member) -> str:
    """Where a run overflows, or why it does not."""
    if member.metrics.empty:
        return ""
    if steps := divergence_steps(member.metrics):
        where_ = "in the forward pass, before any update" if set(steps) == {0} else "while training"
        return f"Not finite at step {listed(steps)}: {where_}."
    return (
        "float32 reaches to 3.4e38: a gradient of 1e6 to 1e20 fits, only its norm reads inf, when "
        "it squares first in float32. A bounded activation keeps the forward pass finite; the "
        "first update makes weights so large that every derivative rounds to 0. The network is "
        f"dead, not divergent: its loss ends at {mean(final_loss(member.metrics)):.3g} nats."
    )


def growth(start: DataFrame) -> list[Claim]:
    """Whether gradients grow with weights of standard deviation 10, in the shallowest networks."""
    found = []
    for name in ("relu", "sigmoid"):
        same = where(start, activation=name, initialization="normal", weight_std=10.0)
        rows = same[same["depth"] == same["depth"].min()]
        found.append(
            Claim(
                claim=f"bad-init-explodes-relu/{name}-growth",
                source=f"{V} 6 (example), section 2",
                statement="with weights from N(0,10) gradients grow exponentially",
                condition=f"{name}, {size_of(rows)}, standard deviation 10 (the source writes "
                "Xavier with the standard deviation too; a variance of 10 would divide the factor "
                "of ReLU by √10); bound: a factor above 1",
                quantity="factor of the error signal's norm per layer towards the input",
                values=factors(rows),
                lower=1.0,
            )
        )
    return found


def spike(found: list[Group]) -> list[Claim]:
    """Whether the loss of a plain shallow network with standard deviation 10 spikes."""
    same = [
        group.plain
        for group in found
        if group.run.activation == "relu" and group.run.get("weight_std") == 10.0 and group.plain
    ]
    trained = [member for member in same if len(member.metrics)]
    shallow = min(trained, key=lambda member: int(member.run["depth"]), default=None)
    runs = shallow.metrics if shallow else DataFrame()
    bound = 10 * guessing(runs)
    return [
        Claim(
            claim="bad-init-explodes-relu/loss",
            source=f"{V} 6 (example)",
            statement="with weights from N(0,10) the loss spikes",
            condition=f"relu, {size_of(runs)}, standard deviation 10, {rate_of(runs)}; bound: a "
            "spike is ten times the loss of guessing the class",
            quantity="largest finite training loss",
            values=largest_losses(runs) if len(runs) else [],
            lower=0.0 if math.isnan(bound) else bound,
            unit="nat",
            kind="every",
            remark=_spike_remark(runs),
        )
    ]


def _spike_remark(runs: DataFrame) -> str:
    if runs.empty:
        return ""
    first = runs[runs["step"] == 0]
    steps = listed(divergence_steps(runs))
    ends = f"at step {steps} it is no longer finite." if steps else "it stays finite."
    return f"The loss begins there ({mean(list(first.train_loss)):.2g}); {ends}"
