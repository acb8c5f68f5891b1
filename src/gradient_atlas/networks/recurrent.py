"""Plain tanh, LSTM and GRU networks whose every hidden state can be asked for its gradient.

Library cells give the states of a whole sequence as one tensor, whose gradient at step t leaves
out the path through later steps. Here each state is a tensor of its own. Several seeds run side by
side: S networks are one batch of matrices, since at these widths calls cost more than arithmetic.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from gradient_atlas.errors import InputError
from gradient_atlas.networks.initialization import orthonormal_columns
from gradient_atlas.networks.products import product
from gradient_atlas.runs.recurrent import RECURRENT_INITIALIZATIONS

# Blocks of rows in the weights, in PyTorch's order: LSTM input, forget, candidate, output;
# GRU reset, update, candidate.
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class RecurrentParameters:
    """The weights of S networks with n hidden units, k inputs and G gate blocks."""

    input_weight: Tensor  # (S, G n, k)
    recurrent_weight: Tensor  # (S, G n, n)
    bias: Tensor  # (S, 1, G n)
    readout_weight: Tensor  # (S, 1, n)
    readout_bias: Tensor  # (S, 1, 1)

    def tensors(self) -> list[Tensor]:
        return [getattr(self, field.name) for field in fields(self)]

    def to(self, dtype: torch.dtype) -> "RecurrentParameters":
        """A detached copy in another precision that asks for gradients."""
        copies = [tensor.detach().to(dtype, copy=True) for tensor in self.tensors()]
        return RecurrentParameters(*(copy.requires_grad_() for copy in copies))


@dataclass(frozen=True)
class States:
    """What a sequence of T steps leaves behind."""

    hidden: list[Tensor]  # T tensors h_1 ... h_T, each (S, examples, n)
    cell: list[Tensor]  # T tensors c_1 ... c_T for an LSTM, else empty
    prediction: Tensor  # (S, examples)


def initialize(
    cell: str,
    inputs: int,
    hidden: int,
    initialization: str,
    scale: float,
    gate_bias: float | str | None,
    sequence_length: int,
    seeds: list[int],
) -> RecurrentParameters:
    """Draw one network a seed, in float64.

    Each gate's recurrent block is ``scale`` times a draw of U(±1/√n) (standard), N(0, 1/n) (normal)
    or an orthogonal matrix; input and readout weights are U(±1/√n) as in PyTorch. Biases are 0 but
    for ``gate_bias``, on the gate that keeps the state: an LSTM's forget gate, a GRU's update gate.
    "chrono" is the initialisation of Tallec & Ollivier 2018 (section 3): log U(1, T-1) on that gate
    and, in an LSTM, its negative on the input gate.

    Raises InputError for an unknown cell or initialisation.
    """
    if cell not in GATES:
        raise InputError(f"cell: {cell!r} is unknown; choose one of {', '.join(GATES)}")
    drawn = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        blocks = [_square(hidden, initialization, generator) for _ in range(GATES[cell])]
        gates = GATES[cell] * hidden
        input_weight = _uniform((gates, inputs), hidden, generator)
        readout_weight = _uniform((1, hidden), hidden, generator)
        bias = _bias(cell, hidden, gate_bias, sequence_length, generator)
        recurrent_weight = scale * torch.cat(blocks)
        drawn.append((input_weight, recurrent_weight, bias, readout_weight, torch.zeros(1, 1)))
    stacked = [torch.stack(tensors).double() for tensors in zip(*drawn, strict=True)]
    return RecurrentParameters(*(tensor.requires_grad_() for tensor in stacked))


def unroll(cell: str, parameters: RecurrentParameters, inputs: Tensor) -> States:
    """Run the networks over ``inputs`` (S, T, examples, k) from h_0 = c_0 = 0.

    rnn   h_t = tanh(W_h h_{t-1} + W_x x_t + b)                                        (Elman 1990)
    lstm  c_t = f ⊙ c_{t-1} + i ⊙ g,  h_t = o ⊙ tanh(c_t)   (Hochreiter & Schmidhuber 1997 with the
          forget gate of Gers, Schmidhuber & Cummins 2000)
    gru   h_t = (1 - z) ⊙ n + z ⊙ h_{t-1},  n = tanh(W_n x_t + b_n + r ⊙ (U_n h_{t-1}))
          (Cho et al. 2014, the reset gate after the product as in cuDNN and PyTorch)
    """
    seeds, length, examples, width = inputs.shape
    hidden_size = parameters.recurrent_weight.shape[2]
    flat = inputs.reshape(seeds, length * examples, width)
    projected = product(flat, parameters.input_weight.mT) + parameters.bias
    # unbind, not indexing: the backward pass of T slices would each fill a whole tensor with zeros.
    from_inputs = projected.reshape(seeds, length, examples, -1).unbind(1)
    recurrent = parameters.recurrent_weight.mT
    hidden = projected.new_zeros(seeds, examples, hidden_size)
    memory = hidden
    all_hidden: list[Tensor] = []
    all_memory: list[Tensor] = []
    for from_input in from_inputs:
        if cell == "rnn":
            hidden = torch.tanh(from_input + product(hidden, recurrent))
        elif cell == "lstm":
            i, f, g, o = (from_input + product(hidden, recurrent)).chunk(4, dim=-1)
            memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(memory)
            all_memory.append(memory)
        else:
            from_hidden = product(hidden, recurrent)
            split = [2 * hidden_size, hidden_size]
            gates_in, candidate_in = from_input.split(split, dim=-1)
            gates_hidden, candidate_hidden = from_hidden.split(split, dim=-1)
            r, z = torch.sigmoid(gates_in + gates_hidden).chunk(2, dim=-1)
            candidate = torch.tanh(candidate_in + r * candidate_hidden)
            hidden = candidate + z * (hidden - candidate)
        all_hidden.append(hidden)
    readout = product(hidden, parameters.readout_weight.mT) + parameters.readout_bias
    return States(all_hidden, all_memory, readout.squeeze(-1))


def _uniform(shape: tuple[int, int], hidden: int, generator: torch.Generator) -> Tensor:
    bound = 1.0 / math.sqrt(hidden)
    return bound * (2.0 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1.0)


def _square(hidden: int, initialization: str, generator: torch.Generator) -> Tensor:
    if initialization == "standard":
        return _uniform((hidden, hidden), hidden, generator)
    if initialization == "normal":
        draw = torch.randn(hidden, hidden, generator=generator, dtype=torch.float64)
        return draw / math.sqrt(hidden)
    if initialization == "orthogonal":
        return orthonormal_columns(hidden, hidden, generator)
    choices = ", ".join(RECURRENT_INITIALIZATIONS)
    raise InputError(f"recurrent_initialization: {initialization!r} is unknown; choose {choices}")


def _bias(
    cell: str,
    hidden: int,
    gate_bias: float | str | None,
    sequence_length: int,
    generator: torch.Generator,
) -> Tensor:
    bias = torch.zeros(1, GATES[cell] * hidden, dtype=torch.float64)
    if cell == "rnn" or gate_bias is None:
        return bias
    keeping_gate = bias[:, hidden : 2 * hidden]  # forget gate and update gate are both second
    if gate_bias == "chrono":
        spans = 1.0 + (sequence_length - 2.0) * torch.rand(
            1, hidden, generator=generator, dtype=torch.float64
        )
        keeping_gate += torch.log(spans)
        if cell == "lstm":
            bias[:, :hidden] -= torch.log(spans)
    else:
        keeping_gate += float(gate_bias)
    return bias
