"""How near the central flow comes to descent, read off the table ``central_flow``."""

import numpy as np
import pandas as pd

AVERAGED = 100  # steps of a mean: many periods of the oscillation, a small part of the training


# Columns of ``at_edge``.
OF_A_SEED = [
    "seed", "arrival", "windows", "with_variance", "worst", "alone", "central", "gradient", "moved",
    "farther", "oscillation", "by_gradient", "critical", "flow_ratio", "central_ratio",
    "descent_ratio",
]  # fmt: skip


def of_method(paths: pd.DataFrame, method: str) -> pd.DataFrame:
    """The rows of one method in order of the step."""
    return paths[paths["method"] == method].sort_values("step")


def at_edge(paths: pd.DataFrame) -> pd.DataFrame:
    """One row a seed, over the steps from which the central flow's variance is positive.

    ``arrival``, the first such step (nan: never); ``windows``, how many means of ``AVERAGED`` steps
    fit behind it; ``with_variance`` and ``alone``, the mean over them of the relative error of
    descent's mean loss as predicted by L(w) + tr X/η and by L(w) alone; ``worst``, the largest
    of the first kind; ``by_gradient``, the error of the gradient flow's loss; ``farther``, the
    share of these steps at which the central flow is farther than the gradient flow;
    ``oscillation``, √tr X at the last step, descent's rms distance from its mean as the central
    flow predicts it; ``central``
    and ``gradient``, the flows' distances from descent at the last
    step, and ``moved``, how far descent itself has come from its start; the largest number of
    ``critical`` eigenvalues; each path's largest sharpness over 2/η. nan for what was not reached.
    """
    rows = []
    for seed, run in paths.groupby("seed"):
        central, gradient = of_method(run, "central_flow"), of_method(run, "gradient_flow")
        descent = of_method(run, "descent")
        half_rate = float(run["learning_rate"].iloc[0]) / 2
        arrival = central["step"][central["variance"] > 0].min()
        late = central["step"].to_numpy() >= arrival
        real = means(descent["train_loss"].to_numpy()[late])
        predicted = means(central["predicted_loss"].to_numpy()[late])
        without = means(central["train_loss"].to_numpy()[late])
        slow = means(gradient["train_loss"].to_numpy()[late])
        apart = central["distance"].to_numpy() - gradient["distance"].to_numpy()
        reached = len(real) > 0
        error = np.abs(predicted / real - 1)
        rows.append(
            {
                "seed": seed,
                "arrival": arrival,
                "windows": len(real),
                "with_variance": error.mean() if reached else np.nan,
                "worst": error.max() if reached else np.nan,
                "alone": np.abs(without / real - 1).mean() if reached else np.nan,
                "central": central["distance"].iloc[-1] if late.any() else np.nan,
                "gradient": gradient["distance"].iloc[-1] if late.any() else np.nan,
                "moved": descent["moved"].iloc[-1] if late.any() else np.nan,
                "farther": (apart[late] > 0).mean() if late.any() else np.nan,
                "oscillation": np.sqrt(central["variance"].iloc[-1]) if late.any() else np.nan,
                "by_gradient": np.abs(slow / real - 1).mean() if reached else np.nan,
                "critical": central["critical"].max(),
                "flow_ratio": gradient["sharpness"].max() * half_rate,
                "central_ratio": central["sharpness"].max() * half_rate,
                "descent_ratio": descent["sharpness"].max() * half_rate,
            }
        )
    return pd.DataFrame(rows, columns=OF_A_SEED)


def means(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> pd.Series:
    """Means of ``AVERAGED`` values each, from the first on; an incomplete rest is left out."""
    whole = len(values) // AVERAGED
    return pd.Series(values[: whole * AVERAGED].reshape(whole, AVERAGED).mean(axis=1))
