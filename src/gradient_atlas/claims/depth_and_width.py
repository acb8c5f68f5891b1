"""Ten decades, gradients below 1e-10, the forward variance of He weights, and large inputs."""

from functools import partial
from math import nan
from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe, told
from gradient_atlas.measures.depths import (
    NOTHING,
    all_depths,
    layers_in_theory,
    of_shared_seeds,
    ratio_in_theory,
    scales,
)
from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    WEIGHT,
    at_initialization,
    deepest,
    depth_to_fall,
    factors,
    forward_ratio,
    input_over_output,
    layers_to_fall,
    select,
)
from gradient_atlas.measures.runs import by_seed, mean, where

PRINTED_LAYERS = (10, 15)  # F example 1 and figure 1

_Z: dict[str, Any] = {
    "source": "V section 6",
    "statement": "if inputs to sigmoid are large (|z| ≫ 0), σ'(z) ≈ 0, so gradients in early "
    "layers become tiny after multiplying through 10 layers",
    "upper": -STABLE_DECADES,
    "unit": "decades",
}
_BOUND = (
    f"a loss of more than {STABLE_DECADES:g} decades over all layers, for 'within 1-2 orders' is "
    "what F figure 1 calls stable"
)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """What the sources say about depth, width and inputs at initialisation."""
    return [
        *(claim for name in ("xavier", "standard") for claim in _depths(tables, name)),
        *(_forward(tables, width) for width in ("narrowest", "widest")),
        *_inputs(tables["inputs"], tables["depths"]),
    ]


def _depths(tables: dict[str, DataFrame], name: str) -> list[Claim]:
    all_rows, theory = all_depths(tables)
    rows = select(all_rows, "sigmoid", name)
    deep = deepest(rows)
    least, most = PRINTED_LAYERS
    remark = (
        f"The factor per layer is √(n Var(W) E[σ'²]) (Schoenholz et al. 2017); with {name} weights "
        f"ten decades take {told(layers_in_theory(theory, deep), '.1f')} layers."
        if len(deep)
        else ""
    )
    tried = ", ".join(str(depth) for depth in sorted(set(rows.depth)))
    return [
        Claim(
            claim=f"sigmoid-ten-decades/{name}",
            source="F figure 1",
            statement="the sigmoid curve drops about 10 orders of magnitude by layer 10 to 15",
            condition=describe(deep, "the range that the sentence prints"),
            quantity="layers from the output until ‖∂L/∂W‖ has fallen by 10 decades",
            values=by_seed(deep, lambda one: layers_to_fall(one, WEIGHT, -NOTHING)),
            lower=least,
            upper=most,
            unit="layers",
            remark=remark,
        ),
        Claim(
            claim=f"early-layers-below-1e-10/{name}",
            source="F example 1",
            statement="early layers receive gradients < 1e-10 after about 10 to 15 layers",
            condition=describe(deep, "the larger of the two depths that the sentence prints")
            + f"; depths in the config: {tried}",
            quantity="least depth at which ‖∂L/∂W‖ of layer 1 is 1e-10, interpolated",
            values=by_seed(of_shared_seeds(rows), lambda one: depth_to_fall(one, WEIGHT, NOTHING)),
            upper=most,
            unit="layers",
            remark=remark,
        ),
    ]


def _forward(tables: dict[str, DataFrame], which: str) -> Claim:
    rows = select(at_initialization(tables["widths"]), "relu", "he")
    width = rows.width.min() if which == "narrowest" else rows.width.max()
    rows = deepest(rows[rows.width == width])
    return Claim(
        claim=f"he-forward-variance/{which}",
        source="F example 3",
        statement="He initialisation keeps the forward variance about 1 per layer",
        condition=describe(
            rows, "a ratio that rounds to 1.0 (0.95 to 1.05): the sentence prints no digit more"
        ),
        quantity="typical network: geometric mean over hidden layers of the ratio of a layer's "
        "activation second moment to that of the layer before",
        values=by_seed(rows, forward_ratio),
        lower=0.95,
        upper=1.05,
        remark="The mean over networks of the second moment is kept at any width; that of its "
        "logarithm falls by 5/(2n) per layer (Hanin & Nica 2020), a ratio of "
        f"{told(ratio_in_theory(tables, rows))} here.",
    )


