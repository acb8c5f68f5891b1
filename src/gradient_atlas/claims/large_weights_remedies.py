"""What the sources say helps against weights that are too large, each alone."""

from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe_run, lost
from gradient_atlas.measures.changes import Group, Member
from gradient_atlas.measures.explosion import (
    move_of_an_update,
    updates,
    weight_norms,
)
from gradient_atlas.measures.plateaus import GUESSES
from gradient_atlas.measures.runs import (
    by_seed,
    diverged,
    divergence_steps,
    final_loss,
    guessing,
    mean,
)

DIVERGED = "1 if loss or gradient became inf or nan, else 0"


def remedies(found: list[Group]) -> list[Claim]:
    """Clipping, He initialisation and weight decay, each alone."""
    return [
        *mitigation(found),
        *clipped_norms(found),
        *clipped_runs(found),
        *decay(found),
    ]


def mitigation(found: list[Group]) -> list[Claim]:
    """Whether clipping at 1 or He initialisation mitigates N(0,10): alive, and able to learn."""
    large = [g for g in found if g.run.activation == "relu" and g.run.get("weight_std") == 10.0]
    depth = min((group.run.depth for group in large), default=0)
    shallow = [group for group in large if group.run.depth == depth]
    members = {
        "clipping": [m for g in shallow for m in g.changed_by("clipping") if m.run.clip_norm == 1],
        "he": [m for g in shallow for m in g.changed_by("initialization")
               if m.run.initialization == "he"],
    }  # fmt: skip
    claims = []
    for name, some in members.items():
        runs = some[0].metrics if some else DataFrame()
        shared: dict[str, Any] = {
            "source": "V section 6",
            "kind": "every",
        }
        mitigates = "clipping at 1 or He initialisation mitigates weights from N(0,10)"
        claims += [
            Claim(
                claim=f"clipping-or-he-mitigates/{name}-alive",
                statement=f"{mitigates}: training stays finite",
                condition=f"{describe_run(runs)}; bound: no seed diverges",
                quantity=DIVERGED,
                values=diverged(runs) if len(runs) else [],
                upper=0.0,
                **shared,
            ),
            Claim(
                claim=f"clipping-or-he-mitigates/{name}-learns",
                statement=f"{mitigates}: the network can learn",
                condition=f"{describe_run(runs)}; bound: mitigated is a final loss below that of "
                "guessing the class, in every seed",
                quantity="training loss after the last update",
                values=final_loss(runs) if len(runs) else [],
                upper=guessing(runs) if len(runs) else 0.0,
                unit="nat",
                remark=_too_small(runs) if name == "clipping" else "",
                **shared,
            ),
        ]
    return claims


def clipped_norms(found: list[Group]) -> list[Claim]:
    """The norm after clipping at each threshold of the config: an identity."""
    clipped = _unique(m for g in found for m in g.members if "clipping" in m.kinds)
    claims = []
    for limit in sorted({float(member.run["clip_norm"]) for member in clipped}):
        rows = [m.metrics for m in clipped if m.run["clip_norm"] == limit]
        norms = [by_seed(one, lambda seed: seed["clipped_gradient_norm"].max()) for one in rows]
        claims.append(
            Claim(
                claim=f"clipping-caps/norm-{limit:g}",
                source="V section 5 (exploding gradients 1)",
                statement="a gradient whose norm passes 1 or 5 is scaled down to the threshold",
                condition="every logged step with a finite gradient of the kinds of run that are "
                f"clipped at {limit:g} ({len(rows)}); bound: the threshold and float32's rounding",
                quantity="largest norm after clipping",
                values=[value for one in norms for value in one if not np.isnan(value)],
                upper=limit * (1 + 1e-5),
                kind="identity",
            )
        )
    return claims


