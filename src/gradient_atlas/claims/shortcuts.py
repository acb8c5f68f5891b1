"""What the sources say of residual layers: signals pass, and they mitigate."""

from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import beside_plain, factor_of, network_of
from gradient_atlas.measures.changes import Group, Member
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.remedies import change, milder
from gradient_atlas.measures.runs import by_seed


def residual_layers(found: list[Group], theory: DataFrame) -> list[Claim]:
    """Whether gradients get through residual layers, and whether they mitigate."""
    passes: dict[str, Any] = {
        "source": "V section 5.3",
        "statement": "with y = f(x) + x gradients propagate through the identity path",
        "quantity": "log10 error signal norm, first residual layer minus last",
        "lower": -STABLE_DECADES,
        "upper": STABLE_DECADES,
        "unit": "decades",
    }
    mitigates: dict[str, Any] = {
        "source": "V section 8",
        "statement": "residual connections mitigate vanishing and exploding gradients in very deep "
        "networks",
        "quantity": "span of log10 error signal norms over that of the plain network",
        "upper": 1.0,
    }
    claims = []
    for group in found:
        for member in group.changed_by("residual"):
            scale = member.run["residual_scale"]
            slug = f"{group.slug}" + (f"-scaled-{scale:g}" if scale != 1 else "")
            condition = f"{network_of(group, member)}, y = x + {scale:g} φ(Wx), without the "
            condition += "second matrix of He et al. 2016"
            remark = _residual_remark(group, member, theory)
            claims.append(
                Claim(
                    claim=f"residual-identity-path/{slug}-propagates",
                    condition=f"{condition}; bounds: neither lost nor exploded, within two orders "
                    "of magnitude, as F figure 1 says of what does not vanish",
                    values=by_seed(member.start, change),
                    remark=remark,
                    **passes,
                )
            )
            if group.untreated:
                claims.append(
                    Claim(
                        claim=f"residual-identity-path/{slug}-mitigates",
                        condition=f"{condition}; bound: to mitigate is to make the span smaller",
                        values=milder(member, group),
                        remark=remark,
                        **mitigates,
                    )
                )
    return claims


def _residual_remark(group: Group, member: Member, theory: DataFrame) -> str:
    if member.start.empty:
        return ""
    remark = (
        f"{beside_plain(group, member)} {factor_of(member, theory)} The identity passes the signal "
        "on whole and the branch adds to it: of weights independent of the signal ‖∂ℓ/∂a‖² grows "
        "by 1 + s² n σ² E[φ'²] a layer (Yang & Schoenholz 2017)."
    )
    if member.run.activation == "relu":
        remark += (
            " With ReLU they are not: a·∂ℓ/∂a is the same in all layers of a homogeneous network, "
            "and activations, which ReLU gives a mean, shrink towards the input; the signal's part "
            "along them grows by as much, and leads after some ln n layers over ln of the ratio of "
            "both growths a layer, which a small s need not reach (theory/alignment.py)."
        )
    return remark
