"""Which recurrent cells keep the error signal, and what makes the loss of a plain one spike."""

import math

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.recurrent import (
    LEARNT_SHARE,
    LEARNT_WINDOW,
    SPIKE_FACTOR,
    SPIKE_WINDOW,
    START,
    TRAINING,
    at_end,
    at_start,
    factor_per_step,
    kept_decades,
    kinds,
    largest_rises,
    learnt_seeds,
    like,
    predicted_factor,
    spikes,
    with_bias_text,
)
from gradient_atlas.measures.runs import diverged, where
from gradient_atlas.runs.names import name_of

STABLE = "the 2 orders of magnitude within which the source calls a norm stable (F figure 1)"


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Which cells keep the signal, and what makes the loss of a plain RNN spike."""
    signals, losses = with_bias_text(tables["signals"]), with_bias_text(tables["losses"])
    theory = tables["theory"]
    found = []
    for name, rows in _cells(signals).items():
        found.append(_before_training(name, at_start(rows), theory))
        found.append(_after_training(name, at_end(where(rows, optimizer="adam")), losses, theory))
    return [*found, *_spike_claims(signals, losses)]


def _cells(signals: DataFrame) -> dict[str, DataFrame]:
    """Rows of each kind of cell that the sentence is asked of, by what its gate or weights are."""
    found = {}
    plain = where(signals, cell="rnn")
    found["rnn-standard"] = where(plain, recurrent_initialization="standard")
    found["rnn-orthogonal"] = where(
        plain, recurrent_initialization="orthogonal", recurrent_scale=1.0
    )
    for cell in ("lstm", "gru"):
        gated = where(signals, cell=cell)
        numbers = gated.gate_bias.where(gated.gate_bias != "chrono").astype(float)
        found[f"{cell}-zero-bias"] = gated[numbers == 0]
        positive = numbers[numbers > 0]
        found[f"{cell}-positive-bias"] = gated[numbers == positive.max()]
        found[f"{cell}-chrono"] = where(gated, gate_bias="chrono")
    return found


def _before_training(name: str, rows: DataFrame, theory: DataFrame) -> Claim:
    one = kinds(rows, START)[:1]
    if not one:
        return _gating_claim(name, "initial", rows, "before training", "")
    rows = one[0]
    factor = factor_per_step(kept_decades(rows), rows)
    predicted = predicted_factor(like(theory, rows.iloc[0], START))
    remark = f"per step a factor {factor:.3f}; a wide network by calculation {predicted:.3f}"
    bias = rows.gate_bias.iloc[0]
    if bias not in (None, "chrono"):
        gate = 1 / (1 + math.exp(-float(bias)))
        remark += (
            f", of which the gate alone σ({bias}) = {gate:.3f}: a gate maintains a "
            "signal for as long as its bias holds it open (Tallec & Ollivier 2018)"
        )
    return _gating_claim(name, "initial", rows, "before training", remark)


def _after_training(name: str, rows: DataFrame, losses: DataFrame, theory: DataFrame) -> Claim:
    """Of the run of which most seeds have learnt; a network that has not is no trained one."""
    runs = kinds(rows, TRAINING)
    if not runs:
        return _gating_claim(name, "trained", rows, "after training with Adam", "")
    seeds = [learnt_seeds(like(losses, run.iloc[0], TRAINING), theory) for run in runs]
    best = max(range(len(runs)), key=lambda place: len(seeds[place]))
    run, learnt = runs[best], seeds[best]
    first = run.iloc[0]
    how = (
        f"after {first.steps:g} steps of Adam at rate {first.learning_rate:g}, of those "
        f"{len(learnt)} of {run.seed.nunique()} seeds that learnt: whose loss (median of the last "
        f"{LEARNT_WINDOW}) is below {LEARNT_SHARE:g} of that of a network without memory"
    )
    kept = run[run.seed.isin(learnt)]
    remark = "" if len(kept) else "No seed learnt: a trained network was not measured."
    if len(kept):
        remark = (
            f"per step a factor {factor_per_step(kept_decades(kept), kept):.3f}; conditional: who "
            "learns this task has kept some signal"
        )
    return _gating_claim(name, "trained", kept, how, remark, first)


def _gating_claim(
    name: str, when: str, rows: DataFrame, how: str, remark: str, run: object = None
) -> Claim:
    gated = not name.startswith("rnn")
    if run is None and len(rows):
        run = rows.iloc[0]
    where_ = f"no such cell in the config, {how}" if run is None else f"{_network(run)}, {how}"
    largest = f"{rows.lag.max()}" if len(rows) else "the largest"
    return Claim(
        claim=f"gating-keeps-gradients/{name}-{when}",
        source="V section 5.5",
        statement="LSTMs and GRUs maintain gradients over long sequences"
        + ("" if gated else "; a plain RNN does not"),
        condition=f"{where_}; bound: maintained is what stays within {STABLE}",
        quantity=f"log10 of ‖∂ℓ/∂h_t‖ at lag {largest} over that at lag 1",
        values=kept_decades(rows),
        lower=-STABLE_DECADES if gated else -math.inf,
        upper=STABLE_DECADES if gated else -STABLE_DECADES,
        unit="decades",
        remark=remark,
    )


def _network(run: object) -> str:
    row: DataFrame = run  # type: ignore[assignment]
    gate = "" if row.gate_bias is None else f", gate bias {row.gate_bias}"
    return (
        f"adding problem of {row.sequence_length:g} steps, {name_of(str(row.cell))}, recurrent "
        f"weights {row.recurrent_initialization} × {row.recurrent_scale:g}{gate}"
    )


def _spike_claims(signals: DataFrame, losses: DataFrame) -> list[Claim]:
    """The largest weights are the explosion; the same at 1, and the same clipped, its controls."""
    plain = where(losses, cell="rnn", recurrent_initialization="orthogonal", optimizer="sgd")
    free, clipped = plain[plain.clip_norm.isna()], plain[plain.clip_norm.notna()]
    large = free[free.recurrent_scale > 1]
    large = large[large.recurrent_scale == large.recurrent_scale.max()]
    large = large[large.learning_rate == large.learning_rate.max()]
    runs = kinds(large, TRAINING)[:1]
    large = runs[0] if runs else large
    same = ("cell", "sequence_length", "hidden_size", "recurrent_initialization", "learning_rate")
    if len(large):
        run = large.iloc[0]
        start = like(at_start(signals), run, TRAINING)
        clipped = like(clipped, run, (*same, "recurrent_scale"))
        control = where(like(free, run, same), recurrent_scale=1.0)
    else:
        start, clipped, control = signals[:0], clipped[:0], free[:0]
    all_lost = len(large) > 0 and all(diverged(large))
    return [
        Claim(
            claim="recurrent-explodes/signal",
            source="V section 4",
            statement="in a recurrent neural network gradients explode",
            condition=f"{_descent(large)}, before training; bound: more than {STABLE}",
            quantity="log10 of ‖∂ℓ/∂h_t‖ at the largest lag over that at lag 1",
            values=kept_decades(start),
            lower=STABLE_DECADES,
            unit="decades",
        ),
        Claim(
            claim="recurrent-explodes/spikes",
            source="V section 4",
            statement="in a recurrent neural network exploding gradients can cause loss spikes",
            condition=f"{_descent(large)}; “can” needs one case, which every seed must show; a "
            f"spike is a rise above {SPIKE_FACTOR:g} times the median of up to {SPIKE_WINDOW} "
            "losses before, an infinite one included: an order of magnitude, far outside what "
            "batches differ by",
            quantity="spikes of the loss",
            values=spikes(large),
            lower=1,
            unit="spikes",
            remark=_went(large)
            + (" These are divergences, no spikes that pass." if all_lost else ""),
            kind="some",
        ),
        _rise_claim(
            "without",
            "it is the explosion that causes them: recurrent weights that keep the signal do not",
            kinds(control, TRAINING)[:1],
        ),
        _rise_claim(
            "clipped",
            "gradient clipping mitigates exploding gradients: no spike (whether it then learns is "
            "another matter)",
            kinds(clipped, TRAINING)[:1],
        ),
    ]


def _rise_claim(part: str, statement: str, runs: list[DataFrame]) -> Claim:
    rows = runs[0] if runs else DataFrame()
    return Claim(
        claim=f"recurrent-explodes/{part}",
        source="V section 4" if part == "without" else "V section 5, clipping",
        statement=f"in a recurrent neural network {statement}",
        condition=f"{_descent(rows)}; bound: the {SPIKE_FACTOR:g}-fold rise that counts as a spike",
        quantity=f"log10 of the largest loss over the median of up to {SPIKE_WINDOW} before",
        values=[float(np.log10(rise)) for rise in largest_rises(rows)] if len(rows) else [],
        upper=math.log10(SPIKE_FACTOR),
        unit="decades",
        remark=_went(rows),
    )


def _descent(rows: DataFrame) -> str:
    if rows.empty:
        return "plain tanh RNN: no such run in the config"
    run = rows.iloc[0]
    clipping = (
        "not clipped" if math.isnan(run.clip_norm or math.nan) else f"clipped at {run.clip_norm:g}"
    )
    return (
        f"{_network(run)}, {run.steps:g} steps of descent at rate {run.learning_rate:g}, {clipping}"
    )


def _ends(rows: DataFrame) -> str:
    """The last loss of the seeds, least to most."""
    last = rows.sort_values("step").groupby("seed").train_loss.last()
    return f"{last.min():.2g} to {last.max():.2g}"


def _went(rows: DataFrame) -> str:
    if rows.empty:
        return ""
    finite = rows.train_loss[np.isfinite(rows.train_loss)]
    return (
        f"{sum(diverged(rows)):g} of {rows.seed.nunique()} seeds diverged; {sum(spikes(rows)):g} "
        f"spikes in all; the loss ends at {_ends(rows)}; gradient norm "
        f"{rows.gradient_norm.max():.2g} at most, in the median {rows.gradient_norm.median():.2g}; "
        f"largest finite loss {finite.max():.2g}."
    )
