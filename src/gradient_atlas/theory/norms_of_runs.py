"""Predicted norms of the networks that training runs start from, as rows of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pandas as pd

from gradient_atlas.datasets.load import Data
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.theory.conditions import CONDITIONS
from gradient_atlas.theory.finite_width import drift_per_layer
from gradient_atlas.theory.mean_field import (
    finite_fixed_point,
    slope_per_layer,
    spectral_norm,
    weight_variance,
)
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.theory.prediction import Network, first_variance, predict


def predict_runs(runs: Iterable[Run], data: Mapping[str, Data]) -> pd.DataFrame:
    """Return a row for each layer of each different network among the runs.

    Args:
        runs: of any number of data sets, seeds and optimisers.
        data: by name the data sets of the runs, in float64.

    Raises:
        InputError: an activation or initialisation does not exist.
    """
    conditions = {tuple(asdict(run)[key] for key in CONDITIONS): run for run in runs}
    # Columns, not rows: of ten thousand networks a dictionary a layer would fill a gigabyte.
    columns: dict[str, list[Any]] = {name: [] for name in _PREDICTIONS}
    layers = []
    for run in conditions.values():
        predictions = _layers(run, data[run.dataset])
        layers.append(len(predictions))
        for prediction in predictions:
            for name, value in prediction.items():
                columns[name].append(value)
    networks = pd.DataFrame(list(conditions), columns=list(CONDITIONS))
    repeated = networks.loc[networks.index.repeat(layers)].reset_index(drop=True)
    frame = pd.concat([repeated, pd.DataFrame(columns)], axis=1)
    return frame.astype({"weight_std": "float64", "residual": "bool"})


_PREDICTIONS = (
    "layer",
    "predicted_log10_error_signal_norm",
    "predicted_log10_weight_gradient_norm",
    "predicted_log10_activation_rms",
    "gain",
    "predicted_weight_spectral_norm",
    "asymptotic_slope",
    "finite_width_drift",
)


def network_of(run: Run) -> Network:
    """What the prediction needs to know of a run."""
    return Network(
        from_torch(get_activation(run.activation)),
        run.initialization,
        run.depth,
        run.width,
        run.weight_std,
        run.normalization,
        run.normalization_position,
        run.residual,
        run.residual_scale,
        run.bias_std,
    )


def _layers(run: Run, data: Data) -> list[dict[str, Any]]:
    network = network_of(run)
    activation = network.activation
    probe = slice(min(run.probe_examples, run.training_examples or run.probe_examples))
    inputs = run.input_scale * data.train_inputs[probe].numpy()
    predicted = predict(network, inputs, data.train_labels[probe].numpy(), data.classes)
    slope = drift = None
    if run.normalization == "none" and not run.residual:
        variance = weight_variance(run.initialization, run.width, run.width, run.weight_std)
        sigma_w2, sigma_b2 = run.width * variance, run.bias_std**2
        start = first_variance(network, inputs)
        slope = slope_per_layer(activation, sigma_w2, start, sigma_b2)
        q = finite_fixed_point(activation, sigma_w2, start, sigma_b2)
        drift = drift_per_layer(activation, q, run.width)
    sizes = [inputs.shape[1], *[run.width] * (run.depth - 1), data.classes]
    edges = [
        spectral_norm(run.initialization, n_in, n_out, run.weight_std)
        for n_in, n_out in pairwise(sizes)
    ]
    return [
        dict(zip(_PREDICTIONS, (layer, *norms, slope, drift), strict=True))
        for layer, norms in enumerate(
            zip(
                predicted.log10_error_signal_norm,
                predicted.log10_weight_gradient_norm,
                predicted.log10_activation_rms,
                predicted.gain,
                edges,
                strict=True,
            ),
            start=1,
        )
    ]
