"""What depth does to the signal and to learning, for activations that saturate."""

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.runs import where
from gradient_atlas.measures.trainable_depth import (
    LEARNT,
    SATURATING,
    at_best_rate,
    budgets,
    decades_per_added_layer,
    ends,
    kinds,
    share_of_shallow,
    signal_ratios,
)
from gradient_atlas.runs.names import name_of

# The networks that the sentences are asked of, whether or not the config has them.
ASKED = (("sigmoid", "xavier"), ("tanh", "standard"), ("tanh", "orthogonal"))
HALF = 0.5


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Does depth amplify the decay, and how do the deepest networks learn?"""
    metrics = tables["metrics"]
    saturating = metrics[metrics.activation.isin(SATURATING)]
    drawn = [(rows.activation.iloc[0], rows.initialization.iloc[0]) for rows in kinds(saturating)]
    found = []
    for activation, initialization in dict.fromkeys([*ASKED, *drawn]):
        same = {"activation": activation, "initialization": initialization}
        found.append(_amplified(activation, initialization, where(tables["gradients"], **same)))
        # The sentences speak of networks that lose the signal, not of one that keeps it.
        if _vanishes(where(tables["gradients"], **same)):
            found += _learning(activation, initialization, where(metrics, **same))
    return found


def _vanishes(gradients: DataFrame) -> bool:
    """Whether the deepest such network loses more than is called stable; so where there is none."""
    ratios = signal_ratios(gradients)
    deepest = ratios[ratios.depth == ratios.depth.max()].ratio
    return deepest.empty or bool(deepest.mean() < -STABLE_DECADES)


def _amplified(activation: str, initialization: str, gradients: DataFrame) -> Claim:
    ratios = signal_ratios(gradients)
    depths = sorted(ratios.depth.unique())
    shown = f"depths {', '.join(map(str, depths))}" if depths else "no such depth in the config"
    remark = ""
    if len(depths) > 1:
        of = ratios.groupby("depth").ratio.mean()
        remark = (
            f"Layer 1 has {10 ** of.iloc[0]:.2g} of the last hidden layer's signal at depth "
            f"{depths[0]} and {10 ** of.iloc[-1]:.2g} at {depths[-1]}."
        )
    return Claim(
        claim=f"deeper-amplifies/{activation}-{initialization}",
        source="V section 1",
        statement="the deeper the network, the more layers gradients must propagate through, "
        "amplifying the effect",
        condition=f"{name_of(activation)}, {name_of(initialization)}, {shown}, before training; "
        "the effect is the loss of error signal from the last hidden layer to the first; bound: "
        "each added layer loses some",
        quantity="slope of log10 ‖δ^(1)‖/‖δ^(L-1)‖ against the depth L",
        values=decades_per_added_layer(ratios),
        upper=float(np.nextafter(0.0, -1.0)),
        unit="decades/layer",
        remark=remark,
    )


def _learning(activation: str, initialization: str, metrics: DataFrame) -> Iterator[Claim]:
    """Two sentences about the deepest network beside the shallowest of the same kind."""
    best, how, remark = metrics, "no such network in the config", ""
    if len(metrics):
        _, full = budgets(metrics)
        best = at_best_rate(metrics, full)
        how = (
            f"depth {best.depth.max()} beside depth {best.depth.min()}, width "
            f"{metrics.width.iloc[0]}, {metrics.dataset.iloc[0]}, {full} updates, each depth at "
            f"the best of {metrics.learning_rate.nunique()} rates"
        )
        remark = _remark(metrics, best, full)
    network = f"{name_of(activation)}, {name_of(initialization)}, {how}"
    half = (
        f"half of what the shallow network, which must have learnt (training accuracy {LEARNT:g}), "
        "has above guessing: nearer to it than to guessing"
    )
    for claim, source, statement, column in (
        (
            "underfitting",
            "V section 4",
            "early layers learn much slower than later layers, leading to underfitting; common "
            "with sigmoid or tanh in deep networks",
            "train_accuracy",
        ),
        (
            "poor-performance",
            "V section 1",
            "the network fails to capture complex patterns, leading to poor performance",
            "test_accuracy",
        ),
    ):
        which = column.replace("_", " ").replace("train ", "training ")
        yield Claim(
            claim=f"{claim}/{activation}-{initialization}",
            source=source,
            statement=statement,
            condition=f"{network}; bound: {half}",
            quantity=f"{which} above guessing over that of the shallow network",
            values=share_of_shallow(best, column),
            upper=HALF,
            remark=remark,
        )


def _remark(metrics: DataFrame, best: DataFrame, full: int) -> str:
    deepest = metrics[metrics.depth == metrics.depth.max()]
    rates = ends(deepest, full).groupby("learning_rate").train_accuracy.mean()
    of = best.groupby("depth").train_accuracy.mean()
    by_depth = ", ".join(f"{accuracy:.2f} at {depth}" for depth, accuracy in of.items())
    by_rate = ", ".join(f"{accuracy:.2f} at {rate:g}" for rate, accuracy in rates.items())
    return f"Mean training accuracy by depth: {by_depth}; of the deepest by rate: {by_rate}."
