"""What the sources say about weights that are too large: saturation, overflow, loss."""

from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.large_weights_remedies import remedies
from gradient_atlas.claims.words import GUESSING, listed, rate_of, size_of
from gradient_atlas.measures.layers import at_initialization, decades, factors
from gradient_atlas.measures.runs import (
    by_seed,
    diverged,
    divergence_steps,
    final_loss,
    mean,
    of_variant,
)

V, F = "V section", "F example 2"


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Saturation, overflow, ten layers of too large weights, and what is said to help."""
    start, metrics = at_initialization(tables["start"]), tables["metrics"]
    return [
        *saturation(start),
        *overflow(start, metrics),
        *bad_initialization(start, metrics),
        *remedies(tables["gradients"], metrics),
    ]


def largest_gradients(rows: DataFrame) -> list[float]:
    """log10 of the largest weight gradient among the layers, by seed."""
    return by_seed(rows, lambda seed: np.nanmax(decades(seed, "weight_gradient_norm")))


def saturation(start: DataFrame) -> list[Claim]:
    """How many units saturate, and how small the mean derivative gets."""
    found = []
    for name, largest in (("sigmoid", 0.25), ("tanh", 1.0)):
        rows = of_variant(start, f"{name}_1")
        shared: dict[str, Any] = {
            "source": F,
            "statement": "with weights of norm above 1 the forward activations explode and "
            "saturate, which gives a tiny derivative",
        }
        where = f"{name}, {size_of(rows)}, N(0,1) weights, at initialisation; "
        found += [
            Claim(
                claim=f"large-init-saturates/{name}-units",
                condition=where + "bound: most, more than half, of the units (a unit is saturated "
                "where its derivative is below a tenth of the largest)",
                quantity="share of saturated units, mean of the hidden layers",
                values=by_seed(rows, lambda seed: seed.saturated_fraction.mean()),
                lower=0.5,
                **shared,
            ),
            Claim(
                claim=f"large-init-saturates/{name}-derivative",
                condition=where + "bound: tiny is a tenth of the largest derivative or less, which "
                "is how a saturated unit is defined here",
                quantity="mean derivative over the largest, mean of the hidden layers",
                values=[
                    value / largest
                    for value in by_seed(rows, lambda seed: seed.mean_activation_derivative.mean())
                ],
                upper=0.1,
                remark=f"E[φ'] of a wide network falls as 1/√q only, √q being the size of z; the "
                "units near 0 carry the error signal, which changes by "
                f"{mean(factors(rows)):.2f} per layer towards the input: saturated, and not "
                "vanishing.",
                **shared,
            ),
        ]
    return found


def overflow(start: DataFrame, metrics: DataFrame) -> list[Claim]:
    """How large gradients are before training, and whether training stops being finite."""
    found = []
    for name in ("relu", "tanh", "sigmoid"):
        rows = of_variant(start, f"{name}_1")
        found.append(
            Claim(
                claim=f"float32-overflow/{name}-gradients",
                source=F,
                statement="gradients become huge (1e6 to 1e20)",
                condition=f"{name}, {size_of(rows)}, N(0,1) weights, at initialisation, float64; "
                "bounds: the sentence's",
                quantity="log10 of the largest weight gradient norm among the layers",
                values=largest_gradients(rows),
                lower=6.0,
                upper=20.0,
                unit="decades",
                remark=f"Per layer the error signal changes by {mean(factors(rows)):.3g} towards "
                "the input: √χ with χ = n σ² E[φ'²] (Schoenholz et al. 2017, eq. 9), which at one "
                "width is √(n/2) for ReLU and less the more a unit saturates. The printed range "
                "is that of one activation and depth, not of N(0,1) weights.",
            )
        )
    for variant in ("relu_1", "relu_10", "tanh_1", "tanh_10"):
        runs = of_variant(metrics, variant)
        name, _, size = variant.partition("_")
        found.append(
            Claim(
                claim=f"float32-overflow/{name}-{size}-diverges",
                source=F,
                statement="NaN or Inf in float32, and training diverges",
                condition=f"{name}, {size_of(runs)}, weights of standard deviation {size}, "
                f"float32, {rate_of(runs)}; bound: every seed",
                quantity="1 if loss or gradient became inf or nan, else 0",
                values=diverged(runs),
                lower=1.0,
                remark=_overflow_remark(runs),
            )
        )
    return found


def _overflow_remark(runs: DataFrame) -> str:
    """Where a run overflows, or why it does not."""
    if runs.empty:
        return ""
    if steps := divergence_steps(runs):
        where = "in the forward pass, before any update" if set(steps) == {0} else "while training"
        return f"Not finite at step {listed(steps)}: {where}."
    return (
        "float32 reaches to 3.4e38: a gradient of 1e6 to 1e20 fits, only its norm reads inf, when "
        "it squares first in float32. A bounded activation keeps the forward pass finite; the "
        "first update makes weights so large that every derivative rounds to 0. The network is "
        f"dead, not divergent: its loss ends at {mean(final_loss(runs)):.3g} nats."
    )


def bad_initialization(start: DataFrame, metrics: DataFrame) -> list[Claim]:
    """Ten layers with weights of standard deviation 10."""
    found = []
    for name in ("relu", "sigmoid"):
        rows = of_variant(start, f"{name}_10_shallow")
        found.append(
            Claim(
                claim=f"bad-init-explodes-relu/{name}-growth",
                source=f"{V} 6 (example), section 2",
                statement="with weights from N(0,10) gradients grow exponentially",
                condition=f"{name}, {size_of(rows)}, standard deviation 10 (the source writes "
                "Xavier with the standard deviation too; a variance of 10 would divide the factor "
                "of ReLU by √10); bound: a factor above 1",
                quantity="factor of the error signal's norm per layer towards the input",
                values=factors(rows),
                lower=1.0,
            )
        )
    runs = of_variant(metrics, "shallow")
    first = runs[runs.step == 0]
    return [
        *found,
        Claim(
            claim="bad-init-explodes-relu/loss",
            source=f"{V} 6 (example)",
            statement="with weights from N(0,10) the loss spikes",
            condition=f"relu, {size_of(runs)}, standard deviation 10, {rate_of(runs)}; bound: a "
            "spike is ten times the loss of guessing, 10 ln 10",
            quantity="largest finite training loss",
            values=by_seed(runs, lambda seed: seed.train_loss[np.isfinite(seed.train_loss)].max()),
            lower=10 * GUESSING,
            unit="nat",
            remark=f"The loss begins there ({mean(list(first.train_loss)):.2g}); after "
            f"{listed(divergence_steps(runs)) or 'no'} update it is no longer finite.",
        ),
    ]
