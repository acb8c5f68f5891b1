"""How first weights and learning rates of a perceptron's layers go with its width, under SGD.

``standard`` keeps one learning rate for all, and weights whose variance goes as 1/n_in.
``maximal_update`` is that of Yang et al. (2022), table 3, in units of a base width at which both
are the same: relative to the standard one

    layer             weights' standard deviation    learning rate
    first             1                              n_out / base n_out
    hidden            1                              1
    last              (base n_in / n_in)^(1/2)       base n_in / n_in
    biases            (start at 0)                   n_out / base n_out, the last layer's 1
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gradient_atlas.errors import InputError

NAMES = ("standard", "maximal_update")


class LayerScale(NamedTuple):
    """Factors of a layer's first weights, of its weights' learning rate and of its biases'."""

    weights: float
    weight_rate: float
    bias_rate: float


def layer_scales(name: str, sizes: Sequence[int], base_sizes: Sequence[int]) -> list[LayerScale]:
    """The factors of each layer, nearest the input first.

    ``sizes`` are the units from the inputs to the outputs, ``base_sizes`` those of the network of
    the base width. Raises ``InputError`` for an unknown name, or sizes of different depth.
    """
    if name not in NAMES:
        raise InputError(f"parametrization: {name!r} is none of {', '.join(NAMES)}")
    if len(sizes) != len(base_sizes):
        raise InputError(f"parametrization: {list(sizes)} and {list(base_sizes)} differ in depth")
    layers = len(sizes) - 1
    if name == "standard":
        return [LayerScale(1.0, 1.0, 1.0)] * layers
    scales = []
    pairs = zip(pairwise(sizes), pairwise(base_sizes), strict=True)
    for layer, ((n_in, n_out), (base_in, base_out)) in enumerate(pairs):
        wider, narrower = n_out / base_out, base_in / n_in
        weights = narrower**0.5 if layer == layers - 1 else 1.0
        # The inputs and outputs keep their number: of a first layer ``narrower`` is 1, of a last
        # one ``wider``; of a single layer both are.
        rate = wider * narrower if layer in (0, layers - 1) else 1.0
        scales.append(LayerScale(weights, rate, wider))
    return scales
