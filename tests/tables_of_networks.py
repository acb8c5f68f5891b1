"""Made-up tables of the figures about feedforward networks: each claim meets every verdict."""

import math

import numpy as np
import pandas as pd

from made_up_runs import (
    all_losses,
    deep_tables,
    depth_tables,
    falling,
    flat,
    gradients,
    layers,
    map_tables,
    metrics,
    network,
    runs,
    tables_of_loss,
    theory_for,
)


def one_seed(tables):
    return {
        name: table[table["seed"] == table["seed"].min()] if "seed" in table else table
        for name, table in tables.items()
    }


def changed(tables, name, **columns):
    return tables | {name: tables[name].assign(**columns)}


def activation_derivatives():
    z = np.arange(-40, 41) / 10
    rows = {"sigmoid": 0.25, "tanh": 1.0, "relu": z > 0, "leaky_relu": np.where(z > 0, 1, 0.01)}
    frames = [
        pd.DataFrame({"activation": name, "z": z, "value": z, "derivative": slope * 1.0})
        for name, slope in (rows | {"gelu": 1.1, "silu": 1.1}).items()
    ]
    chain = pd.DataFrame({"factor": 0.1, "layer": range(1, 11)})
    chain["gradient"] = 0.1 ** (11.0 - chain.layer)
    good = {"activations": pd.concat(frames, ignore_index=True), "chain": chain}
    for factor in (1.0, 1.5, math.nan):
        yield {
            "activations": good["activations"].assign(
                derivative=good["activations"].derivative * factor
            ),
            "chain": chain.assign(gradient=chain.gradient * factor),
        }


def gradient_norm_vs_depth():
    yield depth_tables()
    yield depth_tables(sigmoid=-0.7)
    yield depth_tables(sigmoid=-0.1, relu=0.05, tanh=0.01, large=-0.1)
    yield depth_tables(sigmoid=0.1)
    yield one_seed(depth_tables())


def initialization_map():
    yield map_tables(he=0.01)
    yield map_tables(sigmoid=-0.2, tanh=-0.2, he=-0.3, other=-0.01, gelu=0.5)
    yield one_seed(map_tables())


def spectral_norm_or_gain():
    """Factors a layer of each activation's networks: as ‖W‖₂, against it, and off the gain."""

    def tables(loose, wide, forward, off=0.0, seeds=range(6)):
        kinds = [("tanh", "orthogonal", 1.01, 0.0), ("tanh", "xavier", 2.0, loose)]
        rows = pd.concat(
            [
                network(
                    name, weights, slope, seeds=seeds, rms_slope=forward, weight_spectral_norm=norm
                )
                for name, weights, norm, slope in kinds
            ]
        )
        widths = pd.concat(
            [
                network("relu", "he", slope, seeds=seeds, width=width, rms_slope=forward)
                for width, slope in ((32, 0.01), (512, wide))
            ]
        )
        theory = theory_for(rows)
        return {
            "gradients": rows,
            "theory": theory.assign(gain=theory.gain * 10**off),
            "widths": widths,
            "width_theory": theory_for(widths),
        }

    yield tables(0.3, 0.6, 0.01)
    yield tables(-0.1, 0.01, -0.01, off=0.2)
    yield one_seed(tables(0.3, 0.6, 0.01, off=0.04))


def depth_and_width():
    yield deep_tables(slope=-1.15)
    yield deep_tables(slope=-0.7)
    yield deep_tables(slope=-0.1, rms_slope=-0.1)
    yield one_seed(deep_tables())


def training_loss():
    for loss in (flat, falling):
        yield tables_of_loss(all_losses(loss))
    yield one_seed(tables_of_loss(all_losses(flat)))


def early_layer_learning():
    named = {
        v: {"variant": v, "activation": v, "initialization": "he"} for v in ("sigmoid", "relu")
    }
    good = {
        "gradients": pd.concat([gradients(**parameters) for parameters in named.values()]),
        "metrics": pd.concat([metrics(flat, **parameters) for parameters in named.values()]),
    }
    yield good
    yield changed(good, "gradients", update_ratio=0.01)
    yield one_seed(good)


def dying_relu():
    named = [
        {"activation": name, "learning_rate": rate}
        for name in ("relu", "leaky_relu")
        for rate in (0.1, 0.5)
    ]
    tables = {
        "gradients": pd.concat([gradients(**one) for one in named], ignore_index=True),
        "metrics": pd.concat([metrics(flat, **one) for one in named], ignore_index=True),
    }
    rows = tables["gradients"]
    leaky, late = rows.activation == "leaky_relu", rows.step > 0
    good = changed(tables, "gradients", dead_fraction=rows.dead_fraction.mask(leaky, 0.0))
    off = rows.inactive_fraction.mask(leaky, 0.01)
    yield changed(good, "gradients", inactive_fraction=off)
    bad = rows.dead_fraction.mask(~leaky & late, 0.0)
    yield changed(tables, "gradients", dead_fraction=bad)
    yield one_seed(good)


