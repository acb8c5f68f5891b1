"""Descent beside its flow as tables: paths, the loss around them, orders, and times of escape."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gradient_atlas.dynamics import flow as flows
from gradient_atlas.dynamics import losses
from gradient_atlas.dynamics.descent import Trajectory, descend
from gradient_atlas.dynamics.losses import Loss
from gradient_atlas.errors import InputError
from gradient_atlas.runs import extension

LOSSES: dict[str, Callable[..., Loss]] = {
    "quadratic": losses.quadratic,
    "rosenbrock": losses.rosenbrock,
    "two_factor": losses.two_factor,
}
_FLOW_POINTS = 201  # of a path, besides descent's own times: enough for a smooth line
_GRID = 61  # loss values a side of a landscape


def named_loss(name: str, parameters: Mapping[str, Any]) -> Loss:
    """The loss ``name`` of ``LOSSES``, or a user's own ``module:function``, with ``parameters``.

    Raises ``InputError`` for an unknown name or parameter.
    """
    if name not in LOSSES and not extension.is_extension(name):
        raise InputError(f"loss: {name!r} is not one of {', '.join(LOSSES)} or module:function")
    make = LOSSES.get(name) or extension.load(name, "loss")
    try:
        return make(**parameters)
    except TypeError as error:
        raise InputError(f"loss {name}: parameters {dict(parameters)}: {error}") from None


def simulate(settings: Mapping[str, Any], networks: Mapping[int, Loss]) -> dict[str, pd.DataFrame]:
    """Every problem of the config's ``dynamics.flow``, by table.

    Args:
        settings: the section of the config.
        networks: by seed the loss of its ``network``.
    """
    tolerance = flows.Tolerance(**settings["tolerance"])
    tables: dict[str, list[pd.DataFrame]] = {}

    def add(problem: str, frames: Mapping[str, pd.DataFrame], **known: object) -> None:
        for table, frame in frames.items():
            tables.setdefault(table, []).append(frame.assign(problem=problem, **known))

    for name, problem in settings["problems"].items():
        loss = named_loss(problem["loss"], problem["parameters"])
        add(name, compare(loss, problem, tolerance), seed=0, loss_function=problem["loss"])
    for seed, loss in networks.items():
        found = compare(loss, settings["network"], tolerance)
        add("network", found, seed=seed, loss_function="network")
    for name, escape in settings["escapes"].items():
        loss = named_loss(escape["loss"], escape["parameters"])
        add(name, {"escape": escapes(loss, escape, tolerance)})
    return {table: pd.concat(frames, ignore_index=True) for table, frames in tables.items()}


def compare(
    loss: Loss, settings: Mapping[str, Any], tolerance: flows.Tolerance
) -> dict[str, pd.DataFrame]:
    """``paths`` and ``orders`` of one problem, by table."""
    method, order = settings["method"], settings["order"]
    flow, landscape = paths(
        loss, method, settings["horizon"], settings["learning_rates"], tolerance
    )
    distances = orders(loss, method, order["horizon"], order["steps"], tolerance)
    return {"flow": flow, "landscape": landscape, "order": distances}


def paths(
    loss: Loss,
    method: str,
    horizon: float,
    learning_rates: Sequence[float],
    tolerance: flows.Tolerance,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flow and descents up to time ``horizon`` (table ``flow``), and the loss around them
    (``landscape``).

    Where θ has more than two coordinates, theta_1 and theta_2 are those in the plane that holds
    most of the paths: the first two principal components of their points.
    """
    descents = [descend(loss, rate, int(horizon / rate + 1e-9)) for rate in learning_rates]
    smooth = np.linspace(0.0, horizon, _FLOW_POINTS)
    times = np.unique(np.concatenate([smooth, *(path.times for path in descents)]))
    times = times[times <= horizon]
    flow, error = flows.flow_and_error(loss, times, method, tolerance)
    drawn = [flow] + [path for path in descents if path.status == "ok"]
    plane = _plane(np.concatenate([path.points for path in drawn]))
    frames = [_path_frame("flow", 0.0, flow, np.zeros(len(times)), plane)]
    for rate, path in zip(learning_rates, descents, strict=True):
        # A last step k may end at kη one rounding beyond the horizon.
        at = np.minimum(np.searchsorted(times, path.times), len(times) - 1)
        distance = np.linalg.norm(path.points - flow.points[at], axis=1)
        frames.append(_path_frame("descent", rate, path, distance, plane))
    frame = pd.concat(frames, ignore_index=True).assign(solver_error=error)
    shown = frame[(frame["method"] == "flow") | (frame["status"] == "ok")]
    return frame, _landscape(loss, plane, shown[["theta_1", "theta_2"]].to_numpy())


