"""Cells against PyTorch's, signals against explicit Jacobian products, theory against both."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import simpson

from gradient_atlas.networks import recurrent
from gradient_atlas.runs.recurrent import RecurrentRun
from gradient_atlas.theory import recurrent as theory
from gradient_atlas.training import adding_problem, recurrent_loop

LIBRARY = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def build(cell, hidden=5, length=9, seeds=(0, 1), bias=0.7, scale=1.3, kind="normal"):
    gate_bias = None if cell == "rnn" else bias
    return recurrent.initialize(cell, 2, hidden, kind, scale, gate_bias, length, list(seeds))


def draw(examples, length, seeds=1):
    inputs, targets = adding_problem.draw_sequences(
        examples, length, torch.Generator().manual_seed(3), torch.float64
    )
    return inputs.expand(seeds, *inputs.shape), targets


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_cells_equal_pytorch(cell):
    parameters = build(cell)
    inputs, _ = draw(examples=4, length=9, seeds=2)
    states = recurrent.unroll(cell, parameters, inputs)
    assert len(states.hidden) == 9 and states.hidden[0].shape == (2, 4, 5)
    assert len(states.cell) == (9 if cell == "lstm" else 0)
    assert states.prediction.shape == (2, 4)
    for seed in range(2):
        module = LIBRARY[cell](2, 5).double()
        with torch.no_grad():
            module.weight_ih_l0.copy_(parameters.input_weight[seed])
            module.weight_hh_l0.copy_(parameters.recurrent_weight[seed])
            module.bias_ih_l0.copy_(parameters.bias[seed, 0])
            module.bias_hh_l0.zero_()
            expected, _ = module(inputs[seed])
            ours = torch.stack([hidden[seed] for hidden in states.hidden])
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-14)
        readout = expected[-1] @ parameters.readout_weight[seed, 0]
        torch.testing.assert_close(states.prediction[seed], readout)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_signals_equal_products_of_jacobians(cell):
    """Multiply the Jacobians of single steps, state to state, one example at a time."""
    length, examples, n = 7, 3, 4
    parameters = build(cell, hidden=n, length=length, seeds=(5,))
    inputs, targets = draw(examples, length)
    hidden, memory = recurrent_loop.signals_through_time(cell, parameters, inputs, targets)
    *weights, readout, _ = [tensor.detach()[0] for tensor in parameters.tensors()]
    step = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}[cell]
    squares = torch.zeros(length, 2, dtype=torch.float64)
    for example in range(examples):
        x = inputs[0, :, example]
        states = [torch.zeros(2 * n if cell == "lstm" else n, dtype=torch.float64)]
        for t in range(length):
            states.append(step(states[t], x[t], *weights))
        signal = torch.zeros_like(states[0])
        signal[:n] = 2 * (readout[0] @ states[-1][:n] - targets[example]) * readout[0]
        for t in reversed(range(length)):
            squares[t, 0] += (signal[:n] ** 2).sum()
            if cell == "lstm":  # c_t's own signal plus what passes through h_t = o tanh(c_t)
                slope = 1 - torch.tanh(states[t + 1][n:]) ** 2
                through_hidden = signal[:n] * output_gate(states[t], x[t], *weights) * slope
                squares[t, 1] += ((signal[n:] + through_hidden) ** 2).sum()
            jacobian = torch.autograd.functional.jacobian(
                lambda state, t=t, x=x: step(state, x[t], *weights), states[t]
            )
            signal = jacobian.T @ signal
    expected = (squares / examples).sqrt()
    torch.testing.assert_close(hidden[0], expected[:, 0], rtol=1e-10, atol=0)
    if cell == "lstm":
        torch.testing.assert_close(memory[0], expected[:, 1], rtol=1e-10, atol=0)
    else:
        assert torch.isnan(memory).all()


def rnn_step(h, x, w_x, w_h, b):
    return torch.tanh(w_h @ h + w_x @ x + b[0])


def gru_step(h, x, w_x, w_h, b):
    n = len(h)
    a, u = w_x @ x + b[0], w_h @ h
    r, z = torch.sigmoid(a[:n] + u[:n]), torch.sigmoid(a[n : 2 * n] + u[n : 2 * n])
    return (1 - z) * torch.tanh(a[2 * n :] + r * u[2 * n :]) + z * h


def output_gate(state, x, w_x, w_h, b):
    n = len(state) // 2
    return torch.sigmoid(w_h[3 * n :] @ state[:n] + w_x[3 * n :] @ x + b[0, 3 * n :])


def lstm_step(state, x, w_x, w_h, b):
    n = len(state) // 2
    a = w_h @ state[:n] + w_x @ x + b[0]
    i, f, g = torch.sigmoid(a[:n]), torch.sigmoid(a[n : 2 * n]), torch.tanh(a[2 * n : 3 * n])
    c = f * state[n:] + i * g
    return torch.cat([output_gate(state, x, w_x, w_h, b) * torch.tanh(c), c])


def test_orthogonal_weights_scale_every_signal_by_g():
    parameters = build("rnn", hidden=6, scale=0.5, kind="orthogonal", seeds=(0,))
    weight = parameters.recurrent_weight[0].detach()
    torch.testing.assert_close(weight @ weight.T, 0.25 * torch.eye(6, dtype=torch.float64))
    # With zero inputs tanh is linear and the factor is g exactly.
    inputs, targets = torch.zeros(1, 9, 2, 2, dtype=torch.float64), torch.ones(2).double()
    hidden, _ = recurrent_loop.signals_through_time("rnn", parameters, inputs, targets)
    ratios = (hidden[0, :-1] / hidden[0, 1:]).detach().numpy()
    np.testing.assert_allclose(ratios, 0.5, rtol=1e-12)


def test_gate_biases():
    lstm = build("lstm", hidden=50, length=101, bias="chrono").bias[0, 0].detach()
    assert (lstm[50:100] >= 0).all() and (lstm[50:100] <= math.log(100)).all()
    assert torch.equal(lstm[:50], -lstm[50:100]) and (lstm[100:] == 0).all()
    gru = build("gru", hidden=50, bias=1.0).bias[0, 0]
    assert (gru[50:100] == 1).all() and (gru[:50] == 0).all() and (gru[100:] == 0).all()


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_theory_predicts_a_wide_rnn(scale):
    hidden, length = 600, 30
    parameters = build("rnn", hidden=hidden, length=length, seeds=(0,), scale=scale)
    inputs, targets = draw(examples=16, length=length)
    signals, _ = recurrent_loop.signals_through_time("rnn", parameters, inputs, targets)
    squared_inputs = (inputs[0] ** 2).sum(-1).mean(-1).numpy()
    predicted = theory.tanh_signal(scale, 1 / (3 * hidden), squared_inputs)
    measured = (signals[0] / signals[0, -1]).flip(0).numpy()
    assert predicted.shape == (length,)
    np.testing.assert_allclose(np.log10(measured), np.log10(predicted), atol=0.3)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bias", [0.0, 1.0, "chrono"])
def test_theory_predicts_wide_gated_cells(cell, bias):
    hidden, length = 400, 15
    parameters = recurrent.initialize(cell, 2, hidden, "standard", 1.0, bias, length, [0])
    inputs, targets = draw(examples=8, length=length)
    signals, _ = recurrent_loop.signals_through_time(cell, parameters, inputs, targets)
    predicted = theory.gated_signal(cell, bias, 1 / math.sqrt(3), length)
    measured = (signals[0] / signals[0, -1]).flip(0).numpy()
    np.testing.assert_allclose(np.log10(measured), np.log10(predicted), atol=0.15)


def test_gated_theory_equals_its_closed_form():
    a, s, lags = 0.5, 0.5 * 0.5 * 0.8, np.arange(41)
    exact = [
        math.sqrt(
            sum(math.comb(k, j) ** 2 * a ** (2 * (k - j)) * s ** (2 * j) for j in range(k + 1))
        )
        for k in lags
    ]
    np.testing.assert_allclose(theory.gated_signal("gru", 0.0, 0.8, 41), exact, rtol=1e-9)
    # An LSTM's h_{T-k} receives what δ at lag k - 1 sends through one more random matrix.
    lstm = theory.gated_signal("lstm", 0.0, 0.8, 41)
    np.testing.assert_allclose(lstm[1:], s * np.array(exact[:-1]), rtol=1e-9)


def test_the_table_of_predictions_has_a_row_a_lag_of_each_different_network():
    """A plain network's signal is g^k with inputs of no weight; the table repeats no network."""
    plain = {"recurrent_initialization": "orthogonal", "recurrent_scale": 0.5}
    runs = [
        RecurrentRun(**plain, sequence_length=6, hidden_size=10**9, learning_rate=rate)
        for rate in (0.1, 0.2)
    ]
    runs.append(RecurrentRun(cell="gru", gate_bias=1.0, sequence_length=6))
    columns = theory.predict_signals(runs)
    assert columns["lag"] == [*range(6), *range(6)]
    assert columns["gate_bias"] == [None] * 6 + ["1"] * 6
    np.testing.assert_allclose(columns["predicted_signal"][:6], 0.5 ** np.arange(6), rtol=1e-6)
    assert math.isnan(columns["factor"][0])
    np.testing.assert_allclose(columns["factor"][1:6], 0.5, rtol=1e-6)
    expected = theory.gated_signal("gru", 1.0, 1 / math.sqrt(3), 6)
    np.testing.assert_allclose(columns["predicted_signal"][6:], expected)


def test_a_network_without_memory_is_left_with_the_variance_of_the_target():
    """Var(u + v) of two U(0, 1), by Simpson's rule: 2 (∫ x² - (∫ x)²)."""
    x = np.linspace(0, 1, 101)
    variance = 2 * (simpson(x**2, x=x) - simpson(x, x=x) ** 2)
    assert pytest.approx(variance) == theory.LOSS_WITHOUT_MEMORY
    assert set(theory.predict_signals([RecurrentRun()])["loss_without_memory"]) == {1 / 6}