def exploding_gradients():
    start = {
        "relu_1": 10.0,
        "tanh_1": 10.0,
        "sigmoid_1": 10.0,
        "relu_10_shallow": 4.0,
        "sigmoid_10_shallow": 4.0,
    }
    theory = pd.DataFrame(columns=["layer"])
    clip = {
        "relu_1_clipped": 1.0,
        "he_fast_clipped": 1.0,
        "shallow_clipped_1": 1.0,
        "shallow_clipped_5": 5.0,
    }
    diverging = ("relu_1", "relu_10", "tanh_1", "tanh_10")
    alive = ("he", "he_slow", "he_fast", "shallow", "shallow_slow", "shallow_decay", "shallow_he")

    def tables(factor, units, loss, lost, he_slow, norm, decayed):
        ends = {True: (math.nan, "diverged"), False: (loss, "ok")}
        ended = [
            runs(name, *ends[lost != (name in diverging)], clip_norm=clip.get(name))
            for name in (*diverging, *alive, *clip)
        ]
        metrics = pd.concat(ended, ignore_index=True)
        metrics.clipped_gradient_norm *= norm
        slow = (metrics.variant == "he_slow") & (metrics.step == 1)
        metrics.loc[slow, "train_loss"] = he_slow
        if loss < 1:
            metrics.train_loss = metrics.train_loss.clip(upper=2.0)
        steps = {
            "initialization": "normal",
            "learning_rate": 0.1,
            "weight_decay": 0.0,
            "clip_norm": math.nan,
        }
        return {
            "start": pd.concat(
                [
                    layers(
                        name,
                        exponent * factor / 4,
                        saturated_fraction=units,
                        mean_activation_derivative=0.02 if units > 0.5 else 0.2,
                        **steps,
                    )
                    for name, exponent in start.items()
                ]
            ),
            "theory": theory,
            "gradients": pd.concat(
                [
                    layers("shallow_he", 1.0, **steps),
                    layers("shallow_he_decay", 1.0, **steps | {"weight_norm": decayed}),
                ]
            ),
            "metrics": metrics,
        }

    yield tables(4.0, 0.75, 1.0, False, 0.5, 1.0, 1.0)
    yield tables(4.0, 0.75, 3.0, False, 4.0, 1.1, 3.0)
    yield tables(0.1, 0.25, 0.5, True, math.inf, 1.1, 3.0)
    yield one_seed(tables(4.0, 0.75, 1.0, False, 0.5, 1.0, 1.0))


def remedies():
    kinds = [
        f"{name}_{part}"
        for name in ("sigmoid", "relu")
        for part in ("batch_norm", "batch_norm_after", "residual", "residual_scaled")
    ]

    def tables(factor, rms):
        parts = [layers(name, factor, initialization="he") for name in kinds]
        start = pd.concat(parts, ignore_index=True)
        start["activation_rms"] = rms**start.layer
        return {"start": start, "gradients": pd.concat([start, start.assign(step=4)])}

    for factor, rms in ((1.01, 1.0), (0.3, 3.0)):
        yield tables(factor, rms)
    yield one_seed(tables(1.01, 1.0))


def layerwise_optimizers():
    def tables(norm):
        frame = pd.DataFrame(
            [
                (optimizer, rate, seed, step)
                for optimizer in ("sgd", "lars", "lamb")
                for rate in (0.1, 1.0, 10.0)
                for seed in (0, 1)
                for step in (0, 1)
            ],
            columns=["optimizer", "learning_rate", "seed", "step"],
        )
        limit = frame.optimizer.map(norm)
        frame["gradient_norm"] = np.where((frame.learning_rate > limit) & (frame.step > 0), 1e3, 1)
        frame = frame.assign(train_loss=1.0, status="ok", depth=4, width=8, dataset="digits")
        probe = frame[frame.step == 0].assign(
            layer=1, weight_norm=1.0, weight_gradient_norm=1.0, update_ratio=0.1
        )
        return {"metrics": frame, "gradients": probe}

    good = tables({"sgd": 0.1, "lars": 1.0, "lamb": 1.0})
    yield good
    yield tables({"sgd": 20.0, "lars": 20.0, "lamb": 20.0})
    yield tables({"sgd": 1.0, "lars": 0.1, "lamb": 0.1})
    yield one_seed(good)
