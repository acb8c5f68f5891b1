"""Which recurrent cells keep the error signal, and what makes the loss of a plain one spike."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.recurrent import (
    SPIKE_FACTOR,
    SPIKE_WINDOW,
    at_end,
    kept_decades,
    largest_rises,
    predicted_signal,
    spikes,
)
from gradient_atlas.measures.runs import diverged, of_variant

# Of the gate that remembers: ends of the variants' names, with their labels.
BIASES = {"chrono": "chrono", "bias_1": "$b = 1$", "bias_0": "$b = 0$"}


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Which cells keep the signal, and what makes the loss of a plain RNN spike."""
    signals, losses = tables["signals"], tables["losses"]
    gated = [f"{cell}_{bias}" for cell in ("lstm", "gru") for bias in BIASES]
    found = [_gating_claim(signals, "rnn_at", True)]
    for variant in ("rnn_standard", *gated):
        found += [_gating_claim(signals, variant, initial) for initial in (True, False)]
    large = of_variant(losses, "rnn_above").recurrent_scale.unique()
    explosion = Claim(
        claim="recurrent-explodes/signal",
        source="V section 4",
        statement="in a recurrent neural network with large weights gradients explode",
        condition="plain tanh RNN, orthogonal recurrent weights times "
        f"{', '.join(f'{scale:g}' for scale in large)}, before training; "
        "bound: more than the 2 orders of magnitude of a stable norm (F example 3)",
        quantity="log10 of ‖∂ℓ/∂h_t‖ at the largest lag over that at lag 1",
        values=kept_decades(at_end(signals, "rnn_above", True)),
        lower=STABLE_DECADES,
        unit="decades",
    )
    spiking = "exploding gradients can cause loss spikes"
    always = f"{spiking} (read: they do, at half that rate as well)"
    return [
        *found,
        explosion,
        _spike_claim(losses, "rnn_above", spiking, lower=1),
        _spike_claim(losses, "rnn_above_slow", always, lower=1),
        _spike_claim(losses, "rnn_above_clipped", "clipping removes the spikes", upper=0),
        _spike_claim(losses, "rnn_at", "without explosion there are no spikes", upper=0),
    ]


def _not_run(claim: str, source: str, variant: str) -> Claim:
    """What is left of a claim when the config has no such run."""
    return Claim(
        claim=claim,
        source=source,
        statement="see the default configuration",
        condition=f"recurrent.variants.{variant} is not in the config",
        quantity="nothing",
        values=[],
        lower=0,
    )


def _gating_claim(signals: DataFrame, variant: str, initial: bool) -> Claim:
    rows = at_end(signals, variant, initial)
    name = (
        f"gating-keeps-gradients/{variant.replace('_', '-')}-{'initial' if initial else 'trained'}"
    )
    if rows.empty:
        return _not_run(name, "V section 5.5", variant)
    run, largest, decades = rows.iloc[0], int(rows.lag.max()), kept_decades(rows)
    gated = run.cell != "rnn"
    remark = f"per step a factor {10 ** (np.mean(decades) / (largest - 1)):.3f}"
    if initial:
        predicted = predicted_signal(run)
        factor = (predicted[largest] / predicted[1]) ** (1 / (largest - 1))
        remark += f"; a wide network by calculation {factor:.3f} (theory/recurrent.py)"
    if gated and initial and run.gate_bias != "chrono":
        gate = 1 / (1 + np.exp(-float(run.gate_bias)))
        remark += (
            f", of which the gate alone σ({run.gate_bias:g}) = {gate:.3f}: a gate maintains a "
            "signal for as long as its bias holds it open (Tallec & Ollivier 2018)"
        )
    return Claim(
        claim=name,
        source="V section 5.5",
        statement="LSTMs and GRUs maintain gradients over long sequences"
        + ("" if gated else "; a plain RNN does not"),
        condition=f"adding problem of {run.sequence_length} steps, {run.cell}, recurrent weights "
        f"{run.recurrent_initialization} × {run.recurrent_scale:g}"
        + (f", gate bias {run.gate_bias}" if gated else "")
        + (", before training" if initial else f", after {run.steps} steps of Adam")
        + "; bound: maintained is what stays within the 2 orders of magnitude of a stable norm "
        "(F example 3)",
        quantity=f"log10 of ‖∂ℓ/∂h_t‖ at lag {largest} over that at lag 1",
        values=decades,
        lower=-STABLE_DECADES if gated else -np.inf,
        upper=STABLE_DECADES if gated else -STABLE_DECADES,
        unit="decades",
        remark=remark,
    )


def _spike_claim(
    losses: DataFrame, variant: str, statement: str, lower: float = -np.inf, upper: float = np.inf
) -> Claim:
    rows = of_variant(losses, variant)
    name = f"recurrent-explodes/{variant.removeprefix('rnn_').replace('_', '-')}"
    if rows.empty:
        return _not_run(name, "V section 4", variant)
    run = rows.iloc[0]
    clipping = f"clipped at {run.clip_norm:g}" if (run.clip_norm or 0) > 0 else "not clipped"
    return Claim(
        claim=name,
        source="V section 4",
        statement=f"in a recurrent neural network {statement}",
        condition=f"plain tanh RNN, orthogonal recurrent weights times {run.recurrent_scale:g}, "
        f"descent at rate {run.learning_rate:g}, {clipping}; a spike is a rise above "
        f"{SPIKE_FACTOR:g} times the median of up to {SPIKE_WINDOW} losses before, an infinite one "
        "included: an order of magnitude, far outside what batches differ by",
        quantity=f"spikes in {run.steps} steps",
        values=spikes(rows),
        lower=lower,
        upper=upper,
        unit="spikes",
        remark=_spike_remark(rows),
    )


def _spike_remark(rows: DataFrame) -> str:
    finite = rows.train_loss[np.isfinite(rows.train_loss)]
    remark = (
        f"The largest rise is to {max(largest_rises(rows)):.2g} times that median. "
        f"{sum(diverged(rows)):g} of {rows.seed.nunique()} seeds diverged; gradient norm "
        f"{rows.gradient_norm.max():.2g} at most, in the median {rows.gradient_norm.median():.2g} "
        "(an exploding step may leave saturated units, whose gradient vanishes); largest finite "
        f"loss {finite.max():.2g}."
    )
    if rows.recurrent_scale.iloc[0] > 1:
        remark += (
            " The signal before training is the same at every rate (recurrent-explodes/signal): "
            "whether a spike follows is decided by the size of the update, rate times norm."
        )
    return remark
