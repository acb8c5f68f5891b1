"""Tables as training would write them, with norms and losses that a test chooses."""

import math

import numpy as np
import pandas as pd

from gradient_atlas.measures.plateaus import initialization_of
from gradient_atlas.theory.conditions import CONDITIONS

COMMON = {
    "dataset": "mnist_5k",
    "bias_std": 0.0,
    "input_scale": 1.0,
    "normalization": "none",
    "normalization_position": "before_activation",
    "residual": False,
    "residual_scale": 1.0,
    "width": 128,
    "probe_examples": 256,
    "precision": "float64",
}
SEEDS = (0, 1, 2, 3, 4)
QUARTER = float(np.log10(0.25))
DEPTH, EPOCHS = 20, 8
STEPS = [0, 1, 2, *(10 * epoch for epoch in range(1, EPOCHS + 1))]
PARAMETERS = {
    "dataset": "made_up",
    "depth": DEPTH,
    "width": 8,
    "batch_size": 4,
    "probe_examples": 16,
    "weight_std": None,
    "learning_rate": 0.1,
    "optimizer": "sgd",
    "precision": "float64",
    "classes": 10,
    "training_rows": 100,
}


def network(
    activation,
    initialization,
    slope,
    *,
    weight_slope=None,
    depth=50,
    level=0.0,
    seeds=SEEDS,
    **more,
):
    """Rows of a network whose norms change by exactly ``slope`` decades per layer to the input."""
    weight_std = more.pop("weight_std", 1.0) if initialization == "normal" else None
    weight_slope = slope if weight_slope is None else weight_slope
    layer = np.tile(np.arange(1, depth + 1), len(seeds))
    back = depth - layer
    return pd.DataFrame(
        COMMON
        | {
            "variant": f"{activation}_{initialization}",
            "activation": activation,
            "initialization": initialization,
            "weight_std": weight_std,
            "mean_activation_derivative": 0.1,
            "depth": depth,
            "step": 0,
            "seed": np.repeat(seeds, depth),
            "layer": layer,
            "error_signal_norm": 10.0 ** (slope * back),
            "weight_gradient_norm": 10.0 ** (level + weight_slope * back),
            "weight_spectral_norm": 2.0,
            "activation_rms": 10.0 ** (more.pop("rms_slope", 0.0) * layer),
        }
        | more
    )


def theory_for(rows):
    theory = rows[rows.seed == rows.seed.min()]
    return theory[[*CONDITIONS, "layer"]].assign(
        predicted_log10_error_signal_norm=np.log10(theory.error_signal_norm),
        predicted_log10_weight_gradient_norm=np.log10(theory.weight_gradient_norm),
        predicted_log10_activation_rms=np.log10(theory.activation_rms),
        gain=(theory.error_signal_norm / theory.error_signal_norm.shift(-1)).where(
            theory.layer < theory.depth
        ),
        predicted_weight_spectral_norm=2.0,
        asymptotic_slope=0.0,
        finite_width_drift=-0.01,
    )


def depth_tables(sigmoid=QUARTER, relu=0.0, tanh=-0.5, large=0.4, seeds=SEEDS):
    rows = pd.concat(
        [
            network("sigmoid", "xavier", sigmoid, seeds=seeds),
            network("sigmoid", "standard", sigmoid, seeds=seeds),
            network("tanh", "xavier", tanh, seeds=seeds),
            network("tanh", "standard", tanh, seeds=seeds),
            network("relu", "he", relu, seeds=seeds),
            *(network(name, "normal", large, seeds=seeds) for name in ("tanh", "relu", "sigmoid")),
        ],
        ignore_index=True,
    )
    return {"gradients": rows, "inputs": large_inputs(seeds=seeds), "theory": theory_for(rows)}


def large_inputs(gain=0.0, sigmoid=-0.5, seeds=SEEDS):
    """ReLU networks whose factor grows by ``gain`` decades per layer where inputs are larger."""
    parts = [
        network("relu", "normal", 0.9, depth=10, seeds=seeds),
        network("relu", "normal", 0.9 + gain, depth=10, seeds=seeds, input_scale=10.0),
        network("sigmoid", "standard", sigmoid, depth=10, seeds=seeds, input_scale=10.0),
        network("sigmoid", "normal", sigmoid, depth=10, seeds=seeds, weight_std=10.0),
        network("sigmoid", "standard", sigmoid, depth=10, seeds=seeds, bias_std=50.0),
        network("tanh", "normal", 0.41, seeds=seeds, input_scale=1 + 1e-15),
    ]
    return pd.concat(parts, ignore_index=True)


def map_tables(sigmoid=0.0, tanh=0.0, he=0.0, other=-0.2, gelu=0.0, small=-0.5, seeds=SEEDS):
    rows = pd.concat(
        [
            network("sigmoid", "xavier", sigmoid, seeds=seeds),
            network("tanh", "xavier", tanh, seeds=seeds),
            network("relu", "he", he, seeds=seeds),
            network("relu", "xavier", other, seeds=seeds),
            network("relu", "standard", other, seeds=seeds),
            *(network(name, "he", gelu, seeds=seeds) for name in ("leaky_relu", "gelu", "silu")),
            *(
                network(name, "normal", small, seeds=seeds, weight_std=0.01)
                for name in ("sigmoid", "tanh")
            ),
        ],
        ignore_index=True,
    )
    return {"gradients": rows, "theory": theory_for(rows)}


