"""Tables of the figures about dynamics, made up or simulated: each claim meets every verdict."""

import math
from functools import cache

import numpy as np
import pandas as pd

from gradient_atlas.dynamics import flow_experiment, quadratic_experiment
from gradient_atlas.dynamics.flow import Tolerance
from gradient_atlas.dynamics.losses import quadratic, rosenbrock, two_factor
from gradient_atlas.measures.recurrent import START
from tables_of_networks import changed, one_seed

RECURRENT_STEPS, RECURRENT_LAGS = 20, 11


def recurrent_runs():
    """The runs that the claims look for, called as nobody would call them."""
    gated = [
        {"cell": cell, "gate_bias": bias} for cell in ("lstm", "gru") for bias in (0.0, 2, "chrono")
    ]
    kinds = [
        {"cell": "rnn", "recurrent_initialization": kind} for kind in ("standard", "orthogonal")
    ]
    adam = [run | {"optimizer": "adam", "clip_norm": 2.0} for run in [*gated, *kinds]]
    orthogonal = {"cell": "rnn", "recurrent_initialization": "orthogonal", "optimizer": "sgd"}
    descent = [
        orthogonal | {"recurrent_scale": 1.0},
        orthogonal | {"recurrent_scale": 3.0},
        orthogonal | {"recurrent_scale": 3.0, "clip_norm": 4.0},
    ]
    shared = {
        "gate_bias": None,
        "recurrent_initialization": "standard",
        "recurrent_scale": 1.0,
        "clip_norm": None,
        "sequence_length": RECURRENT_LAGS,
        "hidden_size": 4,
        "probe_examples": 2,
        "batch_size": 8,
        "steps": RECURRENT_STEPS,
        "learning_rate": 0.2,
    }
    named = enumerate([*adam, *descent])
    return [shared | run | {"variant": f"run {number}"} for number, run in named]


def recurrent_tables(factor, loss, seeds=(0, 1, 2, 3, 4), runs=None):
    """factor(run): what a signal keeps a step; loss(run): the loss of each training step."""
    signals, losses, theory = [], [], []
    lags, steps = np.arange(RECURRENT_LAGS), np.arange(RECURRENT_STEPS)
    for run in recurrent_runs() if runs is None else runs:
        signal = {"lag": lags, "error_signal_norm": factor(run) ** lags.astype(float)}
        trained = {"step": steps, "train_loss": loss(run), "status": "ok", "gradient_norm": 1.0}
        for seed in seeds:
            for step in (0, RECURRENT_STEPS):
                signals.append(pd.DataFrame(signal).assign(seed=seed, step=step, **run))
            losses.append(pd.DataFrame(trained).assign(seed=seed, **run))
        predicted = pd.DataFrame({"lag": lags, "predicted_signal": 0.5**lags, "factor": 0.5})
        bias = run["gate_bias"]
        text = bias if bias is None or isinstance(bias, str) else f"{bias:g}"
        start = {key: run[key] for key in START if key != "gate_bias"} | {"gate_bias": text}
        theory.append(predicted.assign(loss_without_memory=0.16, **start))
    named = {"signals": signals, "losses": losses, "theory": theory}
    return {name: pd.concat(frames, ignore_index=True) for name, frames in named.items()}


def spiking(run):
    """What the source says: large weights spike, those that are clipped or at 1 do not."""
    free = run["recurrent_scale"] > 1 and run["clip_norm"] is None
    return np.where(np.arange(RECURRENT_STEPS) == 10, 100.0 if free else 0.01, 0.01)


def recurrent_gradient_norms():
    def kept(run):
        return 0.99 if run["cell"] != "rnn" else 2.0 if run["recurrent_scale"] > 1 else 0.1

    def lost(run):
        return 0.1 if run["cell"] != "rnn" else 0.99

    good = recurrent_tables(kept, spiking)
    yield good
    late = np.where(np.arange(RECURRENT_STEPS) == 3, 100.0, 0.01)
    yield recurrent_tables(
        lost, lambda run: late.clip(max=0.01) if spiking(run).max() > 1 else late
    )
    yield one_seed(good)
    yield recurrent_tables(kept, spiking, runs=[recurrent_runs()[0] | {"gate_bias": -1.0}])


def edge_of_stability():
    def tables(late, loss, passes, rise):
        descent = pd.concat(
            [
                pd.DataFrame(
                    {
                        "learning_rate": 0.1,
                        "seed": seed,
                        "step": range(30),
                        "status": "ok",
                        "sharpness": np.where(np.arange(30) < 10, 10.0, 20.0 * late),
                        "train_loss": np.where(np.arange(30) < 10, 1.0, loss),
                    }
                )
                for seed in (0, 1)
            ],
            ignore_index=True,
        )
        descent.loc[descent.step == 10, "sharpness"] = 20.0
        flow = pd.concat(
            [
                pd.DataFrame(
                    {
                        "seed": seed,
                        "step": range(3),
                        "time": [0.0, 0.5, 1.0],
                        "train_loss": [1.0, 0.5, 0.5 + rise],
                        "energy_error": 1e-6,
                        "sharpness": [10.0, 15.0, 20.0 * passes],
                        "tolerance": 1e-5,
                    }
                )
                for seed in (0, 1)
            ],
            ignore_index=True,
        )
        for table in (descent, flow):
            table[["dataset", "examples", "every"]] = "digits", 10, 1
            table["hidden_widths"] = [[8, 8]] * len(table)
        return {"descent": descent, "flow": flow}

    good = tables(1.02, 2.0, 1.5, -0.1)
    yield good
    yield tables(1.5, 0.5, 1.01, 0.1)
    yield one_seed(good)


