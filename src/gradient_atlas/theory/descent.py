"""What closed forms say of the experiments with descent, as tables (``schemas.theory``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradient_atlas.theory import quadratic, rosenbrock, two_factor

_CURVE = 400  # points of a drawn curve
_SIDE = 121  # of the grid on which the bowl is drawn
_BEYOND = 2.0  # the bowl is drawn to this many times the start


def quadratic_paths(settings: Mapping[str, Any]) -> pd.DataFrame:
    """The curves on which descent's steps must lie, for each rate (table ``quadratic_paths``).

    ``settings`` is the config's ``dynamics.quadratic``.
    """
    spectrum, start, steps = settings["spectrum"], settings["start"], settings["steps"]
    k = np.unique(np.concatenate([np.linspace(0, 10, 101), np.geomspace(1, steps, _CURVE)]))
    k = k[k <= steps]
    signs = np.sign(start[:2])
    frames = []
    for rate in settings["learning_rates"]:
        sizes = quadratic.magnitudes(rate, spectrum, start, k)
        seen = sizes[:, :2] * signs
        # A coordinate whose factor is negative changes sides at every step: two curves.
        sides = np.where(1.0 - rate * np.asarray(spectrum[:2], dtype=float) < 0, -1.0, 1.0)
        for branch in (1, -1) if (sides < 0).any() else (1,):
            drawn = seen * (sides if branch < 0 else 1.0)
            frames.append(
                pd.DataFrame(
                    {
                        "learning_rate": float(rate),
                        "branch": branch,
                        "k": k,
                        "theta_1": drawn[:, 0],
                        "theta_2": drawn[:, 1],
                        "loss": quadratic.losses(spectrum, sizes),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def quadratic_bowl(settings: Mapping[str, Any]) -> pd.DataFrame:
    """The loss on a grid about the minimum, other coordinates 0 (table ``quadratic_bowl``)."""
    spectrum, start = settings["spectrum"], settings["start"]
    reach = [_BEYOND * (abs(value) or 1.0) for value in start[:2]]
    first, second = (np.linspace(-side, side, _SIDE) for side in reach)
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    return pd.DataFrame(
        {
            "theta_1": grid[:, 0],
            "theta_2": grid[:, 1],
            "loss": quadratic.losses(spectrum[:2], grid),
            "curvature_1": float(spectrum[0]),
            "curvature_2": float(spectrum[1]),
            "dimensions": len(spectrum),
        }
    )


def quadratic_rates(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Contraction per step at the scanned rates and between them (table ``quadratic_rates``)."""
    spectrum, scan = settings["spectrum"], settings["scan"]
    scanned = scan["largest_rate"] * np.arange(1, scan["rates"] + 1) / scan["rates"]
    between = np.linspace(scanned[0] / 5, scanned[-1], _CURVE)
    rates = [(rate, True) for rate in scanned] + [(rate, False) for rate in between]
    rows = [
        {
            "momentum": float(momentum),
            "learning_rate": float(rate),
            "scanned": is_scanned,
            "contraction": quadratic.contraction(rate, spectrum, momentum),
        }
        for momentum in settings["momenta"]
        for rate, is_scanned in rates
    ]
    columns = ["momentum", "learning_rate"]
    return pd.DataFrame(rows).sort_values(columns, kind="stable", ignore_index=True)


def quadratic_thresholds(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Where each momentum diverges, plain descent always among them, and its best rate (table
    ``quadratic_thresholds``)."""
    spectrum = settings["spectrum"]
    best = quadratic.best_rate(spectrum)
    rows = [
        {
            "momentum": momentum,
            "threshold": quadratic.threshold(spectrum, momentum),
            "crossing_rate": 1.0 / max(spectrum) if momentum == 0 else np.nan,
            "best_rate": best if momentum == 0 else np.nan,
            "best_contraction": quadratic.contraction(best, spectrum) if momentum == 0 else np.nan,
        }
        for momentum in sorted({0.0, *map(float, settings["momenta"])})
    ]
    return pd.DataFrame(rows)


def escapes(settings: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Where each escape starts, and what is derived for that place (table ``escapes``).

    ``settings`` is the config's ``dynamics.flow.escapes``. Of a loss without theory, a user's own,
    everything derived is empty.
    """
    frames = []
    for problem, escape in settings.items():
        rates = escape["largest_rate"] * np.arange(1, escape["rates"] + 1) / escape["rates"]
        place, overshoots, diverges = _place(escape["loss"], escape["parameters"].get("start"))
        beside = place == "saddle"
        frames.append(
            pd.DataFrame(
                {
                    "problem": problem,
                    "learning_rate": rates,
                    "place": place,
                    "slowdown": [
                        two_factor.linear_slowdown(rate) if beside else np.nan for rate in rates
                    ],
                    "overshoot_rate": overshoots,
                    "divergence_rate": diverges,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _place(loss: str, start: Sequence[float] | None) -> tuple[str, float, float]:
    """Where the start of an escape is, and the rates from which descent overshoots and diverges."""
    if loss == "rosenbrock":
        return "valley", rosenbrock.overshoot_rate(start or (-1.2, 1.0)), np.nan
    if loss == "two_factor":
        start = start or (2.0, -1.9)
        if two_factor.is_beside_saddle(start):
            return "saddle", np.nan, np.nan
        if (r := two_factor.residual(start)) > 1:
            return "above_saddle", 1.0 / r, 2.0 / r
    return "", np.nan, np.nan
