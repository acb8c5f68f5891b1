"""What the sources say about rates: a high one overshoots, a smaller one makes no large updates."""

import math
from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe_run, lost, rate_of, smallest_to_largest
from gradient_atlas.measures.changes import Group, Member
from gradient_atlas.measures.explosion import largest_updates, overshoots
from gradient_atlas.measures.runs import final_loss

CHAOS = (
    " Which seed does so depends on the last digits of the arithmetic; that some or all do, not."
)


def smaller_rates(found: list[Group]) -> list[Claim]:
    """Whether the smallest rate of each network makes no large updates."""
    shared: dict[str, Any] = {
        "source": "V section 5",
        "statement": "η = 0.001 instead of 0.1 prevents large updates",
        "quantity": "log10 of the largest change of a layer's weights by one logged update, over "
        "their norm",
        "upper": 0.0,
        "kind": "every",
        "unit": "decades",
    }
    claims = []
    for group in found:
        slower = group.changed_by("rate")
        if not slower:
            continue
        slow = min(slower, key=lambda member: float(member.run["learning_rate"]))
        faster = _faster(group, slow)
        large = [
            member
            for member in faster
            if min(largest_updates(member.gradients), default=-math.inf) >= 0
        ]
        claims.append(
            Claim(
                claim=f"small-rate-is-stable/{group.slug}",
                condition=f"{describe_run(slow.metrics)}, the smallest rate of this network, every "
                f"layer; {_to_prevent(large)}; bound: a large update, one that overshoots, changes "
                "weights by as much as they are",
                values=largest_updates(slow.gradients) if large else [],
                remark=_beside(faster, slow),
                **shared,
            )
        )
    return claims


def high_rates(found: list[Group]) -> list[Claim]:
    """Whether the largest rate of a network with prescribed weights overshoots."""
    shared: dict[str, Any] = {
        "source": "V section 2, 4",
        "statement": "a high learning rate can make weights overshoot, so that the loss oscillates "
        "or diverges",
        "quantity": "1 if the loss at a logged step lies above the one at the start or is not "
        "finite, else 0",
        "lower": 1.0,
        "kind": "some",
    }
    treated = [g for g in found if not g.untreated and g.plain and g.changed_by("rate")]
    return [
        Claim(
            claim=f"high-rate-overshoots/{group.slug}",
            condition=f"{describe_run(group.plain.metrics)}, the largest rate of this network; "
            "bound: it did so (descent whose steps do not overshoot lowers the loss)",
            values=overshoots(group.plain.metrics),
            remark=_high_rate_remark(group.plain.metrics),
            **shared,
        )
        for group in treated
        if group.plain
    ]


def _faster(group: Group, slow: Member) -> list[Member]:
    """The other rates of the same network, the smallest first."""
    others = [m for m in (group.plain, *group.changed_by("rate")) if m and m is not slow]
    others = [member for member in others if len(member.metrics)]
    return sorted(others, key=lambda member: float(member.run["learning_rate"]))


def _to_prevent(large: list[Member]) -> str:
    """Where there is no large update, a small rate has none to prevent."""
    if not large:
        return "no larger rate makes a large update in every seed, so that there is none to prevent"
    rates = ", ".join(rate_of(member.metrics) for member in large)
    return f"large updates in every seed without it: {rates}"


def _beside(faster: list[Member], slow: Member) -> str:
    """What the other rates do."""
    said = []
    for member in faster:
        largest = smallest_to_largest(largest_updates(member.gradients))
        ends = smallest_to_largest(final_loss(member.metrics))
        said.append(
            f"With {rate_of(member.metrics)} it is {largest}, the loss ends at {ends} nats and "
            f"{lost(member.metrics)}."
        )
    ends = smallest_to_largest(final_loss(slow.metrics))
    return " ".join([f"The loss ends at {ends} nats.", *said]) + (CHAOS if said else "")


def _high_rate_remark(runs: DataFrame) -> str:
    return (
        f"{lost(runs).capitalize()}; the loss ends at {smallest_to_largest(final_loss(runs))} nats."
        + CHAOS
    )
