"""Made-up tables of the figures about random networks: each claim meets every verdict."""

import numpy as np
import pandas as pd

JACOBIAN_WIDTH = 40
JACOBIAN_DEPTHS = (1, 2, 30)
NETWORKS = [
    (name, weights, variance)
    for name, weights, variance in (
        ("tanh", "orthogonal", 0.003),
        ("tanh", "orthogonal", 0.3),
        ("tanh", "normal", 0.003),
        ("relu", "orthogonal", 1.0),
        ("relu", "normal", 1.0),
    )
]


def jacobian_tables(spread, ratio, speed, seeds=range(6), scatter=0.0):
    """Singular values e^(±spread) of every network; their variance over theory's; learning.

    ``speed``: how many updates of Gaussian weights one of orthogonal ones is worth.
    """
    values, theory = [], []
    for number, (name, weights, variance) in enumerate(NETWORKS):
        kind = {
            "activation": name,
            "initialization": weights,
            "variance": variance,
            "variant": f"kind {number}",
            "width": JACOBIAN_WIDTH,
        }
        found = np.exp(np.where(np.arange(JACOBIAN_WIDTH) < JACOBIAN_WIDTH / 2, spread, -spread))
        for depth in JACOBIAN_DEPTHS:
            for seed in seeds:
                rows = {"rank": range(1, JACOBIAN_WIDTH + 1), "singular_value": found}
                values.append(pd.DataFrame(rows).assign(seed=seed, depth=depth, **kind))
                values[-1]["singular_value"] **= 1 + scatter * seed
            limit = np.var(found**2) / np.mean(found**2) ** 2 / ratio
            theory.append(
                {
                    "variant": kind["variant"],
                    "depth": depth,
                    "variance_in_the_limit": limit,
                    "variance_at_width": 1.1 * limit,
                    "radial_share": 0.1,
                    "radial_singular_value": 0.9,
                }
            )
    return {
        "jacobian": pd.concat(values, ignore_index=True),
        "theory": pd.DataFrame(theory),
        "metrics": pd.concat(
            [
                learning(weights, rate, seed, speed if weights == "orthogonal" else 1.0)
                for weights in ("orthogonal", "xavier")
                for rate in (0.01, 0.1)
                for seed in seeds
            ],
            ignore_index=True,
        ),
    }


def learning(weights, rate, seed, speed):
    """A loss that falls in a straight line, ``speed`` times as fast; half as fast at rate 0.1."""
    step = np.arange(0, 65, 8)
    loss = 2.3 - 0.01 * step * speed * (1 + 0.1 * seed) * (1 if rate < 0.1 else 0.5)
    rows = pd.DataFrame({"step": step, "train_loss": loss})
    return rows.assign(
        seed=seed, learning_rate=rate, initialization=weights, activation="tanh", depth=30,
        width=8, dataset="digits", status="ok",
    )  # fmt: skip


def jacobian_spectrum():
    yield jacobian_tables(spread=0.1, ratio=1.0, speed=20.0)
    yield jacobian_tables(spread=1.0, ratio=1.6, speed=0.5)
    yield jacobian_tables(spread=1.0, ratio=1.4, speed=5.0, scatter=-0.08)
    for spread in (0.1, 1.0):
        yield jacobian_tables(spread, ratio=1.0, speed=1.0, seeds=[0])


def log_norm_tables(constant, networks=30, seeds=range(20)):
    """Logarithms that gain the variance ``constant`` ΔL/n and half of it in mean a step."""
    generator, rows = np.random.default_rng(0), []
    depths, widths = np.array([4, 8, 12, 16, 20]), (16, 64)
    for width in widths:
        for seed in seeds:
            steps = generator.standard_normal((networks, 2, len(depths)))
            gained = constant * np.diff(depths, prepend=0) / width
            logs = np.cumsum(-gained / 2 + np.sqrt(gained) * steps, axis=2)
            for place, depth in enumerate(depths):
                both = {"log_gradient": logs[:, 0, place], "log_activation": logs[:, 1, place]}
                rows.append(pd.DataFrame(both).assign(seed=seed, depth=depth, width=width))
                rows[-1]["network"] = range(1, networks + 1)
    ratio = [(width, depth) for width in widths for depth in depths]
    theory = pd.DataFrame(ratio, columns=["width", "depth"])
    theory["beta"] = 5 * theory.depth / theory.width
    theory = theory.assign(variance=1.1 * theory.beta, mean=-0.55 * theory.beta)
    return {"norms": pd.concat(rows, ignore_index=True), "theory": theory}


