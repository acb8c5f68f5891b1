"""Transformers before training by where their norm stands, and what warm-up does to their loss."""

import json
import math
from dataclasses import dataclass

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.blocks import ERROR, WEIGHT, Stack, deepest, kinds, stacks
from gradient_atlas.measures.runs import final_loss
from gradient_atlas.runs.names import name_of
from gradient_atlas.runs.network import whole_options

ENDINGS = ("attention.output", "contract")  # the last matrix of each branch


def encoders(tables: dict[str, DataFrame], queries: str = "zero") -> dict[str, list[Stack]]:
    """The networks whose queries start so, by their norm and by depth."""
    if "modules" not in tables:
        return {}
    found = stacks(tables["modules"], tables["theory"], "transformer", "layers", ENDINGS)
    same = [one for one in found if one.options["queries"] == queries]
    return {norm: many for (norm,), many in kinds(same, "norm").items()}


def last_signals(network: Stack) -> list[float]:
    """By seed, log10 of the error signal at the output of the last layer's second matrix."""
    return [float(value) for value in network.of(ERROR).iloc[:, -1]]


def last_gradients(network: Stack) -> list[float]:
    """By seed, log10 of the weight gradient of the last layer's second matrix."""
    return [float(value) for value in network.of(WEIGHT).iloc[:, -1]]


def perceptron_change(network: Stack) -> list[float]:
    """By seed, decades between the weight gradients of the first and last layer's second matrix."""
    values = network.of(WEIGHT)
    return [float(value) for value in values.iloc[:, 1] - values.iloc[:, -1]]


def depth_exponents(networks: list[Stack]) -> list[float]:
    """By seed, the power of the depth with which ``last_signals`` goes, by least squares."""
    known = [one for one in networks if len(one.rows)]
    if len({one.depth for one in known}) < 2:
        return []
    seeds = sorted(set.intersection(*(set(one.rows["seed"]) for one in known)))
    depths = np.log10([one.depth for one in known])
    by_depth = [one.of(ERROR).iloc[:, -1] for one in known]
    found = []
    for seed in seeds:
        levels = np.array([values[seed] for values in by_depth])
        known_all = np.isfinite(levels).all()
        found.append(float(np.polyfit(depths, levels, 1)[0]) if known_all else math.nan)
    return found


def predicted_exponent(networks: list[Stack]) -> float:
    """The same of theory; nan where there is none."""
    levels = [one.predicted(f"predicted_log10_{ERROR}") for one in networks]
    if len(networks) < 2 or not all(levels):
        return math.nan
    depths = np.log10([one.depth for one in networks])
    return float(np.polyfit(depths, [values[-1] for values in levels], 1)[0])


@dataclass(frozen=True)
class Trained:
    """One run of the sweep about warm-up: its rows of ``metrics`` and what tells it apart."""

    norm: str
    layers: int
    width: int
    optimizer: str
    warmup_steps: int
    metrics: DataFrame

    @property
    def final_losses(self) -> list[float]:
        """By seed, after the last update; inf where it diverged."""
        return final_loss(self.metrics)


def trained(tables: dict[str, DataFrame]) -> list[Trained]:
    """The runs about warm-up, in the config's order."""
    rows = tables.get("warmup")
    if rows is None or rows.empty:
        return []
    found = []
    keys = ["architecture_options", "warmup_steps", "learning_rate", "optimizer"]
    for _, one in rows.groupby(keys, sort=False):
        first = one.iloc[0]
        options = whole_options("transformer", json.loads(first["architecture_options"]))
        found.append(
            Trained(
                options["norm"],
                int(options["layers"]),
                int(options["width"]),
                name_of(first["optimizer"]),
                int(first["warmup_steps"]),
                one,
            )
        )
    return found


def losses_of(runs: list[Trained], norm: str, warmed: bool) -> list[float]:
    """By seed, the final losses of the first run with this norm, with warm-up or without."""
    for run in runs:
        if run.norm == norm and (run.warmup_steps > 0) == warmed:
            return run.final_losses
    return []


def queries_over_values(tables: dict[str, DataFrame], norm: str) -> list[float]:
    """By seed, log10 of the last layer's weight gradient of its queries over that of its values.

    Of the deepest network with this norm whose queries are drawn.
    """
    if "modules" not in tables:
        return []
    endings = ("attention.query", "attention.value")
    found = stacks(tables["modules"], tables["theory"], "transformer", "layers", endings)
    same = [one for one in found if one.options["norm"] == norm]
    drawn = [one for one in same if one.options["queries"] != "zero" and len(one.rows)]
    one = deepest(drawn)
    if one is None:
        return []
    values = one.of(WEIGHT)
    return [float(value) for value in values.iloc[:, -2] - values.iloc[:, -1]]
