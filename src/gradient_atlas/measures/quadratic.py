"""What the paths of descent on a quadratic show, and its thresholds beside the closed form."""

import numpy as np
from pandas import DataFrame

ARRIVED = 0.01  # of the distance at the start: no figure shows it as more than a dot

OF_A_RATE = [
    "learning_rate", "role", "sign_changes", "left", "converged", "arrival", "steps", "status",
]  # fmt: skip


def runs(paths: DataFrame, thresholds: DataFrame) -> DataFrame:
    """One row a learning rate, in order.

    Args:
        paths: table ``dynamics/quadratic``.
        thresholds: table ``theory/quadratic_thresholds``.

    Returns:
        learning_rate; ``role`` by the closed form: ``small`` (η below 1/λ_max: no parameter may
        change sign), ``medium`` (below 2/λ_max) or ``large``; ``sign_changes`` of θ_1 and θ_2;
        ``left``, the distance to the minimum at the end over that at the start; ``converged``, the
        same, but nan for a run that still comes nearer and has not arrived; ``arrival``, the first
        step at which it has, or nan; ``steps``; ``status``.
    """
    rows = []
    for rate, path in paths.groupby("learning_rate"):
        path = path.sort_values("step")
        distance = path["distance"].to_numpy() / path["distance"].iloc[0]
        signs = np.sign(path[["theta_1", "theta_2"]].to_numpy())
        arrived = path["step"][distance <= ARRIVED]
        early = len(distance) > 1 and distance[-1] < distance[-2] and distance[-1] > ARRIVED
        plain = thresholds[thresholds["momentum"] == 0].iloc[0]
        above = int(rate > plain["crossing_rate"]) + int(rate > plain["threshold"])
        rows.append(
            {
                "learning_rate": rate,
                "role": ("small", "medium", "large")[above],
                "sign_changes": float((signs[1:] * signs[:-1] < 0).sum()),
                "left": distance[-1],
                "converged": np.nan if early else distance[-1],
                "arrival": arrived.min(),
                "steps": int(path["step"].max()),
                "status": path["status"].iloc[-1],
            }
        )
    return DataFrame(rows, columns=OF_A_RATE)


def manner(run: DataFrame) -> str:
    """How a row of ``runs`` goes, in a word."""
    if run.status == "diverged":
        return "diverges"
    return "oscillates" if run.sign_changes > 1 else "smooth"


def bracketed(bracket: DataFrame, thresholds: DataFrame) -> DataFrame:
    """One row a momentum: ``measured``, the middle of the bisection's bracket, and ``threshold``,
    the closed form."""
    middle = (bracket["converging_rate"] + bracket["growing_rate"]) / 2
    return bracket.assign(measured=middle).merge(thresholds, on="momentum", how="left")


def contraction_errors(scan: DataFrame, rates: DataFrame) -> DataFrame:
    """Rows of ``scan`` with the closed form's ``predicted`` contraction and the ``error``, the
    relative difference. Both tables list the scanned rates in the same order."""
    keys = ["momentum", "learning_rate"]
    scan = scan.sort_values(keys, ignore_index=True)
    known = rates[rates["scanned"]].sort_values(keys, ignore_index=True)
    predicted = known["contraction"].reindex(scan.index).to_numpy()
    return scan.assign(predicted=predicted, error=(scan["contraction"] / predicted - 1).abs())