def _inputs(inputs: DataFrame, series: DataFrame) -> list[Claim]:
    found = scales(inputs)
    small, large = (found[0], found[-1]) if len(found) > 1 else ((1.0, None), (1.0, None))
    rows = large[1] if large[1] is not None else inputs.iloc[:0]
    grown = partial(input_over_output, column=ERROR)
    gained = []
    if small[1] is not None and large[1] is not None:
        seeds = sorted(set(small[1].seed) & set(large[1].seed))
        gained = [
            grown(large[1][large[1].seed == seed]) - grown(small[1][small[1].seed == seed])
            for seed in seeds
        ]
    return [
        Claim(
            claim="large-inputs-explode/inputs",
            source="V section 2 (causes; example)",
            statement="a large input can produce massive z, leading to exponentially growing "
            "gradients",
            condition=describe(
                rows,
                "a decade over all layers, the least that 'orders of magnitude' can mean, gained "
                f"by inputs times {large[0]:g} over inputs times {small[0]:g}",
            ),
            quantity="log10 of the error signal at layer 1 over layer L, with the largest inputs "
            "minus with the smallest, seed by seed",
            values=gained,
            lower=1.0,
            unit="decades",
            kind="some",
            remark="It could not be otherwise: ReLU is homogeneous, and inputs times s give z and "
            "activations times s in every layer and the same derivatives. The factor per layer, "
            f"{told(mean(factors(rows)))} for all, is the weights' alone; the largest weight "
            f"gradient gains {told(mean(_gained(small, large, WEIGHT)), '.2g')} decades, which is "
            "massive z at any depth and no growth with it.",
        ),
        _saturated_by_inputs(inputs, series),
        _saturated_by_weights(inputs),
        _saturated_by_biases(inputs),
    ]


def _gained(small: Any, large: Any, column: str) -> list[float]:
    """By how many decades a norm's largest layer grows with the inputs, seed by seed."""
    if small[1] is None or large[1] is None:
        return []
    low, high = (rows.groupby("seed")[column].max() for rows in (small[1], large[1]))
    return list(np.log10(high / low).dropna())


def _saturated_by_inputs(inputs: DataFrame, series: DataFrame) -> Claim:
    """Large inputs against the same network with the inputs as they are."""
    rows = where(at_initialization(inputs), activation="sigmoid")
    rows = deepest(rows[rows.input_scale > 1])
    scale = float(rows.input_scale.iloc[0]) if len(rows) else 1.0
    same = ["activation", "initialization", "depth", "width", "dataset"]
    plain = series.iloc[:0]
    if len(rows):
        plain = where(at_initialization(series), **rows.iloc[0][same].to_dict())
    lost = [
        input_over_output(rows[rows.seed == seed], ERROR)
        - input_over_output(plain[plain.seed == seed], ERROR)
        for seed in sorted(set(rows.seed) & set(plain.seed))
    ]
    return Claim(
        claim="large-z-vanishes/inputs",
        condition=f"{describe(rows, _BOUND)}, more than without large inputs (times {scale:g})",
        quantity="log10 of the error signal's norm at layer 1 over layer L, minus that with the "
        "inputs as they are, seed by seed",
        values=lost,
        remark="Only the first layer sees the inputs: sigmoids lie in (0, 1), and every later z is "
        "as large as without them. What makes the gradient tiny in either case is the factor "
        f"{told(mean(factors(rows)), '.3g')} per layer.",
        **_Z,
    )


def _saturated_by_weights(inputs: DataFrame) -> Claim:
    """Every layer's z is large where the weights are."""
    rows = where(at_initialization(inputs), activation="sigmoid")
    rows = deepest(rows[(rows.input_scale == 1) & (rows.weight_std > 1)])
    slope = rows[rows.layer == 1].mean_activation_derivative.mean() if len(rows) else nan
    return Claim(
        claim="large-z-vanishes/weights",
        condition=describe(rows, _BOUND),
        quantity="log10 of the error signal's norm at layer 1 over layer L",
        values=by_seed(rows, partial(input_over_output, column=ERROR)),
        remark=f"The mean of σ' in the first layer is {told(slope, '.2g')}, and the factor per "
        f"layer {told(mean(factors(rows)), '.3g')}: σ' is small for most units, but weights that "
        "large multiply what the few others let through, √(n Var(W) E[σ'²]).",
        **_Z,
    )


def _saturated_by_biases(inputs: DataFrame) -> Claim:
    """Biases that put nearly every unit of every layer where σ' is small: the sentence's case."""
    rows = where(at_initialization(inputs), activation="sigmoid")
    rows = deepest(rows[rows.bias_std > 0])
    slope = rows[rows.layer < rows.depth].mean_activation_derivative.mean() if len(rows) else nan
    return Claim(
        claim="large-z-vanishes/biases",
        condition=describe(rows, _BOUND)
        + (f"; biases from N(0, {rows.bias_std.iloc[0]:g}²)" if len(rows) else ""),
        quantity="log10 of the error signal's norm at layer 1 over layer L",
        values=by_seed(rows, partial(input_over_output, column=ERROR)),
        remark=f"The mean of σ' is {told(slope, '.2g')} and the factor per layer "
        f"{told(mean(factors(rows)), '.3g')}.",
        **_Z,
    )
