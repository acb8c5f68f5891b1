"""What is said of Transformers before training, and of the warm-up that some of them need."""

from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import STABLE, told
from gradient_atlas.measures.blocks import Stack
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.runs import mean
from gradient_atlas.measures.transformers import (
    Trained,
    depth_exponents,
    encoders,
    last_gradients,
    losses_of,
    perceptron_change,
    predicted_exponent,
    queries_over_values,
    trained,
)
from gradient_atlas.runs.names import norm_name

_XIONG = "Xiong et al. 2020"


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """What the sources say of Transformers, and the cited papers of their norms."""
    found = encoders(tables)
    return [
        *(_mitigates(norm, found.get(norm, [])) for norm in ("post", "pre", "none", "deepnorm")),
        *_levels(found),
        *(_queries(tables, norm) for norm in ("post", "pre")),
        *_warmup(tables),
    ]


def _mitigates(norm: str, networks: list[Stack]) -> Claim:
    one = networks[-1] if networks else None
    return Claim(
        claim=f"transformers-mitigate/{norm}",
        source="V section 8",
        statement="transformers mitigate vanishing and exploding gradients in very deep networks",
        condition=f"{norm_name(norm)}, {_described(one)}; bound: {STABLE}",
        quantity="log10 error signal at the first sublayer over that at the last",
        values=_measured(one),
        lower=-STABLE_DECADES,
        upper=STABLE_DECADES,
        unit="decades",
        remark="" if one is None else f"In theory {told(one.predicted_total(), '.2g')} decades.",
    )


def _levels(found: dict[str, list[Stack]]) -> list[Claim]:
    post, pre = found.get("post", []), found.get("pre", [])
    exponent: dict[str, Any] = {
        "quantity": "power of the number of layers with which the error signal at the last layer's "
        "second matrix goes, by least squares; the matrix's input has one size at any depth",
        "source": f"{_XIONG}, theorem 1",
    }
    both = bool(post and pre)
    return [
        Claim(
            claim="norm-place-sets-level/post-independent",
            statement="the gradient of the last layer of a post-LN Transformer has a size that "
            "does not depend on the number of layers",
            condition=f"{_depths(post)}; bounds: nearer to 0 than to the -1/2 of pre-LN",
            values=depth_exponents(post),
            lower=-0.25,
            upper=0.25,
            remark=_exponent_in_theory(post),
            **exponent,
        ),
        Claim(
            claim="norm-place-sets-level/pre-root",
            statement="that of a pre-LN Transformer shrinks as the inverse root of the number of "
            "layers",
            condition=f"{_depths(pre)}; bounds: nearer to -1/2 than to 0 or -1",
            values=depth_exponents(pre),
            lower=-0.75,
            upper=-0.25,
            remark=f"{_exponent_in_theory(pre)} The stream begins with the embedding, beside which "
            "the first layers' part is not yet the larger."
            if pre
            else "",
            **exponent,
        ),
        Claim(
            claim="norm-place-sets-level/near-the-output",
            source=f"{_XIONG}, abstract",
            statement="for post-LN the expected gradients of the parameters near the output layer "
            "are large",
            condition=f"{_depths(post[-1:])}; bound: larger than with pre-LN, which the paper "
            "calls well-behaved",
            quantity="log10 weight gradient of the last layer's second matrix, post-LN minus "
            "pre-LN",
            values=[
                a - b
                for a, b in zip(last_gradients(post[-1]), last_gradients(pre[-1]), strict=False)
            ]
            if both
            else [],
            lower=0.0,
            unit="decades",
        ),
        Claim(
            claim="norm-place-sets-level/grows-with-the-layer",
            source=f"{_XIONG}, section 3.3",
            statement="the scale of the gradients of a post-LN Transformer grows with the layer",
            condition=f"{_depths(post[-1:])}; bound: any growth",
            quantity="log10 weight gradient of the second matrix, last layer minus first",
            values=[-value for value in perceptron_change(post[-1])] if post else [],
            lower=0.0,
            unit="decades",
            remark="A LayerNorm divides the signal by what the branch has added, and the branch "
            "adds as much to the signal: with the matrices that a perceptron of 4·width units has "
            "after Xavier both factors are equal, and in theory no layer stands out."
            if post
            else "",
        ),
    ]


def _queries(tables: dict[str, DataFrame], norm: str) -> Claim:
    networks = encoders(tables, "xavier").get(norm, [])
    one = networks[-1] if networks else None
    return Claim(
        claim=f"queries-vanish/{norm}",
        source="Noci et al. 2022, abstract",
        statement="as the tokens' representations become alike with depth, the gradients of the "
        "queries and keys vanish at initialisation",
        condition=f"{norm_name(norm)}, {_described(one)}, queries after Xavier; bound: they "
        f"vanish, by more than {STABLE_DECADES:g} orders of magnitude",
        quantity="log10 weight gradient of the last layer's queries over that of its values",
        values=queries_over_values(tables, norm),
        upper=-STABLE_DECADES,
        unit="decades",
    )


def _warmup(tables: dict[str, DataFrame]) -> list[Claim]:
    runs = trained(tables)
    post, post_warmed = losses_of(runs, "post", False), losses_of(runs, "post", True)
    pre = losses_of(runs, "pre", False)
    return [
        Claim(
            claim="transformer-warm-up/post-needs-it",
            source=f"{_XIONG}, abstract",
            statement="a large learning rate on those gradients makes training unstable; the "
            "warm-up stage is helpful for avoiding this",
            condition=f"post-LN, {_trained(runs)}; bound: the loss is larger without warm-up",
            quantity="training loss without warm-up minus with it, seed by seed",
            values=[a - b for a, b in zip(post, post_warmed, strict=False)],
            lower=0.0,
            unit="nat",
        ),
        Claim(
            claim="transformer-warm-up/pre-does-without",
            source=f"{_XIONG}, abstract",
            statement="pre-LN Transformers without the warm-up stage reach results comparable with "
            "the baselines",
            condition=f"{_trained(runs)}; bound: no larger a loss than post-LN with warm-up",
            quantity="training loss of pre-LN without warm-up minus post-LN with it, seed by seed",
            values=[a - b for a, b in zip(pre, post_warmed, strict=False)],
            upper=0.0,
            unit="nat",
            remark=f"Post-LN with warm-up ends at {told(mean(post_warmed), '.3g')} nat, pre-LN "
            f"without at {told(mean(pre), '.3g')}."
            if pre and post_warmed
            else "",
        ),
    ]


def _measured(one: Stack | None) -> list[float]:
    return [] if one is None or one.rows.empty else one.total()


def _described(one: Stack | None) -> str:
    if one is None or one.rows.empty:
        return "no such network in the config's sweep"
    return f"{_size(one)}, {one.rows['dataset'].iloc[0]}, before training"


def _size(one: Stack) -> str:
    return f"{one.depth} layers of width {one.options['width']}"


def _depths(networks: list[Stack]) -> str:
    if not networks:
        return "no such network in the config's sweep"
    depths = ", ".join(str(one.depth) for one in networks)
    return f"{depths} layers of width {networks[-1].options['width']}, queries that start at 0"


def _exponent_in_theory(networks: list[Stack]) -> str:
    return f"In theory {told(predicted_exponent(networks), '.2f')}." if networks else ""


def _trained(runs: list[Trained]) -> str:
    if not runs:
        return "no such run in the config"
    first = runs[0]
    steps = int(first.metrics["step"].max())
    rate = first.metrics["learning_rate"].iloc[0]
    return (
        f"{first.layers} layers of width {first.width}, {first.optimizer}, η = {rate:g}, after "
        f"{steps} updates"
    )
