"""How much of an error signal recurrent cells leave at every lag, by calculation.

Plain RNN. With h_t = tanh(z_t), z_t = W_h h_{t-1} + W_x x_t + b, the chain rule gives
∂L/∂h_{t-1} = W_hᵀ (tanh'(z_t) ⊙ ∂L/∂h_t). For n → ∞, W_h with entries of variance g²/n (or g times
an orthogonal matrix) and a signal independent of it, ‖W_hᵀ v‖² = g² ‖v‖², hence

    ‖∂L/∂h_{t-1}‖² / ‖∂L/∂h_t‖² = g² E[tanh'(z_t)²],   z_t ~ N(0, q_t),
    q_t = g² E[tanh(z_{t-1})²] + σ_x² ‖x_t‖²,   q_1 = σ_x² ‖x_1‖².

With small activations tanh' ≈ 1 and the factor is g. Sources: Pascanu, Mikolov & Bengio 2013,
section 2.1; Chen, Pennington & Schoenholz 2018 (weights shared over time give the same).

Gated cells, linearised about a state of 0, where a gate is σ of its bias. The signal of an LSTM,
δ_t = ∂L/∂c_t, goes back by δ_{t-1} = F δ_t + o W_gᵀ I δ_t, where F and I are the diagonal matrices
of forget and input gates and o = σ(0); the signal of h_{t-1} alone is W_gᵀ I δ_t, that of h_T is
δ_T / o. For a GRU δ_t = ∂L/∂h_t and δ_{t-1} = Z δ_t + r U_nᵀ (1 - Z) δ_t. Both are a diagonal plus
a random matrix, the same one at every step. Expand in the number j of uses of the random matrix:
for n → ∞ terms of different j are orthogonal, and the random matrix turns vectors into Gaussian
ones whose inner products are those of its inputs times s². If all units have one bias, a = σ(b),

    ‖δ_{T-k}‖² / ‖δ_T‖² = Σ_j C(k, j)² a^(2(k-j)) s^(2j),   about (a + s)^(2k) for large k,

with s the norm gain of o W_gᵀ I or r U_nᵀ (1 - Z). (By the circular law a + s is the spectral
radius.) For biases that differ from unit to unit the same sum is taken with a kernel per unit.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from gradient_atlas.runs.recurrent import RecurrentRun, bias_text
from gradient_atlas.theory.conditions import RECURRENT_CONDITIONS

Floats = NDArray[np.float64]

# The adding problem's target is the sum of two numbers from U(0, 1): a network without memory does
# best to predict its mean 1, and keeps its variance 2/12.
LOSS_WITHOUT_MEMORY = 1.0 / 6.0

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(101)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_UNIFORM_VARIANCE = 1 / 3  # of U(±1); input weights, and standard recurrent ones, are U(±1/√n)
_OPEN_HALF = 0.5  # a gate without bias: σ(0)
_CHRONO_UNITS = 64  # equidistant quantiles that stand for the distribution of chrono biases


def predict_signals(runs: Iterable[RecurrentRun]) -> dict[str, list[Any]]:
    """The columns of the table ``results/theory/recurrent``: a row a lag of each different network.

    Of lag 0 the step factor is nan: nothing has gone back yet.
    """
    rows: list[tuple[Any, ...]] = []
    conditions = {tuple(asdict(run)[key] for key in RECURRENT_CONDITIONS): run for run in runs}
    for condition, run in conditions.items():
        signal = predicted_signal(run)
        factors = [math.nan, *(signal[1:] / signal[:-1])]
        bias = None if run.gate_bias is None else bias_text(run.gate_bias)
        for lag, (value, factor) in enumerate(zip(signal, factors, strict=True)):
            rows.append((*condition[:-1], bias, lag, value, factor, LOSS_WITHOUT_MEMORY))
    names = (*RECURRENT_CONDITIONS, "lag", "predicted_signal", "factor", "loss_without_memory")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def predicted_signal(run: RecurrentRun) -> Floats:
    """‖∂L/∂h_{T-k}‖ / ‖∂L/∂h_T‖ of a run before training for lags k = 0 ... T-1: (T,)."""
    scale, length = run.recurrent_scale, run.sequence_length
    if run.recurrent_initialization == "standard":
        scale *= math.sqrt(_UNIFORM_VARIANCE)
    if run.gate_bias is not None:
        return gated_signal(run.cell, run.gate_bias, scale, length)
    # E‖x_t‖² of a number from U(0, 1) and a mark that is 1 twice a sequence.
    squared_inputs = np.full(length, 1 / 3 + 2 / length)
    return tanh_signal(scale, _UNIFORM_VARIANCE / run.hidden_size, squared_inputs)


def tanh_signal(scale: float, input_variance: float, squared_inputs: Floats) -> Floats:
    """Predicted ‖∂L/∂h_{T-k}‖ / ‖∂L/∂h_T‖ of a plain tanh RNN for lags k = 0 ... T-1.

    scale is g; input_variance is σ_x², the variance of an entry of W_x; squared_inputs (T,) holds
    ‖x_t‖², first step first. Returns (T,).
    """
    factors = np.empty(len(squared_inputs))
    activation = 0.0
    for t, squared_input in enumerate(squared_inputs):
        z = np.sqrt(scale**2 * activation + input_variance * squared_input) * _NODES
        activation = float(_WEIGHTS @ np.tanh(z) ** 2)
        factors[t] = scale * np.sqrt(_WEIGHTS @ (1.0 - np.tanh(z) ** 2) ** 2)
    return np.concatenate([[1.0], np.cumprod(factors[:0:-1])])


def gated_signal(cell: str, gate_bias: float | str, scale: float, sequence_length: int) -> Floats:
    """Predicted ‖∂L/∂h_{T-k}‖ / ‖∂L/∂h_T‖ of an LSTM or GRU for lags k = 0 ... T-1.

    gate_bias is the forget or update gate's, or "chrono"; scale is √n times the standard deviation
    of a recurrent weight. Returns (T,).
    """
    keep, let_in = _gates(cell, gate_bias, sequence_length)
    gain = (scale * _OPEN_HALF) ** 2
    lags = np.arange(sequence_length)
    # kernels[u, k, k'] = inner product of δ at lags k and k' per unit of kind u, order j.
    kernels = keep[:, None, None] ** (lags[:, None] + lags[None, :])
    of_state = np.zeros(sequence_length)  # ‖δ‖² at each lag, all orders
    let_through = np.zeros(sequence_length)  # ‖let_in δ‖², what enters W at each lag
    for _ in range(sequence_length):
        weighted = np.mean(let_in[:, None, None] ** 2 * kernels, axis=0)
        of_state += np.mean(np.diagonal(kernels, axis1=1, axis2=2), axis=0)
        let_through += np.diagonal(weighted)
        source = np.zeros_like(weighted)
        source[1:, 1:] = gain * weighted[:-1, :-1]
        if not source.diagonal().any() or (source.diagonal() <= 1e-12 * of_state).all():
            break
        kernels = np.stack([_filtered(source, kept) for kept in keep])
    if cell == "gru":
        return np.sqrt(of_state)
    return np.concatenate([[1.0], np.sqrt(gain * let_through[:-1])])


def _filtered(source: Floats, kept: float) -> Floats:
    """Kernel of Σ_m kept^m source(k - m): the same first-order filter along both axes."""
    return lfilter([1.0], [1.0, -kept], lfilter([1.0], [1.0, -kept], source, axis=0), axis=1)


def _gates(cell: str, gate_bias: float | str, sequence_length: int) -> tuple[Floats, Floats]:
    """What each kind of unit keeps of its state, and what it lets in, both in [0, 1]."""
    if gate_bias == "chrono":
        quantiles = (np.arange(_CHRONO_UNITS) + 0.5) / _CHRONO_UNITS
        spans = 1.0 + (sequence_length - 2.0) * quantiles
        keep = spans / (1.0 + spans)  # σ(log u); the input gate has bias -log u
        return keep, 1.0 - keep
    keep = np.array([1.0 / (1.0 + np.exp(-float(gate_bias)))])
    return keep, 1.0 - keep if cell == "gru" else np.array([_OPEN_HALF])