flow_sharpness = edge_of_stability


def central_flow():
    def tables(central, predicted):
        frames = [
            pd.DataFrame(
                {
                    "method": method,
                    "seed": seed,
                    "step": [0, 1, 2],
                    "learning_rate": 0.1,
                    "train_loss": 1.0,
                    "predicted_loss": predicted,
                    "sharpness": 20.0,
                    "distance": distance,
                    "variance": [0.0, 1.0, 1.0],
                    "critical": 1,
                    "dataset": "digits",
                    "examples": 10,
                    "substeps": 2,
                }
            )
            for seed in (0, 1)
            for method, distance in (
                ("descent", 0.0),
                ("central_flow", central),
                ("gradient_flow", 1.0),
            )
        ]
        paths = pd.concat(frames, ignore_index=True)
        paths["hidden_widths"] = [[8, 8]] * len(paths)
        return {"paths": paths}

    yield tables(0.1, 1.0)
    yield tables(2.0, 2.0)
    yield one_seed(tables(0.1, 1.0))


@cache
def simulated():
    """Every table of descent and flow as the library makes it, on the smallest problems."""
    spectrum, start, tolerance = [1.0, 100.0], [1.0, 1.0], Tolerance(1e-8, 1e-10)
    order = {"horizon": 1.0, "steps": [100, 200, 400]}
    compared = {"method": "DOP853", "horizon": 1.0, "learning_rates": [0.02, 0.15], "order": order}
    frames = flow_experiment.compare(quadratic([1.0, 10.0]), compared, tolerance)
    flow = {}
    for name, frame in frames.items():
        # Any loss will do for the others' columns; the network's two seeds are the same here.
        copies = [("quadratic", 0), ("rosenbrock", 0), ("network", 0), ("network", 1)]
        parts = [frame.assign(problem=problem, seed=seed) for problem, seed in copies]
        flow[name] = pd.concat(parts, ignore_index=True).assign(dataset="digits", examples=20)
        flow[name]["hidden_widths"] = [[3]] * len(flow[name])
    limits = {"level": 0.125, "horizon": 20.0, "rates": 8, "largest_rate": 1.0}
    above = limits | {"largest_rate": 0.24, "horizon": 8.0, "rates": 12}
    valley = {"level": 0.5, "horizon": 1.5, "largest_rate": 0.004, "rates": 2}
    escapes = [
        flow_experiment.escapes(loss, settings, tolerance).assign(problem=name)
        for name, loss, settings in (
            ("saddle", two_factor((1e-3, 1e-3)), limits),
            ("overshoot", two_factor((2.9, -2.76)), above),
            ("valley", rosenbrock(), valley),
        )
    ]
    return flow | {
        "paths": quadratic_experiment.paths(spectrum, start, [0.001, 0.019, 0.021], 5000),
        "convergence": quadratic_experiment.convergence(spectrum, start, [0, 0.9], 0.045, 9, 200),
        "threshold": quadratic_experiment.thresholds(spectrum, start, [0, 0.9], 1000),
        "escape": pd.concat(escapes, ignore_index=True),
    }


def quadratic_trajectories():
    tables = {name: simulated()[name] for name in ("paths", "threshold")}
    yield tables
    paths = tables["paths"]
    # The roles change: the small rate oscillates far out, the others come smoothly half way.
    other = paths.assign(theta_1=1.0, theta_2=1.0, distance=1.0 - 0.1 * (paths.step > 0))
    small = other.learning_rate == 0.001
    other.loc[small, "theta_2"] = (-1.0) ** other.step[small]
    yield {"paths": other, "threshold": tables["threshold"] * 2}
    yield {
        "paths": paths.iloc[:1].assign(learning_rate=0.5),
        "threshold": paths.iloc[:0].assign(momentum=0.0, converging_rate=0.0, growing_rate=0.0),
    }


def quadratic_convergence_rate():
    scan, bracket = simulated()["convergence"], simulated()["threshold"]
    yield {"convergence": scan, "threshold": bracket}
    same = bracket.assign(converging_rate=0.02, growing_rate=0.02)
    yield {"convergence": scan, "threshold": same}
    yield {"convergence": scan, "threshold": bracket.assign(growing_rate=math.nan)}


def gd_vs_flow_trajectories():
    tables = {name: simulated()[name] for name in ("flow", "landscape", "order")}
    yield changed(tables, "flow", distance_to_flow=tables["flow"].displacement.max())
    near = changed(tables, "flow", distance_to_flow=0.0)
    yield changed(near, "order", solver_error=1.0)
    lost = changed(tables, "flow", distance_to_flow=math.nan)
    yield changed(lost, "order", solver_error=math.nan)


def loss_vs_effective_time():
    tables = {name: simulated()[name] for name in ("flow", "order")}
    yield tables
    yield changed(tables, "order", distance=tables["order"].learning_rate ** 0.5)
    yield changed(tables, "order", solver_error=1.0)


def escaping_slow_regions():
    escape = simulated()["escape"].assign(status="ok")
    for share in (0.5, 2.0, math.inf):
        yield {"escape": escape.assign(time=share * escape.flow_time)}
