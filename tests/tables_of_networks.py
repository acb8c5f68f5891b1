"""Made-up tables of the figures about feedforward networks: each claim meets every verdict."""

import json
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
    rows = {
        "sigmoid": 1 / (2 + np.exp(z) + np.exp(-z)),
        "tanh": np.cosh(z) ** -2,
        "relu": z > 0,
        "leaky_relu": np.where(z > 0, 1, 0.01),
    }
    frames = [
        pd.DataFrame({"activation": name, "z": z, "value": z, "derivative": slope * 1.0})
        for name, slope in (rows | {"gelu": 1.1, "silu": 1.1}).items()
    ]
    chain = pd.DataFrame({"factor": 0.1, "layer": range(1, 11)})
    chain["gradient"] = 0.1 ** (11.0 - chain.layer)
    good = {"activations": pd.concat(frames, ignore_index=True), "chain": chain}
    for factor in (1.0, 1.5):
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
    yield map_tables(sigmoid=-0.2, tanh=-0.2, he=-0.3, other=-0.01, gelu=0.5, small=0.1)
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
                network("relu", weights, slope, seeds=seeds, width=width, rms_slope=forward)
                for weights in ("he", "normal")
                for width, slope in ((32, 0.01), (512, wide))
            ]
        )
        theory = theory_for(rows)
        return {
            "gradients": rows,
            "theory": theory.assign(gain=theory.gain * 10**off),
            "widths": widths,
            "width_theory": theory_for(widths).assign(gain=lambda theory: theory.gain * 10**off),
        }

    yield tables(0.3, 0.6, 0.01)
    yield tables(-0.1, 0.01, -0.01, off=0.2)
    yield one_seed(tables(0.3, 0.6, 0.01, off=0.04))


def depth_and_width():
    yield deep_tables(slope=-1.15, gain=0.2, saturated=-2.0)
    yield deep_tables(slope=-0.7)
    yield deep_tables(slope=-0.1, rms_slope=-0.1, saturated=0.2)
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
    yield changed(good, "gradients", update_ratio=0.01, float32_changed_fraction=0.5)
    yield one_seed(good)


def gradient_norm_during_training():
    # Norms fall by a factor of 10 a layer: an alarm for every network.
    for loss in (flat, falling):
        others = tables_of_loss(all_losses(loss))
        tables = {
            "gradients": gradients(activation="tanh", initialization="he"),
            "metrics": metrics(flat, activation="tanh", initialization="he"),
            "other_gradients": others["gradients"],
            "other_metrics": others["metrics"],
        }
        yield tables
        yield one_seed(tables)


