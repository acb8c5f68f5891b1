"""What is said of residual networks before training: identity paths, explosion, remedies."""

from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import STABLE, told
from gradient_atlas.measures.blocks import Stack, branch_exponent, deepest, residual_networks
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.runs import mean

_TOTAL: dict[str, Any] = {
    "quantity": "log10 error signal behind the first block over that behind the last",
    "unit": "decades",
}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """What the sources and the cited papers say of skip connections and of what scales them."""
    of = {kind: deepest(many) for kind, many in residual_networks(tables).items()}
    plain, scaled = of.get(("none", "plain")), of.get(("none", "inverse_sqrt"))
    normalized, fixup = of.get(("batch_norm", "plain")), of.get(("none", "fixup"))
    return [
        *(
            Claim(
                claim=f"residual-identity-path/convolutional-{name}",
                source="V section 5.3",
                statement="residual connections allow gradients to flow directly through layers",
                condition=f"{_described(one)}; bound: they do not vanish, {STABLE}",
                values=_total(one),
                lower=-STABLE_DECADES,
                remark=_in_theory(one),
                **_TOTAL,
            )
            for name, one in (("plain", plain), ("batch-norm", normalized))
        ),
        Claim(
            claim="residual-explodes/plain",
            source="Zhang, Dauphin & Ma 2019, section 2",
            statement="with standard initialisation and without normalisation the variance doubles "
            "with each block, and the gradient explodes exponentially with depth",
            condition=f"{_described(plain)}; bounds: a factor that rounds to 2",
            quantity="factor of ‖∂ℓ/∂x‖² a block towards the input, geometric mean",
            values=[] if plain is None else _factors(plain),
            lower=1.5,
            upper=2.5,
            remark=_in_theory(plain),
        ),
        Claim(
            claim="residual-explodes/inverse-sqrt",
            source="Zhang, Dauphin & Ma 2019, section 2; (1 + 1/L)^L < e",
            statement="branches scaled by the inverse root of their number keep the variance "
            "bounded at any depth",
            condition=f"{_described(scaled)}; bound: {STABLE}",
            values=_total(scaled),
            lower=-STABLE_DECADES,
            upper=STABLE_DECADES,
            remark=_in_theory(scaled),
            **_TOTAL,
        ),
        Claim(
            claim="residual-explodes/fixup",
            source="Zhang, Dauphin & Ma 2019, abstract",
            statement="Fixup solves the exploding and vanishing gradient problem at the beginning "
            "of training",
            condition=f"{_described(fixup)}, after the first update that reaches the blocks; "
            f"bounds: {STABLE}",
            values=_total(fixup),
            lower=-STABLE_DECADES,
            upper=STABLE_DECADES,
            remark="Its branches end in zeros, so that each block is the identity and passes the "
            "signal on whole; before the first update its head is 0 too, and no signal comes.",
            **_TOTAL,
        ),
        Claim(
            claim="residual-batch-norm/square-root",
            source="De & Smith 2020, abstract",
            statement="batch normalisation downscales the residual branch relative to the skip "
            "connection by a factor on the order of the square root of the depth",
            condition=f"{_described(normalized)}; bounds: an exponent nearer to 1/2 than to 0 (no "
            "downscaling) or 1 (by the depth itself)",
            quantity="p of a branch that shrinks as (blocks before it)^-p, from what the error "
            "signal gains in the last three octaves of blocks",
            values=[]
            if normalized is None
            else [branch_exponent(list(row)) for _, row in normalized.gains().iterrows()],
            lower=0.25,
            upper=0.75,
            remark=_exponent_in_theory(normalized),
        ),
    ]


def _total(one: Stack | None) -> list[float]:
    return [] if one is None or one.rows.empty else one.total()


def _factors(one: Stack) -> list[float]:
    """By seed the factor of the square per block."""
    return [10 ** (2 * gained / (one.depth - 1)) for gained in _total(one)] if one.depth > 1 else []


def _described(one: Stack | None) -> str:
    if one is None:
        return "no such network in the config's sweep"
    return (
        f"{one.depth} blocks of two 3 x 3 convolutions with {one.options['channels']} channels, "
        f"{one.rows['dataset'].iloc[0] if len(one.rows) else 'no signal'}, before training"
    )


def _in_theory(one: Stack | None) -> str:
    if one is None or one.rows.empty:
        return ""
    return (
        f"The signal gains {told(mean(one.total()), '.3g')} decades, in theory "
        f"{told(one.predicted_total(), '.3g')} (theory/shortcuts.py)."
    )


def _exponent_in_theory(one: Stack | None) -> str:
    if one is None:
        return ""
    known = one.predicted("predicted_log10_error_signal_gain")
    return (
        "Normalised branches have a variance of their own and the stream gathers them, so that the "
        f"l-th adds a share of about 1/l. {_in_theory(one)} The same fit to theory gives an "
        f"exponent of {told(branch_exponent(known), '.2f')}: at this depth the stem still counts."
    )
