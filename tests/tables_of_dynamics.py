"""Tables of the figures about dynamics, made up or simulated: each claim meets every verdict."""

import math
from functools import cache

import numpy as np
import pandas as pd

from gradient_atlas.dynamics import flow_experiment, quadratic_experiment
from gradient_atlas.dynamics.flow import Tolerance
from gradient_atlas.dynamics.losses import quadratic
from gradient_atlas.measures.recurrent import START
from gradient_atlas.theory import descent as theory
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


def edge_tables(late=1.02, passes=1.5, rise=-0.1, diverges=False, seeds=range(5), scatter=0.0):
    """Two networks at one rate: sharpness that comes to the edge, then ``late`` times 2/η."""
    names, run = ("tanh", "relu"), np.arange(30)
    descent, flow = [], []
    for activation in names:
        for seed in seeds:
            ratio = np.where(run < 10, 0.5, late + scatter * (seed - 2))
            ratio[10] = 1.0
            status = np.full(30, "ok", dtype=object)
            if diverges:
                status[-1] = "diverged"
            rows = {
                "learning_rate": 0.1,
                "step": run,
                "status": status,
                "sharpness": 20.0 * ratio,
                "second_eigenvalue": 19.0 * ratio,
                "step_curvature": 20.0,
                "train_loss": 1.0 / (1 + run) if rise < 0 else 1.0 + run % 2,
            }
            descent.append(pd.DataFrame(rows).assign(activation=activation, seed=seed, steps=29))
            rows = {
                "step": range(3),
                "time": [0.0, 0.5, 1.0],
                "train_loss": [1.0, 0.5, 0.5 + rise],
                "energy_error": 1e-6,
                "sharpness": [10.0, 15.0, 20.0 * passes],
                "tolerance": 1e-5,
            }
            flow.append(pd.DataFrame(rows).assign(activation=activation, seed=seed))
    tables = {"descent": pd.concat(descent, ignore_index=True)}
    tables["flow"] = pd.concat(flow, ignore_index=True)
    for table in tables.values():
        table[["dataset", "examples", "every"]] = "digits", 10, 1
        table["hidden_widths"] = [[8, 8]] * len(table)
    return tables


def edge_of_stability():
    yield edge_tables(rise=0.1)
    yield edge_tables(late=1.5)
    yield edge_tables(diverges=True)  # which is also no stable rate
    yield edge_tables(diverges=True, seeds=[0])
    far = edge_tables(diverges=True)  # which was at no time near the edge
    far["descent"]["sharpness"] *= 4
    yield far
    yield edge_tables(late=1.05, scatter=0.01)
    yield edge_tables(rise=0.1, seeds=[0])
    half = edge_tables(rise=0.1)
    lost = half["descent"]["seed"].isin([0, 1]) & (half["descent"]["step"] == 29)
    half["descent"].loc[lost, "status"] = "diverged"
    yield half
    # The flow has no time to reach the edge.
    yield edge_tables(passes=0.9, diverges=True)


def optimizer_tables(late=1.02, changed=0.0, ratio=0.8, share=1.0, measured=1.0, seeds=range(5)):
    """Three optimisers that stay at ``late`` times their threshold, and a catapult's phases:
    curvature ``changed`` in the lazy one, ``ratio`` of 2/η in the next, ``share`` lost beyond."""
    names, steps = ("heavy_ball", "nesterov", "adam"), np.arange(0, 31, 3)
    lates = late if isinstance(late, list) else [late] * len(seeds)
    edges = pd.concat(
        [
            pd.DataFrame({"step": steps, "sharpness": 20.0 * value, "train_loss": 1.0}).assign(
                optimizer=name, seed=seed, status="diverged" if np.isinf(value) else "ok"
            )
            for name in names
            for seed, value in zip(seeds, lates, strict=True)
        ],
        ignore_index=True,
    ).assign(learning_rate=0.15, momentum=0.5, steps=30, threshold=20.0, dataset="digits")
    edges[["examples", "every"]] = 10, 3
    edges["hidden_widths"] = [[8, 8]] * len(edges)
    thresholds = pd.DataFrame(
        [(name, beta, 2 * measured, 2 * measured, 2.0) for name in names for beta in (0.0, 0.5)],
        columns=["optimizer", "momentum", "converging_rate", "growing_rate", "threshold"],
    )
    rows = []
    for seed in seeds:
        change, stay, lost = (
            value[seed] if isinstance(value, list) else value for value in (changed, ratio, share)
        )
        ends = {1.0: 2.0 * (1 + change), 3.0: 4.0 * stay / 3.0, 5.0: math.inf if lost else 1.0}
        for scaled, end in ends.items():
            rows.append(
                {
                    "seed": seed, "scaled_rate": scaled, "learning_rate": scaled / 2,
                    "start_output": 1.0, "start_curvature": 2.0, "end_curvature": end,
                    "end_loss": 0.0, "largest_loss": 0.5, "predicted_curvature": end,
                    "predicted_largest_loss": 0.5, "width": 8, "steps": 9,
                    "status": "diverged" if math.isinf(end) else "ok",
                }
            )  # fmt: skip
    return {"edges": edges, "thresholds": thresholds, "catapult": pd.DataFrame(rows)}