def finite_width():
    yield log_norm_tables(5.0, networks=200)
    yield log_norm_tables(8.0)
    yield log_norm_tables(5.0, seeds=[0])


def phase_tables(within, beyond, slope, seeds=range(6), scatter=0.0):
    """Accuracies of networks up to 6 ξ_c and deeper; decades of signal a unit of ln χ."""
    scales = {0.5: (0.4, 1.0), 1.0: (0.7, 3.0), 3.0: (1.2, 4.0)}
    points = [
        {"part": part, "sigma_w2": w, "sigma_b2": b, "chi": chi, "correlation_depth": scale,
         "variance_depth": 1.0, "variance": 0.5}
        for part, b in (("map", 0.02), ("map", 0.05), ("cut", 0.05), ("networks", 0.05))
        for w, (chi, scale) in scales.items()
    ]  # fmt: skip
    trained = [
        {
            "sigma_w2": w,
            "depth": depth,
            "seed": seed,
            "learning_rate": rate,
            "accuracy": (within if depth <= 6 * scale else beyond)
            * (1.0 if rate == 0.1 else 0.9)
            * (1 - (seed % 2) * scatter * (w < 3)),
            "log10_signal_ratio": slope * np.log(chi) * (1 - 2 * (seed % 2) * scatter),
        }
        for w, (chi, scale) in scales.items()
        for depth in (4, 12, 40)
        for rate in (0.1, 0.3)
        for seed in seeds
    ]
    same = {"sigma_b2": 0.05, "width": 16, "steps": 9, "batch_size": 8, "examples": 50,
            "dataset": "digits", "classes": 10, "training_rows": 50}  # fmt: skip
    return {"trained": pd.DataFrame(trained).assign(**same), "theory": pd.DataFrame(points)}


def phase_diagram():
    yield phase_tables(within=0.95, beyond=0.1, slope=1.0)
    yield phase_tables(within=0.3, beyond=0.9, slope=-1.0)
    yield phase_tables(within=0.95, beyond=0.9, slope=1.0, scatter=0.8)
    yield phase_tables(within=0.95, beyond=0.1, slope=1.0, seeds=[0])


def lost_tables(cost, predicted, gap, seeds=range(6), scatter=0.0):
    """Gradients that lose ``cost`` decades a layer, theory that says ``predicted``."""
    shares, theory, depth = [], [], 40
    layers = np.arange(1, depth + 1)
    smallest = {"float16": -24, "bfloat16": -133, "float32": -149}
    same = {"depth": depth, "width": 16, "dataset": "digits", "probe_examples": 8,
            "weight_std": np.nan}  # fmt: skip
    for weights in ("xavier", "standard"):
        for name, exponent in smallest.items():
            for k in (0, 10):
                far = depth - layers
                one = {"variant": weights, "layer": layers, "format": name, "loss_scale": k}

                def share(decades, extra=0.0, far=far, exponent=exponent, k=k):
                    above = -decades * far + extra * k - (exponent - 1 - k) * np.log10(2)
                    return 1 / (1 + 10.0 ** np.clip(4 * above, -90, 90))

                rows = {"log10_rms": -predicted * far, "lost_share": share(predicted)}
                theory.append(pd.DataFrame(one | rows))
                for seed in seeds:
                    rows = {"lost_share": share(cost, scatter * (seed - 2)), "gap_share": gap}
                    kind = {"activation": "sigmoid", "initialization": weights, "seed": seed}
                    shares.append(pd.DataFrame(one | rows).assign(**kind, **same))
    return {"shares": pd.concat(shares, ignore_index=True),
            "theory": pd.concat(theory, ignore_index=True)}  # fmt: skip


def half_precision():
    yield lost_tables(cost=0.6, predicted=0.6, gap=1.0)
    yield lost_tables(cost=0.6, predicted=1.2, gap=0.0)
    reversed_scales = lost_tables(cost=0.6, predicted=0.6, gap=1.0)
    rows = reversed_scales["shares"]
    yield reversed_scales | {"shares": rows.assign(loss_scale=10 - rows.loss_scale)}
    yield lost_tables(cost=0.6, predicted=0.6, gap=1.0, scatter=0.3)
    yield lost_tables(cost=0.6, predicted=0.6, gap=1.0, seeds=[0])
