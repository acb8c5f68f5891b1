"""With which order in the learning rate optimisers come to their continuous limits."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.flows import RESOLVED

# The order in η that is expected of a distance, by limit and column; see dynamics.limits. A step of
# the inertial flow takes √η, and Euler's method is of first order in it.
EXPECTED = {
    ("rescaled_flow", "distance"): 1.0,
    ("rescaled_flow", "modified_distance"): 2.0,
    ("inertial_flow", "distance"): 0.5,
    ("sign_flow", "distance"): 1.0,
    ("adaptive_flow", "distance"): 1.0,
}


def ends(limits: DataFrame, name: str, column: str) -> DataFrame:
    """The last step of each fine run of one limit (table ``limits``) whose distance ``column`` is
    resolved: seed, learning_rate, ``distance``; nan where it is not, or the run diverged."""
    own = limits[(limits["limit"] == name) & limits["fine"]]
    last = own[own["step"] == own["steps"]]
    resolved = (last["status"] == "ok") & (last[column] > RESOLVED * last["solver_error"])
    found = last[["seed", "learning_rate"]].assign(distance=last[column].where(resolved))
    return found.sort_values(["seed", "learning_rate"], ignore_index=True)


def orders(limits: DataFrame, name: str, column: str) -> list[float]:
    """The fitted order by seed; nan where a distance is not resolved or one rate is all."""
    fitted = []
    for _, rows in ends(limits, name, column).groupby("seed"):
        known = len(rows) > 1 and rows["distance"].notna().all()
        fitted.append(
            float(np.polyfit(np.log(rows["learning_rate"]), np.log(rows["distance"]), 1)[0])
            if known
            else np.nan
        )
    return fitted


def shown(limits: DataFrame, name: str) -> DataFrame:
    """The rows of a limit's smallest seed that are drawn: the limit itself, and few steps."""
    own = limits[(limits["limit"] == name) & ((limits["steps"] == 0) | ~limits["fine"])]
    return own[own["seed"] == own["seed"].min()]