def width_tables(shift, exponent=0.0, seeds=range(5), scatter=0.0, names=None):
    """Two widths whose best rates lie ``shift[name]`` powers of 2 apart; changes of units that go
    as the width to the ``exponent``, in the standard parametrisation of the outputs alone."""
    runs, moved, rates = [], [], 2.0 ** np.arange(-6, 3)
    for name in names or ("standard", "maximal_update"):
        for seed in seeds:
            off = round(scatter * (seed - 2))
            for step, width in enumerate((8, 32)):
                best = -1 + (shift[name] + off) * step
                here = {"parametrization": name, "width": width, "seed": seed}
                for rate in rates:
                    loss = 1 + abs(np.log2(rate) - best)
                    runs.append(here | {"learning_rate": rate, "train_loss": loss, "status": "ok"})
                for layer in (1, 2):
                    power = exponent + 0.3 * off
                    moved.append(
                        here | {"layer": layer, "layers": 2, "change": float(width) ** power}
                    )
    known = {"dataset": "digits", "examples": 10, "hidden_layers": 1, "steps": 5}
    tables = {"width": pd.DataFrame(runs), "coordinates": pd.DataFrame(moved)}
    for name, table in tables.items():
        tables[name] = table.assign(**known)
        tables[name]["check"] = [{"learning_rate": 0.1, "steps": 2}] * len(table)
    return tables


def width_and_learning_rate():
    """No one exponent is what is said of both parametrisations, nor one shift."""
    yield width_tables({"standard": -2, "maximal_update": 0})
    yield width_tables({"standard": 0, "maximal_update": -3}, exponent=0.6)
    yield width_tables({"standard": -1, "maximal_update": -1}, exponent=0.25, scatter=1.0)
    one = width_tables({"standard": -2, "maximal_update": 0}, seeds=[0])
    yield one
    yield width_tables({"standard": -2}, names=["standard"])
    yield width_tables({"maximal_update": 0}, names=["maximal_update"])
    narrow = width_tables({"standard": -2, "maximal_update": 0})
    yield {name: table[table["width"] == 8] for name, table in narrow.items()}
    yield narrow | {"width": narrow["width"].assign(status="diverged", train_loss=math.inf)}


def warmup_tables(
    ratio=0.1, growth=3.0, plain=2.0, warm=8.0, warmups=(0, 10), seeds=range(5), scatter=0.0
):
    """Sharpness after a warm-up ``ratio`` times the first, loss that grows ``growth`` times without
    one, and largest stable rates ``plain`` without and ``warm`` with one."""
    rows = []
    for seed in seeds:
        for warmup in warmups:
            for rate in (1.5, 2.0, 4.0, 8.0, 16.0):
                lost = rate > (warm if warmup else plain) and rate != 4.0
                after = ratio + scatter * (seed - 2)
                sharp = {0: 100.0, 10: 100.0 * after, 20: 100.0 * after}
                for step, value in sharp.items():
                    gone = lost and step == 20
                    rows.append(
                        {
                            "seed": seed, "warmup": warmup, "scaled_rate": rate,
                            "learning_rate": rate * 0.02, "start_sharpness": 100.0,
                            "shown": rate == 4.0, "step": step, "rate": rate * 0.02,
                            "train_loss": 1.0, "largest_loss": growth if step else 1.0,
                            "gradient_norm": 1.0, "status": "diverged" if gone else "ok",
                            "sharpness": math.nan if gone or rate != 4.0 else value,
                        }
                    )  # fmt: skip
    table = pd.DataFrame(rows).assign(
        dataset="digits", examples=10, activation="relu", weight_scale=2.5, steps=20
    )
    table["hidden_widths"] = [[8, 8]] * len(table)
    return {"warmup": table}


def warmup():
    good = warmup_tables()
    yield good
    yield warmup_tables(ratio=1.5, growth=1.0, plain=8.0)
    yield warmup_tables(scatter=0.5, ratio=1.0)
    yield one_seed(good)
    yield warmup_tables(warmups=(0,))
    yield warmup_tables(warmups=(10,))
    lost = good["warmup"].copy()
    last = lost["shown"] & (lost["step"] == 20)
    lost.loc[last, ["status", "sharpness"]] = "diverged", math.nan
    yield {"warmup": lost}
    yield {"warmup": good["warmup"][good["warmup"]["scaled_rate"] == 4.0]}


