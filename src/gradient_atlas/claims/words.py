"""What the conditions of several claims say in the same words, read off their rows."""

import math
from collections.abc import Sequence

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.changes import Group, Member
from gradient_atlas.measures.explosion import updates
from gradient_atlas.measures.layers import factors, predicted_factor
from gradient_atlas.measures.remedies import mean_span
from gradient_atlas.measures.runs import divergence_steps, mean
from gradient_atlas.runs.names import name_of

STABLE_ORDERS = "as F figure 1 says of what does not vanish"
STABLE = f"stable is within two orders of magnitude, {STABLE_ORDERS}"
LAYERS = "among the layers 2 to L-1"


def size_of(rows: DataFrame) -> str:
    """Depth, width and data set of one kind of run."""
    if rows.empty:
        return "not in the config"
    first = rows.iloc[0]
    return f"{first.depth} layers of width {first.width}, {first.dataset}"


def rate_of(runs: DataFrame) -> str:
    """The learning rate of one kind of run."""
    return f"η = {runs.learning_rate.iloc[0]:g}" if len(runs) else ""


def listed(steps: list[int]) -> str:
    """Different steps in order, as a sentence names them."""
    return ", ".join(str(step) for step in sorted(set(steps)))


def told(value: float, how: str = ".3f") -> str:
    """A number of a remark; in words where there is none."""
    return "not known" if math.isnan(value) else f"{value:{how}}"


def describe(rows: DataFrame, bound: str) -> str:
    """The condition of a claim: the network that ``rows`` are of, and the bound chosen."""
    if rows.empty:
        return f"no such network in the config's sweep; bound: {bound}"
    first = rows.iloc[0]
    weights = f"N(0, {first['weight_std'] ** 2:g})" if first["weight_std"] > 0 else None
    return (
        f"{first['depth']} layers of width {first['width']}, {weights or first['initialization']} "
        f"weights, {first['dataset']}, at initialisation, {first['precision']}; bound: {bound}"
    )


def weights_of(rows: DataFrame) -> str:
    """The weights of one kind of run: their standard deviation, or who prescribes them."""
    if rows.empty:
        return "not in the config"
    first = rows.iloc[0]
    if first["initialization"] == "normal":
        return f"weights of standard deviation {float(first['weight_std']):g}"
    return f"{name_of(first['initialization'])} weights"


def lost(runs: DataFrame) -> str:
    """How many seeds diverge, and when."""
    steps = divergence_steps(runs)
    when = f" at step {listed(steps)}" if steps else ""
    return f"{len(steps)} of {runs['seed'].nunique()} seeds diverge{when}"


def smallest_to_largest(values: Sequence[float]) -> str:
    """Smallest to largest over seeds; what is not finite is said."""
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return "not measured"
    low, high = (f"{value:.3g}".replace("inf", "∞") for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def describe_run(runs: DataFrame) -> str:
    """One run's condition in words; what it says is read from the table."""
    if runs.empty:
        return size_of(runs)
    first = runs.iloc[0]
    extra = f", λ = {first.weight_decay:g}" if first.weight_decay else ""
    if first.clip_norm is not None and np.isfinite(float(first.clip_norm)):
        extra += f", clipped at {float(first.clip_norm):g}"
    extra += f", {updates(runs)} updates"
    return f"{first.activation}, {size_of(runs)}, {weights_of(runs)}, {rate_of(runs)}{extra}"


def per_layer(rows: DataFrame) -> str:
    """By which factor the error signal of one kind of network changes, as a remark says it."""
    factor = mean(factors(rows))
    return "by no one factor" if np.isnan(factor) else f"by {factor:.3g} a layer towards the input"


def place_of(member: Member) -> str:
    return "-after-activation" if member.run.normalization_position == "after_activation" else ""


def network_of(group: Group, member: Member) -> str:
    run = member.run.to_frame().T
    return f"{group.run.activation}, {size_of(run)}, {weights_of(run)}"


def beside_plain(group: Group, member: Member) -> str:
    """Both spans, so that a reader may hold another bound against them."""
    said = f"The signal spans {mean_span(member.start):.3g} decades"
    if group.plain and len(group.plain.start):
        said += f", that of the plain network {mean_span(group.plain.start):.3g}"
    return f"{said}."


def factor_of(member: Member, theory: DataFrame) -> str:
    said = f"Per layer towards the input the factor is {mean(factors(member.start)):.3f}"
    predicted = predicted_factor(theory, member.start)
    return f"{said}." if np.isnan(predicted) else f"{said}, in theory {predicted:.3f}."
