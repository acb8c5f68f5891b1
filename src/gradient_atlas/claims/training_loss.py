"""Plateaus and decreases of the training loss, and what vanishing costs in the end."""

from typing import Any

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import factors
from gradient_atlas.measures.plateaus import (
    FEW_EPOCHS,
    GUESSES,
    LAST_EPOCHS,
    MEANINGFUL,
    PLATEAU,
    RECOMMENDED,
    SETTINGS,
    at_rate,
    best_rate,
    best_run,
    drop,
    drops,
    end_loss,
    initialization_of,
    means_of_rates,
    rates_of,
    runs_of,
    share_of_guessing,
)
from gradient_atlas.measures.runs import mean
from gradient_atlas.runs.names import name_of


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """A plateau for sigmoid and tanh, a decrease for ReLU, in both settings; underfitting."""
    pairs = [(setting, activation) for setting in SETTINGS for activation in RECOMMENDED]
    return [
        *(_curve(tables, activation, setting) for setting, activation in pairs),
        *(_underfits(tables, name, "standard") for name in RECOMMENDED if name != "relu"),
    ]


def _condition(rows: DataFrame, setting: str, activation: str, bound: str) -> str:
    if rows.empty:
        return f"no such run in the config's sweep; bound chosen: {bound}"
    run, rate = rows.iloc[0], best_rate(rows)
    tried = ", ".join(f"{one:g}" for one in rates_of(rows))
    return (
        f"{run['depth']} layers, width {run['width']}, {name_of(run['dataset'])}, initialisation "
        f"{name_of(initialization_of(activation, setting))}, {name_of(run['optimizer'])} at the "
        f"rate with the lowest loss in the end ({rate:g} of {tried}), so that no network stands at "
        f"a rate that suits another; bound chosen: {bound}"
    )


def _curve(tables: dict[str, DataFrame], activation: str, setting: str) -> Claim:
    rows = runs_of(tables["metrics"], activation, setting)
    best = best_run(rows)
    relu = activation == "relu"
    bound: dict[str, Any] = {"lower": MEANINGFUL} if relu else {"upper": PLATEAU}
    meaning = (
        f"'decreasing meaningfully' means that the loss then still falls by at least "
        f"{MEANINGFUL:.0%}"
        if relu
        else f"a plateau is a loss that then falls by at most {PLATEAU:.0%}"
    )
    values = drop(best)
    prefix = "relu-keeps-learning" if relu else "saturating-plateau"
    return Claim(
        claim=f"{prefix}/{activation}_{setting}",
        source="F figure 2",
        statement="the training loss of ReLU continues decreasing meaningfully"
        if relu
        else f"the training loss of {activation} is a flat plateau after few epochs (vanishing)",
        condition=_condition(
            rows, setting, activation, f"few epochs are {FEW_EPOCHS}, and {meaning}"
        ),
        quantity=f"1 - (mean loss of the last {LAST_EPOCHS} epochs) / (loss after epoch "
        f"{FEW_EPOCHS})",
        values=values.tolist(),
        remark=_why(tables, activation, setting) if len(rows) else "",
        **bound,
    )


def _why(tables: dict[str, DataFrame], activation: str, setting: str) -> str:
    rows = runs_of(tables["metrics"], activation, setting)
    best = best_rate(rows)
    start = at_rate(runs_of(tables["gradients"], activation, setting), best)
    others = [
        f"{value:.2g} at η = {rate:g}"
        for rate, value in means_of_rates(drops(rows))
        if not np.isclose(rate, best)
    ]
    factor = mean(factors(start))
    change = (
        "is 0 or infinite in some layer"
        if np.isnan(factor)
        else f"changes by a factor of {factor:.2f} a layer towards the input"
    )
    return (
        f"At initialisation the error signal {change}, and the loss ends at "
        f"{end_loss(at_rate(rows, best)).mean():.2f}: this factor, √(n Var(W) E[φ'²]) (Schoenholz "
        "et al. 2017), holds the activation and the weights' scale together."
        + (f" Otherwise: {', '.join(others)}." if others else "")
    )


def _underfits(tables: dict[str, DataFrame], activation: str, setting: str) -> Claim:
    rows = runs_of(tables["metrics"], activation, setting)
    best = best_run(rows)
    relu = best_run(runs_of(tables["metrics"], "relu", "recommended"))
    beside = (
        f"ReLU with {name_of(RECOMMENDED['relu'])} weights ends at "
        f"{share_of_guessing(relu).mean():.2f} of guessing with as many updates."
        if len(relu)
        else ""
    )
    return Claim(
        claim=f"vanishing-underfits/{activation}",
        source="V section 1 (effects); V section 4; F example 1",
        statement="early layers learn much slower, leading to underfitting; the network fails to "
        "capture complex patterns, training becomes stuck (poor performance)",
        condition=_condition(
            rows,
            setting,
            activation,
            f"{GUESSES:.0%} of the loss of guessing are left in the end, on rows that it trains on",
        ),
        quantity=f"mean training loss of the last {LAST_EPOCHS} epochs over ln(classes)",
        values=share_of_guessing(best).tolist(),
        lower=GUESSES,
        remark=beside,
    )