def limit_tables(error=0.0, seeds=range(5), scatter=0.0):
    """Every limit with the order that it has, or one that is ``error`` larger."""
    frames = []
    for name in ("rescaled_flow", "inertial_flow", "sign_flow", "adaptive_flow"):
        order = 0.5 if name == "inertial_flow" else 1.0
        for seed in seeds:
            off = error + scatter * (seed - 2)
            for steps in (0, 2, 4, 8):
                rate = 1.0 / steps if steps else 0.0
                rows = pd.DataFrame({"step": range(steps + 1 if steps else 5)})
                rows = rows.assign(
                    time=np.linspace(0.0, 1.0, len(rows)), loss=1.0 / (1 + rows.step)
                )
                last = rows["step"] == steps
                modified = np.where(last & (steps > 0), rate ** (2.0 + off), np.nan)
                frames.append(
                    rows.assign(
                        limit=name, seed=seed, steps=steps, fine=steps > 2, learning_rate=rate,
                        distance=rate ** (order + off),
                        modified_distance=modified if name == "rescaled_flow" else np.nan,
                        solver_error=1e-9, status="ok",
                    )
                )  # fmt: skip
    limits = pd.concat(frames, ignore_index=True).assign(dataset="digits", examples=20)
    limits["hidden_widths"] = [[3]] * len(limits)
    return {"limits": limits}


def flow_and_adaptive_steps():
    yield limit_tables()
    yield limit_tables(error=0.4)
    yield limit_tables(scatter=0.1)
    yield limit_tables(seeds=[2])
    one = limit_tables()["limits"]
    yield {"limits": one.query("limit == 'adaptive_flow'")}
    yield {"limits": one.query("limit == 'rescaled_flow'").assign(solver_error=1.0)}
    yield {"limits": one.assign(status="diverged")}


def edges_of_other_optimizers():
    yield optimizer_tables()
    yield optimizer_tables(late=1.5, changed=0.5, ratio=1.2, share=0.0, measured=1.1)
    yield optimizer_tables(late=1.02, seeds=[0])
    yield optimizer_tables(late=[1.0, 1.2, 1.0, 1.1, 1.0], changed=[0.0, 0.2, 0.0, 0.1, 0.0])
    yield optimizer_tables(late=0.9)  # at no time at its threshold
    one = optimizer_tables()
    rates = one["catapult"]["scaled_rate"]
    yield {
        "edges": one["edges"].query("optimizer == 'adam'"),
        "thresholds": one["thresholds"].query("optimizer == 'adam'"),
        "catapult": one["catapult"][rates == 5.0],
    }
    yield {
        "edges": one["edges"].query("optimizer == 'nesterov'"),
        "thresholds": one["thresholds"].query("optimizer == 'nesterov'"),
        "catapult": one["catapult"][rates == 3.0],
    }
    yield optimizer_tables(late=math.inf)


def flow_sharpness():
    yield edge_tables()
    yield edge_tables(passes=0.9)
    yield edge_tables(rise=0.1, seeds=[0])
    yield edge_tables(diverges=True)
    # Descent without its flow.
    yield {name: rows[:0] if name == "flow" else rows for name, rows in edge_tables().items()}


def central_flow():
    def tables(central, predicted, variance=1.0, seeds=range(5)):
        steps = np.arange(201)
        frames = []
        for seed in seeds:
            for method, distance in (
                ("descent", math.nan),
                ("central_flow", central),
                ("gradient_flow", 1.0),
            ):
                rows = {
                    "step": steps,
                    "train_loss": 1.0 if method != "central_flow" else 0.9,
                    "predicted_loss": predicted,
                    "distance": distance,
                    "variance": np.where(steps > 0, variance, 0.0),
                }
                frames.append(pd.DataFrame(rows).assign(method=method, seed=seed))
        paths = pd.concat(frames, ignore_index=True).assign(
            learning_rate=0.1, sharpness=20.0, moved=5.0, critical=1, dataset="digits",
            examples=10, substeps=2,
        )  # fmt: skip
        paths["hidden_widths"] = [[8, 8]] * len(paths)
        return {"paths": paths}

    yield tables(0.1, 1.0)
    yield tables(2.0, 2.0)
    yield tables(0.1, 1.0, seeds=[0])
    yield tables(0.1, 1.0, variance=0.0)  # no edge is reached


