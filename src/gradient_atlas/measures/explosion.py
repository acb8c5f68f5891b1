"""What weights that are too large, or a rate that is too high, do to gradients and updates."""

import math

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.changes import (
    SWITCHES,
    Group,
    Member,
    changes,
    initial_weights,
    is_untreated,
)
from gradient_atlas.measures.layers import WEIGHT, decades
from gradient_atlas.measures.runs import by_seed, last_rows, mean
from gradient_atlas.runs.names import change_name, name_of


def largest_gradients(rows: DataFrame) -> list[float]:
    """log10 of the largest weight gradient among the layers, by seed; nan where none is finite."""
    return by_seed(rows, lambda seed: _largest(decades(seed, WEIGHT)))


def largest_updates(gradients: DataFrame) -> list[float]:
    """log10 of the largest ‖ΔW‖/‖W‖ of any layer at any logged update, by seed.

    inf where weights ceased to be finite; nan where no update was made.
    """

    def largest(seed: DataFrame) -> float:
        made = seed["step"] < seed["step"].max()  # the last logged step has no update after it
        if not made.any():
            return math.nan
        ratios = seed["update_ratio"][made].to_numpy(dtype=float)
        if not np.isfinite(ratios).all():
            return math.inf
        return math.log10(ratios.max()) if ratios.max() > 0 else -math.inf

    return by_seed(gradients, largest)


def largest_losses(metrics: DataFrame) -> list[float]:
    """The largest finite training loss at a logged step, by seed."""
    return by_seed(metrics, lambda s: s["train_loss"][np.isfinite(s["train_loss"])].max())


def overshoots(metrics: DataFrame) -> list[float]:
    """1 for a seed whose loss at some logged step lies above the one it started from, else 0.

    A run that stops being finite has overshot as well; nan where no loss was evaluated. A step of
    descent below 2/S lowers the loss; a loss above the start is none that noise of minibatches
    makes.
    """

    def overshot(seed: DataFrame) -> float:
        run = seed.sort_values("step")
        losses = run["train_loss"].to_numpy(dtype=float)
        diverged = run["status"].eq("diverged").any()
        if np.isnan(losses).all() and not diverged:
            return math.nan
        above = (losses[1:] > losses[0]).any() or not np.isfinite(losses).all()
        return float(above or diverged)

    return by_seed(metrics, overshot)


def weight_norms(gradients: DataFrame) -> list[float]:
    """Norm of all weights at the last logged step, by seed."""

    def norm(seed: DataFrame) -> float:
        return float(np.linalg.norm(seed[seed["step"] == seed["step"].max()]["weight_norm"]))

    return by_seed(gradients, norm)


def saturated_at_the_end(gradients: DataFrame) -> list[float]:
    """Share of saturated units in the hidden layers at the last logged step, by seed."""

    def share(seed: DataFrame) -> float:
        return float(seed[seed["step"] == seed["step"].max()]["saturated_fraction"].mean())

    return by_seed(gradients, share)


def move_of_an_update(metrics: DataFrame) -> float:
    """Norm of one clipped update over that of the hidden weights it starts at, in one network.

    η times the threshold against √(L-2) n σ; nan where the run is not clipped or its weights have
    no standard deviation of their own.
    """
    first = metrics.iloc[0]
    hidden = first["width"] * float(first["weight_std"]) * math.sqrt(max(first["depth"] - 2, 1))
    return float(first["learning_rate"]) * float(first["clip_norm"]) / hidden


def geometric_mean(values: list[float]) -> float:
    """Of losses that lie decades apart; nan without values."""
    positive = [value for value in values if value > 0]
    return float(10 ** np.mean(np.log10(positive))) if positive else math.nan


def updates(metrics: DataFrame) -> int:
    """Updates of the longest run."""
    return int(last_rows(metrics)["step"].max()) if len(metrics) else 0


def accuracy(metrics: DataFrame) -> float:
    """Final training accuracy, mean over the seeds that did not diverge; nan of none."""
    last = last_rows(metrics) if len(metrics) else metrics
    return mean(list(last[last["status"] == "ok"]["train_accuracy"])) if len(last) else math.nan


def _largest(values: np.ndarray) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else math.nan


def panels(found: list[Group]) -> dict[str, list[Member]]:
    """Each kind of run under training once, by a title: its depth, and weights if prescribed.

    The deepest networks come first; those of weights that no method prescribes before the others.
    Shallower ones stand together, whatever their weights.
    """
    depths = sorted({int(group.run["depth"]) for group in found}, reverse=True)
    parts: dict[str, list[Member]] = {}
    kinds = [(depth, None) for depth in depths[1:]]
    for depth, untreated in [(depths[0], True), *kinds, (depths[0], False)] if depths else []:
        chosen = [
            member
            for group in found
            for member in group.members
            if int(member.run["depth"]) == depth
            and len(member.metrics)
            and untreated in (None, is_untreated(member.run))
        ]
        once = list({member.parameters: member for member in chosen}.values())
        once.sort(key=lambda member: not is_untreated(member.run))
        if once:
            same = {initial_weights(member.run) for member in once}
            weights = f", {same.pop()}" if len(same) == 1 else ""
            common = _common_rate(once)
            rate = "" if common is None else f", {change_name('rate', common.run)}"
            parts[f"{depth} layers{weights}{rate}"] = once
    return parts


def called(members: list[Member]) -> list[tuple[str, DataFrame]]:
    """Name and runs of each member: what differs among them, but for the rate of most of them."""
    activations = {member.run["activation"] for member in members}
    weights = {initial_weights(member.run) for member in members}
    common = _common_rate(members)
    rows = []
    for member in members:
        run = member.run
        parts = [name_of(run["activation"])] if len(activations) > 1 else []
        parts += [initial_weights(run)] if len(weights) > 1 else []
        if common is None or run["learning_rate"] != common.run["learning_rate"]:
            parts.append(change_name("rate", run))
        state = changes(run)
        parts += [change_name(kind, run) for kind in SWITCHES if state[kind]]
        rows.append((", ".join(parts) or "nothing", member.metrics))
    return rows


def _common_rate(members: list[Member]) -> Member | None:
    """A member that has the rate of more than half of them, if there is one."""
    rates = [float(member.run["learning_rate"]) for member in members]
    most = max(set(rates), key=rates.count)
    return members[rates.index(most)] if 2 * rates.count(most) > len(rates) else None
