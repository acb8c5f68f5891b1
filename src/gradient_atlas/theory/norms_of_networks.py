"""Predicted norms of the named networks that training runs start from, as rows of a table.

A network of a user's own has no theory here, and no row: nothing of another one stands in for it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradient_atlas.datasets.load import Data, as_images
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.blocks import positions
from gradient_atlas.runs.network import NetworkRun, deepnorm, whole_options
from gradient_atlas.theory.conditions import NETWORK_CONDITIONS
from gradient_atlas.theory.mean_field import weight_variance
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.theory.shortcuts import block_factors, convolution_gains, stream_gains
from gradient_atlas.theory.transformer import Encoder, predict_encoder

GAIN = "predicted_log10_error_signal_gain"
ERROR = "predicted_log10_error_signal_norm"
WEIGHT = "predicted_log10_weight_gradient_norm"
LAST_MATRICES = ("attention.output", "contract")  # of a Transformer layer's two branches
Row = dict[str, Any]


def predict_networks(
    runs: Iterable[NetworkRun], data: Mapping[str, tuple[Data, Sequence[int]]]
) -> pd.DataFrame:
    """Return a row for each module, of each different network, that theory speaks of.

    Args:
        runs: of any number of data sets.
        data: by name the data sets of the runs, in float64, and the shapes of their images.
    """
    rows = []
    for run in {condition(run): run for run in runs}.values():
        loaded, shape = data[run.dataset]
        probe = slice(min(run.probe_examples, run.training_examples or run.probe_examples))
        images = as_images(loaded.train_inputs[probe], shape).numpy()
        known = dict(zip(NETWORK_CONDITIONS, condition(run), strict=True))
        for row in _predicted(run, images, loaded.train_labels[probe].numpy(), loaded.classes):
            rows.append(known | {GAIN: np.nan, ERROR: np.nan, WEIGHT: np.nan} | row)
    return pd.DataFrame(rows, columns=[*NETWORK_CONDITIONS, "module", GAIN, ERROR, WEIGHT])


def condition(run: NetworkRun) -> tuple[Any, ...]:
    """What theory asks of a run, options as one text, as the tables of training have them."""
    options = json.dumps(run.architecture_options or {}, sort_keys=True)
    return (run.dataset, run.architecture, options, run.probe_examples)


def _predicted(
    run: NetworkRun, images: np.ndarray, labels: np.ndarray, classes: int
) -> Iterator[Row]:
    options = whole_options(run.architecture, run.architecture_options or {})
    if run.architecture == "conv":
        yield from _convolutions(options, images)
    elif options.get("activation") != "relu":  # which the theory of the other two is about
        return
    elif run.architecture == "resnet":
        yield from _blocks(options, images)
    elif run.architecture == "transformer":
        yield from _sublayers(options, images, labels, classes)


def _convolutions(options: Row, images: np.ndarray) -> Iterator[Row]:
    channels, places = options["channels"], options["kernel"] ** 2
    sizes = [images.shape[1], channels]
    if options["initialization"] == "delta_orthogonal":
        first, weights = min(1.0, sizes[0] / channels), 1.0
    else:
        rule, std = options["initialization"], options["weight_std"]
        first, weights = (
            n * places * weight_variance(rule, n * places, channels, std) for n in sizes
        )
    activation = from_torch(get_activation(options["activation"]))
    gains = convolution_gains(activation, weights, first * np.mean(images**2), options["depth"])
    for place, gain in enumerate(gains):
        yield {"module": str(2 * place), GAIN: gain}  # an activation stands after each


def _blocks(options: Row, images: np.ndarray) -> Iterator[Row]:
    # He's stem: twice the variance about each channel's mean, since every pixel has its turn.
    stem = 2 * float(np.mean(np.var(images, axis=(0, 2, 3))))
    factors = block_factors(options["blocks"], options["normalization"], options["branch"], stem)
    for block, gain in enumerate(stream_gains(factors), start=1):
        yield {"module": f"{block}.last", GAIN: gain}


def _sublayers(options: Row, images: np.ndarray, labels: np.ndarray, classes: int) -> Iterator[Row]:
    examples, channels, rows, columns = images.shape
    tokens = images.transpose(0, 2, 1, 3).reshape(examples, rows, channels * columns)
    layers, width, norm = options["layers"], options["width"], options["norm"]
    alpha, beta = deepnorm(layers) if norm == "deepnorm" else (1.0, 1.0)
    found = predict_encoder(
        Encoder(layers, width, norm, alpha, beta),
        tokens,
        positions(rows, width).numpy(),
        labels,
        classes,
    )
    # Before the blocks stand the rows, their embedding and their places.
    names = [f"{3 + layer}.{last}" for layer in range(layers) for last in LAST_MATRICES]
    for name, error, weight in zip(names, found.error_signal, found.weight_gradient, strict=True):
        yield {"module": name, GAIN: error - found.error_signal[-1], ERROR: error, WEIGHT: weight}