def orders(
    loss: Loss, method: str, horizon: float, steps: Sequence[int], tolerance: flows.Tolerance
) -> pd.DataFrame:
    """Distance at time ``horizon`` of descent and RK4 to the flow, and of descent to the modified
    flow, for each number of steps (table ``order``).

    RK4 makes a quarter of the steps, and so evaluates as many gradients as descent.
    """
    ends = np.array([0.0, horizon])
    flow, flow_error = flows.flow_and_error(loss, ends, method, tolerance)
    rows = []
    for count in steps:
        rate, quarter = horizon / count, max(1, count // 4)
        descent = descend(loss, rate, count)
        modified, modified_error = flows.flow_and_error(loss, ends, method, tolerance, rate)
        fourth = flows.runge_kutta_4(loss, horizon / quarter, quarter)
        for name, step_size, path, reference, exact, error in (
            ("descent", rate, descent, "flow", flow, flow_error),
            ("descent", rate, descent, "modified_flow", modified, modified_error),
            ("runge_kutta_4", horizon / quarter, fourth, "flow", flow, flow_error),
        ):
            distance = float(np.linalg.norm(path.points[-1] - exact.points[-1]))
            rows.append(
                {
                    "method": name,
                    "reference": reference,
                    "learning_rate": step_size,
                    "time": horizon,
                    "distance": distance if path.status == "ok" else np.inf,
                    "solver_error": error,
                    "status": path.status,
                }
            )
    return pd.DataFrame(rows)


def escapes(loss: Loss, settings: Mapping[str, Any], tolerance: flows.Tolerance) -> pd.DataFrame:
    """Time t = kη that descent needs to reach a loss, beside the flow's (table ``escape``).

    The settings give that loss, ``level``; the ``horizon``, beyond which a time is inf and to which
    each run goes on, to see whether it diverges; and ``rates`` equidistant learning rates up to
    ``largest_rate``.
    """
    level, horizon, rates = settings["level"], settings["horizon"], settings["rates"]
    flow_time = flows.time_to_loss(loss, level, horizon, tolerance)
    again = flows.time_to_loss(loss, level, horizon, tolerance.tighter())
    rows = []
    for rate in settings["largest_rate"] * np.arange(1, rates + 1) / rates:
        path = descend(loss, rate, int(horizon / rate))
        reached = np.flatnonzero(path.losses <= level)
        rows.append(
            {
                "learning_rate": rate,
                "time": path.times[reached[0]] if len(reached) else np.inf,
                "flow_time": flow_time,
                "solver_error": abs(flow_time - again),
                "status": path.status,
            }
        )
    start = [float(value) for value in loss.start[:2]]
    return pd.DataFrame(rows).assign(start_1=start[0], start_2=start[1], level=level)


def _plane(
    points: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Origin (d,), orthonormal axes (2, d) and the share of the squared distances in the plane."""
    dimension = points.shape[1]
    if dimension <= 2:
        return np.zeros(dimension), np.eye(dimension), 1.0
    origin = points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(points - origin, full_matrices=False)
    axes = axes[:2]
    largest = axes[np.arange(2), np.abs(axes).argmax(axis=1)]  # a singular vector has no sign
    return (
        origin,
        axes * np.sign(largest)[:, None],
        float((sizes[:2] ** 2).sum() / (sizes**2).sum()),
    )


def _path_frame(
    method: str,
    learning_rate: float,
    path: Trajectory,
    distance: NDArray[np.float64],
    plane: tuple[NDArray[np.float64], NDArray[np.float64], float],
) -> pd.DataFrame:
    origin, axes, _ = plane
    seen = (path.points - origin) @ axes.T
    return pd.DataFrame(
        {
            "method": method,
            "learning_rate": learning_rate,
            "step": np.arange(len(path.times)),
            "time": path.times,
            "theta_1": seen[:, 0],
            "theta_2": seen[:, 1],
            "displacement": np.linalg.norm(path.points - path.points[0], axis=1),
            "distance_to_flow": distance,
            "loss": path.losses,
            "status": path.status,
        }
    )


def _landscape(
    loss: Loss,
    plane: tuple[NDArray[np.float64], NDArray[np.float64], float],
    seen: NDArray[np.float64],
) -> pd.DataFrame:
    origin, axes, share = plane
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = 0.15 * (high - low).max()
    first, second = (
        np.linspace(low[side] - margin, high[side] + margin, _GRID) for side in range(2)
    )
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    with torch.no_grad():
        values = flows.values(loss, origin + grid @ axes)
    return pd.DataFrame(
        {"theta_1": grid[:, 0], "theta_2": grid[:, 1], "loss": values, "plane_share": share}
    )