def dying_relu():
    named = [
        {"activation": name, "learning_rate": rate, "initialization": "he"}
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


LARGE = {"initialization": "normal", "weight_std": 1.0}
LARGER = {"initialization": "normal", "weight_std": 10.0}


def exploding_gradients():
    start = {
        "relu": LARGE,
        "tanh": LARGE,
        "sigmoid": LARGE,
        "relu_shallow": LARGER | {"depth": 6},
        "sigmoid_shallow": LARGER | {"depth": 6},
    }
    shallow = {"depth": 6}
    trained = [
        LARGE,
        LARGER,
        LARGE | {"activation": "tanh"},
        LARGE | {"clip_norm": 1.0},
        {"learning_rate": 0.3},
        {"learning_rate": 0.3, "clip_norm": 1.0},
        {"learning_rate": 0.001},
        LARGER | shallow,
        LARGER | shallow | {"clip_norm": 1.0},
        LARGER | shallow | {"clip_norm": 5.0},
        LARGER | shallow | {"weight_decay": 0.01},
        LARGER | shallow | {"learning_rate": 0.001},
        shallow,
        shallow | {"weight_decay": 0.01},
    ]

    def tables(factor, units, loss, lost, capped=1.0, decayed=1.0, update=0.01, first=1e19):
        metrics, gradients = [], []
        for parameters in trained:
            high = "clip_norm" not in parameters and parameters.get("learning_rate") == 0.3
            plain = parameters in (LARGE, LARGER, trained[2]) or high
            gone = plain != lost
            end = 0.5 if high and lost else loss
            ending = (math.nan, "diverged") if gone else (end, "ok")
            runs_ = runs(*ending, first=first, **parameters)
            runs_["clipped_gradient_norm"] *= capped
            metrics.append(runs_)
            decays = "weight_decay" in parameters
            moves = update if parameters.get("learning_rate") == 0.001 else 2.0
            rows = [
                layers(1.0, step=step, update_ratio=moves, **parameters,
                       weight_norm=2.0 * (decayed if decays else 1.0))
                for step in (0, 1)
            ]  # fmt: skip
            gradients += rows
        exponents = {name: 4.0 if "shallow" in name else 40.0 for name in start}
        return {
            "start": pd.concat(
                [
                    layers(
                        1 + (exponents[name] - 1) * factor,
                        noise=0.01,
                        saturated_fraction=units,
                        mean_activation_derivative=0.02 if units > 0.5 else 0.2,
                        **{"activation": name.split("_")[0]} | parameters,
                    )
                    for name, parameters in start.items()
                ],
                ignore_index=True,
            ),
            "theory": pd.DataFrame(columns=["layer"]),
            "gradients": pd.concat(gradients, ignore_index=True),
            "metrics": pd.concat(metrics, ignore_index=True),
        }

    good = tables(1.0, 0.75, 1.0, False, decayed=0.5)
    yield good
    yield tables(-0.01, 0.25, 1e20, True, capped=1.1, decayed=3.0, update=3.0)
    yield tables(1.0, 0.75, 0.5, False, first=0.7)
    yield one_seed(good)
    for name in ("gradients", "metrics"):
        yield good | {name: good[name].iloc[:0]}


def remedies():
    vanishing = {"activation": "sigmoid", "initialization": "standard"}
    exploding = {"initialization": "normal", "weight_std": 0.25}
    after = {"normalization_position": "after_activation"}
    ten = {"depth": 10}
    batch = {"normalization": "batch_norm"}
    kinds = [
        *(
            network | changed
            for network in (vanishing, exploding, {})
            for changed in ({}, batch, batch | after, {"residual": True})
        ),
        {"residual": True, "residual_scale": 0.14},
        vanishing | ten,
        vanishing | ten | batch,
        ten,
    ]

    def tables(factor, plain, rms):
        parts = [
            layers(plain if parameters in (vanishing, exploding) else factor, noise=0.001,
                   **parameters)
            for parameters in kinds
        ]  # fmt: skip
        start = pd.concat(parts, ignore_index=True)
        start["activation_rms"] = rms**start.layer
        return {
            "start": start,
            "theory": pd.DataFrame(columns=["layer"]),
            "gradients": pd.concat([start, start.assign(step=4)], ignore_index=True),
            "metrics": pd.concat([runs(1.0, "ok", **one) for one in kinds], ignore_index=True),
        }

    good = tables(1.01, 2.0, 1.0)
    yield good
    yield tables(0.3, 1.1, 3.0)
    yield one_seed(good)
    yield good | {name: good[name].iloc[:0] for name in ("start", "gradients")}


def scan_tables(edges, exploding, seeds=(0, 1, 2, 3, 4), rates=(0.2, 2.0, 20.0)):
    """A scan of rates.

    edges: by optimizer the largest rate at which it learns; a first step changes a layer by a tenth
    of the rate. exploding: by optimizer the rate above which the gradient grows a thousandfold.
    """
    frame = pd.DataFrame(
        [
            (optimizer, rate, seed, step)
            for optimizer in edges
            for rate in rates
            for seed in seeds
            for step in (0, 1)
        ],
        columns=["optimizer", "learning_rate", "seed", "step"],
    )
    last, rate = frame.step == 1, frame.learning_rate
    learns = rate <= frame.optimizer.map(edges)
    explodes = rate > frame.optimizer.map(exploding)
    frame["train_loss"] = np.where(last & learns, 0.5, 2.1)
    frame["gradient_norm"] = np.where(last & explodes, 1e3, 1.0)
    frame = frame.assign(
        status="ok",
        depth=4,
        width=8,
        dataset="digits",
        classes=7,
        activation="relu",
        initialization="he",
        weight_std=math.nan,
        train_biases=False,
    )
    probe = frame[frame.step == 0].assign(
        layer=1, weight_norm=2.0, weight_gradient_norm=4.0, update_ratio=0.1 * frame.learning_rate
    )
    return {"metrics": frame, "gradients": probe}


def layerwise_optimizers():
    def every(sgd, lars, lamb):
        return {"sgd": sgd, "lars": lars, "lamb": lamb}

    good = scan_tables(every(0.2, 2.0, 2.0), every(2.0, 2.0, 2.0))
    yield good
    yield scan_tables(every(2.0, 0.2, 0.2), every(99.0, 99.0, 99.0))
    yield one_seed(good)
    yield scan_tables({"adam": 1.0}, {"adam": 1.0})


def depth_sweep(decay, deep_accuracy, shallow_accuracy=0.9, seeds=(0, 1, 2, 3, 4)):
    """Three kinds of saturating networks of two depths, at two rates of which the second is worse.

    decay: decades that the error signal loses a layer, times the depth (0: none at any depth).
    """
    gradients, metrics = [], []
    for activation, initialization in (
        ("sigmoid", "xavier"),
        ("tanh", "standard"),
        ("tanh", "orthogonal"),
    ):
        for depth, accuracy in ((3, shallow_accuracy), (6, deep_accuracy)):
            for rate, share in ((0.3, 1.0), (0.7, 0.8)):
                run = {"learning_rate": rate, "classes": 7, "training_rows": 40, "optimizer": "sgd"}
                run["variant"] = f"{activation} {initialization} {depth}"
                rows = network(activation, initialization, decay, depth=depth, seeds=seeds)
                gradients.append(rows.assign(**run))
                one = rows[rows.layer == 1].drop(columns="step")
                steps = pd.DataFrame(
                    {"step": [0, 2, 4, 8], "train_accuracy": [0.1, 0.2, 0.3, accuracy * share]}
                )
                steps["test_accuracy"] = steps.train_accuracy
                metrics.append(one.assign(**run).merge(steps, how="cross").assign(status="ok"))
    rows = pd.concat(gradients, ignore_index=True)
    theory = theory_for(rows[rows.learning_rate == 0.3])
    return {"gradients": rows, "metrics": pd.concat(metrics, ignore_index=True), "theory": theory}


def trainable_depth():
    yield depth_sweep(decay=-1.5, deep_accuracy=0.2)
    yield depth_sweep(decay=-1.5, deep_accuracy=0.88)
    yield depth_sweep(decay=0.1, deep_accuracy=0.88)
    yield one_seed(depth_sweep(decay=-1.5, deep_accuracy=0.2))
    relu = depth_sweep(decay=-1.5, deep_accuracy=0.2)
    yield {name: table.assign(activation="relu") for name, table in relu.items()}


def stack_tables(networks, seeds=5):
    """Tables ``modules`` and ``theory`` of named networks.

    A network is (architecture, options, modules) and a module (name, log10 error signal, log10
    weight gradient), in forward order; seeds differ by a little.
    """
    rows, theory = [], []
    for architecture, options, modules in networks:
        same = {
            "dataset": "digits",
            "architecture": architecture,
            "architecture_options": json.dumps(options, sort_keys=True),
            "probe_examples": 8,
        }
        for layer, (name, error, weight) in enumerate(modules, start=1):
            theory.append(same | {"module": name, "predicted_log10_error_signal_gain": 0.0,
                                  "predicted_log10_error_signal_norm": error,
                                  "predicted_log10_weight_gradient_norm": weight})  # fmt: skip
            for seed in range(seeds):
                error_norm, weight_norm = (
                    10 ** (x + 1e-3 * (seed - 2) * layer) for x in (error, weight)
                )
                rows.append(same | {"seed": seed, "step": 0, "layer": layer, "module": name,
                                    "error_signal_norm": error_norm,
                                    "weight_gradient_norm": weight_norm})  # fmt: skip
    return {"modules": pd.DataFrame(rows), "theory": pd.DataFrame(theory)}


def residual_tables(plain=0.15, scaled=0.004, fixup=0.0, normalized=None, power=0.5, seeds=5):
    """Decades a block, towards the input; with batch norm instead a branch that shrinks so."""
    blocks = 32

    def network(gain, **options):
        names = range(1, blocks + 1)
        modules = [(f"{block}.last", gain(block), 0.0) for block in names]
        return "resnet", {"blocks": blocks} | options, modules

    def even(slope):
        return lambda block: slope * (blocks - block)

    def by_power(block):
        return sum(0.5 * math.log10(1 + x ** (-2 * power)) for x in range(block + 1, blocks + 1))

    return stack_tables(
        [
            network(even(plain)),
            network(even(scaled), branch="inverse_sqrt"),
            network(even(fixup), branch="fixup"),
            network(
                by_power if normalized is None else even(normalized), normalization="batch_norm"
            ),
        ],
        seeds,
    )


def residual_networks():
    yield residual_tables()
    yield residual_tables(plain=-0.1, scaled=0.1, fixup=-0.1, power=0.05)
    yield residual_tables(normalized=-0.1)
    yield one_seed(residual_tables())


def transformer_tables(
    slope=0.0,
    post=0.0,
    pre=-0.5,
    above=0.5,
    growth=0.1,
    queries=-3.0,
    losses=(2.3, 1.0, 0.8),
    seeds=5,
):
    """Decades a sublayer; powers of the depth; post-LN's weight gradients over pre-LN's, and what
    its last layer's have over its first; queries over values; losses of post, post warmed, pre."""
    networks = []
    for norm, power in (("post", post), ("pre", pre), ("none", 0.0), ("deepnorm", 0.0)):
        for depth in (2, 8):
            modules = []
            for layer in range(depth):
                level = power * math.log10(depth)
                for last in ("attention.output", "contract"):
                    place = 2 * layer + (last == "contract")
                    error = level + slope * (2 * depth - 1 - place)
                    weight = level + growth * layer / (depth - 1) + above * (norm == "post")
                    modules.append((f"{layer + 3}.{last}", error, weight))
            options = {"norm": norm, "layers": depth, "width": 8, "queries": "zero"}
            networks.append(("transformer", options, modules))
        drawn = [("3.attention.query", 0.0, queries), ("3.attention.value", 0.0, 0.0)]
        options = {"norm": norm, "layers": 1, "width": 8, "queries": "xavier"}
        networks.append(("transformer", options, drawn))
    runs_ = zip(("post", "post", "pre"), (0, 40, 0), losses, strict=True)
    metrics_ = [
        {"architecture_options": json.dumps({"norm": norm, "layers": 1, "width": 8}),
         "warmup_steps": warmup, "learning_rate": 0.01, "optimizer": "adam", "seed": seed,
         "step": step, "train_loss": (loss if step else 2.4) + 0.01 * seed, "status": "ok",
         "classes": 10, "dataset": "digits"}
        for norm, warmup, loss in runs_ for seed in range(seeds) for step in (0, 10)
    ]  # fmt: skip
    return stack_tables(networks, seeds) | {"warmup": pd.DataFrame(metrics_)}


def transformer_gradient_norms():
    yield transformer_tables()
    yield transformer_tables(
        slope=0.3, post=-0.5, pre=0.0, above=-0.5, growth=-0.1, queries=-1.0, losses=(1.0, 1.2, 2.3)
    )
    yield one_seed(transformer_tables())
