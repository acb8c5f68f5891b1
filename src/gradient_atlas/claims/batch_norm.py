"""What the sources say of batch normalisation: gradients, activations, moments."""

from collections.abc import Iterable
from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import (
    LAYERS,
    STABLE,
    beside_plain,
    factor_of,
    network_of,
    place_of,
)
from gradient_atlas.measures.changes import Group, Member
from gradient_atlas.measures.explosion import updates
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.remedies import at_the_end, largest_over_training, span
from gradient_atlas.measures.runs import by_seed, mean


def batch_norm(found: list[Group], theory: DataFrame) -> list[Claim]:
    """Whether gradients and activations stay within bounds, before and during training."""
    pairs = [
        (group, member)
        for group in found
        for member in group.changed_by("normalization")
        if member.run.normalization == "batch_norm"
    ]
    stable: dict[str, Any] = {
        "source": "V section 5.2",
        "statement": "batch normalisation stabilises gradient magnitudes",
        "upper": STABLE_DECADES,
        "unit": "decades",
    }
    claims = []
    for group, member in pairs:
        slug = f"{group.slug}{place_of(member)}"
        claims += [
            Claim(
                claim=f"batch-norm-stabilises/{slug}-initialization",
                condition=f"{network_of(group, member)}; bound: {STABLE}",
                quantity=f"largest minus smallest log10 error signal norm {LAYERS}",
                values=by_seed(member.start, span),
                remark=_batch_norm_remark(group, member, theory),
                **stable,
            ),
            Claim(
                claim=f"batch-norm-stabilises/{slug}-training",
                condition=f"{network_of(group, member)}, {updates(member.metrics)} updates; "
                f"bound: {STABLE}",
                quantity=f"largest minus smallest log10 error signal norm {LAYERS}, the largest "
                "of all logged steps",
                values=by_seed(member.gradients, lambda seed: largest_over_training(span, seed)),
                remark=_end_of_training(member),
                **stable,
            ),
        ]
    return [*claims, *normalized(pairs)]


def normalized(pairs: Iterable[tuple[Group, Member]]) -> list[Claim]:
    """What holds for any batch-normalised network: bounded activations, variance one."""
    claims = []
    for group, member in pairs:
        after = member.run.normalization_position == "after_activation"
        claims.append(
            Claim(
                claim=f"batch-norm-stabilises/{group.slug}{place_of(member)}-activations",
                source="V section 5 (exploding gradients 4)",
                statement="batch normalisation stabilises activations",
                condition=f"{network_of(group, member)}; bound: as for gradients, two orders of "
                "magnitude",
                quantity=f"largest minus smallest log10 rms activation {LAYERS}",
                values=by_seed(member.start, lambda seed: span(seed, "activation_rms")),
                upper=STABLE_DECADES,
                unit="decades",
                kind="identity",
            )
        )
        if after:
            claims.append(
                Claim(
                    claim=f"batch-norm-normalises/{group.slug}",
                    source="V section 5.2",
                    statement="batch normalisation gives layer inputs zero mean and unit variance",
                    condition=f"{network_of(group, member)}: what a layer hands on is what was "
                    "normalised; bound: an rms of 1, less the share that the ε below the root "
                    "takes of a small variance",
                    quantity=f"largest rms activation {LAYERS} and examples of the probe batch",
                    values=by_seed(member.start, lambda s: s["activation_rms"].iloc[1:-1].max()),
                    lower=0.9,
                    upper=1 + 1e-6,
                    kind="identity",
                )
            )
    return claims


def _batch_norm_remark(group: Group, member: Member, theory: DataFrame) -> str:
    if member.start.empty:
        return ""
    remark = f"{beside_plain(group, member)} {factor_of(member, theory)}"
    if member.run.activation == "relu" and not place_of(member):
        remark += (
            " ReLU and weights multiply ‖δ‖² by σ_w²/2, and normalisation before the activation "
            "divides it by the variance of z within the batch, σ_w² (1/2 - 1/2π), which leaves out "
            "the mean. In a large batch of examples equally far apart that makes √(π/(π-1)) a "
            "layer, whatever the weights' size (Yang et al. 2019, section 4)."
        )
    return remark


def _end_of_training(member: Member) -> str:
    last = at_the_end(member.gradients)
    return f"At the end it is {mean(by_seed(last, span)):.2g} decades." if len(last) else ""