def clipped_runs(found: list[Group]) -> list[Claim]:
    """Whether clipping lets networks learn whose weights or rate are too large for it."""
    shared: dict[str, Any] = {
        "source": "V section 5, 6",
        "statement": "clipping at a common threshold is a solution for exploding gradients",
        "quantity": "training loss after the last update",
        "unit": "nat",
        "kind": "every",
    }
    pairs = [(group, member) for group in found for member in group.changed_by("clipping")]
    return [
        Claim(
            claim=f"clipping-caps/{group.slug}-clipped-{member.run.clip_norm:g}-learns",
            condition=f"{describe_run(member.metrics)}; bound: a solution lets it learn, which is "
            f"at most {GUESSES:.0%} of the loss of guessing the class, in every seed",
            values=final_loss(member.metrics) if len(member.metrics) else [],
            upper=GUESSES * guessing(member.metrics) if len(member.metrics) else 0.0,
            remark=f"Of its seeds {lost(member.metrics)}. " + _clipping_remark(group, member),
            **shared,
        )
        for group, member in pairs
    ]


def decay(found: list[Group]) -> list[Claim]:
    """Whether weight decay tames an explosion, and (an identity) makes weights smaller."""
    shared: dict[str, Any] = {
        "source": "V section 5",
        "statement": "L2 regularisation keeps weights small, which is a solution for exploding "
        "gradients",
    }
    explosion, weights = [], []
    for group in found:
        for member in group.changed_by("decay"):
            if group.untreated:
                explosion.append(
                    Claim(
                        claim=f"weight-decay-keeps-small/{group.slug}-explosion",
                        condition=f"{describe_run(member.metrics)}; bound: no seed diverges",
                        quantity=DIVERGED,
                        values=diverged(member.metrics),
                        upper=0.0,
                        kind="every",
                        remark="Decay takes the share ηλ off the weights in a step; the first "
                        "update has made them larger by many decades before.",
                        **shared,
                    )
                )
            elif group.plain:
                weights.append(
                    Claim(
                        claim=f"weight-decay-keeps-small/{group.slug}-weights",
                        condition=f"{describe_run(member.metrics)}; bound: less than without "
                        "(the optimizer takes ηλ off a weight, half of what λ Σ w² would)",
                        quantity="norm of all weights after training, with over without decay",
                        values=_ratios(member.gradients, group.plain.gradients),
                        upper=1.0,
                        kind="every",
                        **shared,
                    )
                )
    return [*explosion, *weights]


def _unique(members: Any) -> list[Member]:
    """Each run once, though it may stand beside several plain networks."""
    return list({member.parameters: member for member in members}.values())


def _ratios(one: DataFrame, other: DataFrame) -> list[float]:
    """Weight norms of the one over the other's, by seed, in the seeds that both have."""
    seeds = set(one["seed"]) & set(other["seed"])
    above, below = (weight_norms(rows[rows["seed"].isin(seeds)]) for rows in (one, other))
    return [a / b for a, b in zip(above, below, strict=True)]


def _clipping_remark(group: Group, member: Member) -> str:
    stops = divergence_steps(member.metrics)
    if stops and set(stops) == {0}:
        return (
            "Activations overflow at σ √(n/2) a layer in the forward pass; there is no finite "
            "gradient that could be scaled down."
        )
    plain = divergence_steps(group.plain.metrics) if group.plain else []
    unclipped = f" Without clipping {lost(group.plain.metrics)}." if group.plain and plain else ""
    return (_too_small(member.metrics) + unclipped).strip()


def _too_small(runs: DataFrame) -> str:
    """Why a clipped run that starts far out stays there; nothing of one that does not."""
    if runs.empty or runs["initialization"].iloc[0] != "normal":
        return ""
    alive = [loss for loss in final_loss(runs) if np.isfinite(loss)]
    if not alive:
        return ""
    return (
        f"It is alive at a loss of {mean(alive):.2g} nats: an update of norm η times "
        "the threshold moves weights of norm √(L-2) n σ by "
        f"{move_of_an_update(runs):.0e} of it. It stays finite, and has not learnt "
        f"in {updates(runs)} updates."
    )