@cache
def simulated():
    """Every table of descent and flow as the library makes it, on the smallest problems."""
    spectrum, start, tolerance = [1.0, 100.0], [1.0, 1.0], Tolerance(1e-8, 1e-10)
    order = {"horizon": 1.0, "steps": [100, 200, 400]}
    compared = {"method": "DOP853", "horizon": 1.0, "learning_rates": [0.02, 0.15], "order": order}
    frames = flow_experiment.compare(quadratic([1.0, 10.0]), compared, tolerance)
    flow = {}
    for name, frame in frames.items():
        # Any loss will do for the others' columns; the network's seeds are the same here.
        copies = [("quadratic", 0), ("rosenbrock", 0), *(("network", seed) for seed in range(5))]
        parts = [
            frame.assign(problem=problem, loss_function=problem, seed=seed)
            for problem, seed in copies
        ]
        flow[name] = pd.concat(parts, ignore_index=True).assign(dataset="digits", examples=20)
        flow[name]["hidden_widths"] = [[3]] * len(flow[name])
    escapes = {
        name: {"loss": loss, "parameters": {"start": list(start)}} | limits
        for name, loss, start, limits in (
            ("saddle", "two_factor", (1e-3, 1e-3),
             {"level": 0.125, "horizon": 20.0, "rates": 8, "largest_rate": 1.0}),
            ("overshoot", "two_factor", (2.9, -2.76),
             {"level": 0.125, "horizon": 8.0, "rates": 12, "largest_rate": 0.24}),
            ("valley", "rosenbrock", (-1.2, 1.0),
             {"level": 0.5, "horizon": 1.5, "rates": 2, "largest_rate": 0.004}),
        )
    }  # fmt: skip
    measured = [
        flow_experiment.escapes(
            flow_experiment.named_loss(escape["loss"], escape["parameters"]), escape, tolerance
        ).assign(problem=name)
        for name, escape in escapes.items()
    ]
    settings = {
        "spectrum": spectrum,
        "start": start,
        "learning_rates": [0.001, 0.019, 0.021],
        "steps": 5000,
        "momenta": [0, 0.9],
        "scan": {"largest_rate": 0.045, "rates": 9, "steps": 200},
    }
    return flow | {
        "paths": quadratic_experiment.paths(spectrum, start, settings["learning_rates"], 5000),
        "scan": quadratic_experiment.convergence(spectrum, start, [0, 0.9], 0.045, 9, 200),
        "bracket": quadratic_experiment.thresholds(spectrum, start, [0, 0.9], 1000),
        "escape": pd.concat(measured, ignore_index=True),
        "curves": theory.quadratic_paths(settings),
        "bowl": theory.quadratic_bowl(settings),
        "rates": theory.quadratic_rates(settings),
        "thresholds": theory.quadratic_thresholds(settings),
        "predicted": theory.escapes(escapes),
    }


def taken(*names):
    return {name: simulated()[name] for name in names}


def quadratic_trajectories():
    tables = taken("paths", "bracket", "curves", "bowl", "thresholds")
    yield tables
    paths = tables["paths"]
    # The roles change: the small rate oscillates far out, the others come smoothly half way.
    other = paths.assign(theta_1=1.0, theta_2=1.0, distance=1.0 - 0.1 * (paths.step > 0))
    small = other.learning_rate == 0.001
    other.loc[small, "theta_2"] = (-1.0) ** other.step[small]
    doubled = tables["bracket"].assign(converging_rate=0.04, growing_rate=0.04)
    yield tables | {"paths": other, "bracket": doubled}
    # Only a rate in the middle, which had one step; then only one above, and no plain bisection.
    one = paths[(paths.learning_rate == 0.019) & (paths.step < 2)]
    yield tables | {"paths": one}
    for rate in (0.001, 0.021):
        rows = paths[paths.learning_rate == rate]
        yield tables | {"paths": rows, "bracket": tables["bracket"].query("momentum > 0")}


def quadratic_convergence_rate():
    tables = taken("scan", "bracket", "rates", "thresholds")
    yield tables
    bracket = tables["bracket"]
    yield tables | {"bracket": bracket.assign(converging_rate=0.02, growing_rate=0.02)}
    yield tables | {"bracket": bracket.assign(growing_rate=math.nan)}
    yield tables | {"bracket": bracket[bracket["momentum"] == 0]}


def gd_vs_flow_trajectories():
    tables = taken("flow", "landscape", "order")
    for power in (2.0, 0.5):
        yield changed(tables, "flow", distance_to_flow=tables["flow"].learning_rate ** power)
    scattered = tables["flow"].learning_rate ** (0.2 + 0.4 * tables["flow"].seed)
    yield changed(tables, "flow", distance_to_flow=scattered)
    yield changed(tables, "flow", distance_to_flow=math.nan)
    yield changed(tables, "flow", status="diverged")


def loss_vs_effective_time():
    tables = taken("flow", "order")
    yield tables
    yield changed(tables, "order", distance=tables["order"].learning_rate ** 0.5)
    yield changed(tables, "order", solver_error=1.0)
    yield one_seed(tables)


def escaping_slow_regions():
    tables = taken("escape", "predicted")
    yield tables
    escape = tables["escape"].assign(status="ok")
    for share in (2.0, math.inf):
        yield tables | {"escape": escape.assign(time=share * escape.flow_time)}