def deep_tables(slope=-1.0, rms_slope=0.0, gain=0.0, saturated=-0.5, seeds=SEEDS):
    kinds = ("xavier", "standard")
    deep = pd.concat([network("sigmoid", kind, slope, seeds=seeds) for kind in kinds])
    series = pd.concat(
        [
            network("sigmoid", kind, slope, depth=depth, seeds=seeds)
            for kind in kinds
            for depth in (10, 15, 20)
        ]
    )
    widths = pd.concat(
        [
            network("relu", "he", 0.0, rms_slope=rms_slope, seeds=seeds, width=width)
            for width in (32, 64)
        ]
    )
    return {
        "deep": deep,
        "depths": series,
        "widths": widths,
        "inputs": large_inputs(gain, saturated, seeds),
        "deep_theory": theory_for(deep),
        "theory": theory_for(series),
        "width_theory": theory_for(widths),
    }


def gradients(**parameters):
    """A network whose norms fall by a factor of 10 a layer towards the input."""
    frame = pd.DataFrame(
        [(seed, step, layer) for seed in SEEDS for step in STEPS for layer in range(1, DEPTH + 1)],
        columns=["seed", "step", "layer"],
    )
    shrunk = 10.0 ** (frame.layer - DEPTH)
    frame["weight_gradient_norm"] = frame["error_signal_norm"] = shrunk
    frame["update_ratio"] = (0.01 * shrunk).where(frame.step < max(STEPS))
    frame["float32_changed_fraction"] = 0.0
    frame["dead_fraction"] = frame["inactive_fraction"] = np.where(
        frame.layer < DEPTH, 0.1 + 0.001 * frame.step, np.nan
    )
    return frame.assign(**PARAMETERS | parameters)


def metrics(loss, **parameters):
    """``loss``: a function of the epoch; a run diverges where it is not finite."""
    frame = pd.DataFrame(
        [(seed, step, step / 10) for seed in SEEDS for step in STEPS],
        columns=["seed", "step", "epoch"],
    )
    frame["train_loss"] = [loss(epoch) for epoch in frame.epoch]
    frame["status"] = np.where(np.isfinite(frame.train_loss), "ok", "diverged")
    first_lost = frame[frame.status == "diverged"].step.min()
    frame = frame[~(frame.step > first_lost)]
    return frame.assign(**PARAMETERS | parameters)


def falling(epoch):
    return 2.3 * 0.7**epoch


def flat(epoch):
    return 2.3


def tables_of_loss(losses):
    found = {"metrics": [], "gradients": []}
    for (activation, setting, rate), loss in losses.items():
        named = {
            "variant": f"{activation}_{setting}",
            "activation": activation,
            "initialization": initialization_of(activation, setting),
            "learning_rate": rate,
        }
        found["metrics"].append(metrics(loss, **named))
        found["gradients"].append(gradients(**named))
    return {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}


def all_losses(loss, rates=(0.1,)):
    return {
        (activation, setting, rate): loss
        for activation in ("sigmoid", "tanh", "relu")
        for setting in ("standard", "recommended")
        for rate in rates
    }


# What the made-up runs of explosions and remedies share, unless a test says otherwise.
RUN = {
    "dataset": "digits",
    "classes": 10,
    "depth": 12,
    "width": 8,
    "activation": "relu",
    "initialization": "he",
    "weight_std": math.nan,
    "normalization": "none",
    "normalization_position": "before_activation",
    "residual": False,
    "residual_scale": 1.0,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "clip_norm": math.nan,
    "precision": "float32",
}


def layers(factor, seeds=(0, 1, 2, 3, 4), step=0, noise=0.0, **columns):
    """An error signal that changes by ``factor`` per layer towards the input, in every seed.

    ``noise``: seeds differ by so much in the factor.
    """
    run = RUN | columns
    depth = run["depth"]
    return pd.DataFrame(
        [
            {
                "seed": seed,
                "step": step,
                "layer": layer,
                "error_signal_norm": (factor * (1 + noise * (seed % 3 - 1))) ** (depth - layer),
                "weight_gradient_norm": (factor * (1 + noise * (seed % 3 - 1))) ** (depth - layer),
                "float32_weight_gradient_norm": 1.0,
                "activation_rms": 1.0,
                "saturated_fraction": 0.75,
                "mean_activation_derivative": 0.02,
                "weight_norm": 2.0,
                "update_ratio": 0.01,
            }
            | run
            for seed in seeds
            for layer in range(1, depth + 1)
        ]
    )


def runs(loss, status, seeds=(0, 1, 2, 3, 4), first=1e19, **columns):
    """Seeds with the row before training and the row at which their run ends."""
    shared = RUN | {"clipped_gradient_norm": columns.get("clip_norm", math.nan)} | columns
    return pd.DataFrame(
        [
            shared
            | {
                "seed": seed,
                "step": step,
                "train_loss": value,
                "train_accuracy": 0.5,
                "status": state,
                "first_nonfinite_step": 1.0 if state == "diverged" else math.nan,
            }
            for seed in seeds
            for step, value, state in ((0, first, "ok"), (1, loss, status))
        ]
    )
