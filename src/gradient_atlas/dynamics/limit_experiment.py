"""Heavy ball and Adam beside their continuous limits, as tables."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from gradient_atlas.dynamics.flow import Tolerance, values
from gradient_atlas.dynamics.limits import limit_of, modified_flow, solve
from gradient_atlas.dynamics.losses import Loss
from gradient_atlas.dynamics.optimizers import iterates

_POINTS = 201  # of a limit's own path: enough for a smooth line


def paths(name: str, loss: Loss, settings: Mapping[str, Any], tolerance: Tolerance) -> pd.DataFrame:
    """One limit of one loss and its optimiser at each number of steps (table ``limits``).

    ``settings`` are those of the limit: its parameters, the ``horizon`` in its own time, and the
    numbers of steps in which the optimiser goes there: a few as ``shown``, many as ``steps``.
    """
    horizon, dimension = settings["horizon"], len(loss.start)
    limit = limit_of(name, loss, settings)
    frames = []
    counts = {0: _POINTS - 1} | {n: n for n in (*settings["shown"], *settings["steps"])}
    grids = {key: horizon * np.arange(count + 1) / count for key, count in counts.items()}
    times = np.unique(np.concatenate(list(grids.values())))
    exact = solve(limit.velocity, limit.start, times, dimension, tolerance)
    tighter = solve(limit.velocity, limit.start, times, dimension, tolerance.tighter())
    error = float(np.linalg.norm(exact - tighter, axis=1).max())
    for count, grid in grids.items():
        there = exact[np.searchsorted(times, grid)]
        h = horizon / count if count else 0.0
        rate = limit.rate_of(h)
        if count:
            found = [*islice(iterates(loss, limit.optimizer(rate)), count + 1)]
            points = np.array([iterate.theta.numpy() for iterate in found])
            losses = np.array([iterate.loss for iterate in found])
        else:
            points, losses = there, values(loss, there)
        distance = np.linalg.norm(points - there, axis=1)
        frame = pd.DataFrame({"step": np.arange(len(grid)), "time": grid, "loss": losses})
        frame = frame.assign(steps=count, learning_rate=rate, distance=distance)
        frame["fine"] = count in settings["steps"]
        frame["modified_distance"] = np.nan
        if name == "rescaled_flow" and count:
            velocity, start = modified_flow(loss, settings["momentum"], h)
            end = solve(velocity, start, grid[[0, -1]], dimension, tolerance)[-1]
            frame.loc[count, "modified_distance"] = np.linalg.norm(points[-1] - end)
        lost = not np.isfinite(losses).all()
        frames.append(frame.assign(status="diverged" if lost else "ok"))
    return pd.concat(frames, ignore_index=True).assign(limit=name, solver_error=error)
