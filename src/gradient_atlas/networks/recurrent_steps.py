"""The time steps of recurrent networks and the way back through them, without autograd.

At these widths a step is some twenty calls on arrays that fit a cache. autograd makes of each an
object and a new array; here all arrays are made once. Every product, sum and function is
autograd's, in its order, so that no bit differs from the gradient of ``recurrent.unroll``: torch
computes tanh, σ and 1 - tanh², which it rounds once, and numpy, whose calls cost less, the rest.
The views of each step are made once as well: two or three of them cost as much as its sigmoids.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradient_atlas.networks.recurrent import GATES

Array = NDArray[np.floating]

_tanh_backward = torch.ops.aten.tanh_backward.grad_input


def steps(cell: str, seeds: int, length: int, examples: int, hidden: int) -> "Steps":
    """The steps of a ``cell`` of ``recurrent.GATES``, in float32."""
    cells: dict[str, type[Steps]] = {"rnn": Elman, "lstm": LSTM, "gru": GRU}
    return cells[cell]((seeds, length, examples), hidden, GATES[cell] * hidden)


class Steps(ABC):
    """S networks with n hidden units, G n rows of recurrent weights, T steps of B sequences."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, rows: int) -> None:
        self.seeds, self.length, self.examples = shape
        self.units = hidden
        # W_x x_t + b, in its place what a cell keeps for the way back, then ∂/∂(W_x x_t + b): a
        # second array of this size would not fit the cache.
        self.projected = torch.empty(*shape, rows)
        self.hidden = torch.zeros(self.seeds, self.length + 1, self.examples, hidden)  # h_0 = 0
        self._product = torch.empty(self.seeds, self.examples, rows)
        self._product_array = self._product.numpy()
        self._ones = torch.ones(self.seeds, self.examples, hidden)
        self._factor = torch.empty_like(self._ones)
        self._factor_array = self._factor.numpy()
        self._rest = self._product.numpy().copy()
        self._gate = self._of_step(self.projected)
        self._h, self._states = self._of_step(self.hidden), self.hidden.unbind(1)

    def forward(self, weight: Array) -> Tensor:
        """h_T (S, B, n), a copy, for the weight (S, G n, n) and ``projected``."""
        weight, from_hidden = weight.swapaxes(1, 2), self._product_array
        for t in range(self.length):
            np.matmul(self._h[t], weight, out=from_hidden)
            self._forward(t, from_hidden)
        return self.hidden[:, -1].clone()

    def backward(self, slope: Tensor, weight: Array) -> Tensor:
        """The gradient of the transposed weight from ∂/∂h_T (S, B, n); see ``projected``."""
        total = np.full(weight.swapaxes(1, 2).shape, -0.0, weight.dtype)  # -0 + x is x, even for -0
        one, back = np.empty_like(total), slope.numpy().copy()
        self._begin_backward()
        for t in reversed(range(self.length)):
            of_product, beside = self._backward(t, back)
            np.matmul(self._h[t].swapaxes(1, 2), of_product, out=one)
            total += one
            np.matmul(of_product, weight, out=back)
            if beside is not None:
                back += beside
        return torch.from_numpy(total)

    @abstractmethod
    def _forward(self, t: int, from_hidden: Array) -> None:
        """h_{t+1} of W_x x_t + b and W_h h_t, which may be overwritten."""

    @abstractmethod
    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        """∂/∂(W_h h_t) of ∂/∂h_{t+1}, and what reaches h_t beside the product."""

    def _begin_backward(self) -> None:  # noqa: B027, a cell without memory has none to forget
        """Forget the last sequence."""

    def _of_step(self, values: Tensor) -> list[Array]:
        return list(values.numpy().swapaxes(0, 1))

    def _tanh_derivative(self, value: Tensor) -> Array:
        """1 - tanh² of a value of tanh (S, B, n), rounded as autograd does."""
        _tanh_backward(self._ones, value, grad_input=self._factor)
        return self._factor_array

    def _blocks(self, values: Tensor, *sizes: int) -> list[Tensor]:
        """values (..., rows) in blocks of as many times n rows."""
        return list(values.split([size * self.units for size in sizes], dim=-1))

    def _gates(self, values: Tensor) -> list[Array]:
        """values (..., G n) as an array a gate."""
        return [
            block.numpy() for block in self._blocks(values, *[1] * (values.shape[-1] // self.units))
        ]


class Elman(Steps):
    """h_{t+1} = tanh(W_x x_t + b + W_h h_t)."""

    def _forward(self, t: int, from_hidden: Array) -> None:
        from_hidden += self._gate[t]
        torch.tanh(self._product, out=self._states[t + 1])

    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        factor = self._tanh_derivative(self._states[t + 1])
        return np.multiply(back, factor, out=self._gate[t]), None


class LSTM(Steps):
    """c_{t+1} = f c_t + i g, h_{t+1} = o tanh(c_{t+1}); gates in the order i, f, g, o."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, rows: int) -> None:
        super().__init__(shape, hidden, rows)
        self.cell = torch.zeros_like(self.hidden)
        self.squashed = torch.empty_like(self.hidden)  # tanh(c)
        self._c, self._tanh_c = self._of_step(self.cell), self._of_step(self.squashed)
        self._cells, self._squashed = self.cell.unbind(1), self.squashed.unbind(1)
        every = self.projected.unbind(1)
        self._ifgo = [self._gates(step) for step in every]
        self._values = [self._blocks(step, 2, 1, 1) for step in every]
        self._kept = [(both.numpy(), o.numpy()) for both, _, o in self._values]
        self._of_gates = self._gates(self._product)
        both, _, o = (block.numpy() for block in self._blocks(self._product, 2, 1, 1))
        self._of_sigmoids = both, o
        self._rests = self._rest[..., : 2 * hidden], self._rest[..., 3 * hidden :]
        self._of_cell, self._one = (self._ones.numpy().copy() for _ in range(2))

    def _forward(self, t: int, from_hidden: Array) -> None:
        gates = self._gate[t]
        gates += from_hidden
        i_and_f, g_value, o_value = self._values[t]
        torch.sigmoid(i_and_f, out=i_and_f)
        torch.tanh(g_value, out=g_value)
        torch.sigmoid(o_value, out=o_value)
        i, f, g, o = self._ifgo[t]
        cell = np.multiply(f, self._c[t], out=self._c[t + 1])
        cell += np.multiply(i, g, out=self._one)
        torch.tanh(self._cells[t + 1], out=self._squashed[t + 1])
        np.multiply(o, self._tanh_c[t + 1], out=self._h[t + 1])

    def _begin_backward(self) -> None:
        self._of_cell.fill(-0.0)

    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        gates, of_cell = self._gate[t], self._of_cell
        i, f, g, o = self._ifgo[t]
        of_i, of_f, of_g, of_o = self._of_gates
        squashed = np.multiply(back, o, out=self._one)
        squashed *= self._tanh_derivative(self._squashed[t + 1])
        of_cell += squashed
        np.multiply(of_cell, g, out=of_i)
        np.multiply(of_cell, self._c[t], out=of_f)
        np.multiply(of_cell, i, out=of_g)
        np.multiply(back, self._tanh_c[t + 1], out=of_o)
        of_cell *= f
        np.multiply(of_g, self._tanh_derivative(self._values[t][1]), out=g)
        np.subtract(1, gates, out=self._rest)
        for kept, slope, rest in zip(self._kept[t], self._of_sigmoids, self._rests, strict=True):
            slope *= rest
            kept *= slope
        return gates, None


class GRU(Steps):
    """h_{t+1} = (1 - z) c + z h_t, c = tanh(W_n x_t + b_n + r U_n h_t); in the order r, z, n."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, rows: int) -> None:
        super().__init__(shape, hidden, rows)
        self.from_hidden = torch.empty(*shape, hidden)  # U_n h
        self.difference = torch.empty(*shape, hidden)  # h_t - c
        self._un, self._d = self._of_step(self.from_hidden), self._of_step(self.difference)
        self._beside, self._one = (self._ones.numpy().copy() for _ in range(2))
        every = self.projected.unbind(1)
        self._rzn = [self._gates(step) for step in every]
        self._values = [self._blocks(step, 2, 1) for step in every]
        self._both = [both.numpy() for both, _ in self._values]
        self._from_both, self._from_candidate = (
            block.numpy() for block in self._blocks(self._product, 2, 1)
        )
        self._slopes = [self._rest[..., k * hidden : (k + 1) * hidden] for k in range(2)]
        self._slope_of_both = self._rest[..., : 2 * hidden]

    def _forward(self, t: int, from_hidden: Array) -> None:
        both_value, candidate_value = self._values[t]
        self._both[t] += self._from_both
        torch.sigmoid(both_value, out=both_value)
        r, z, candidate = self._rzn[t]
        self._un[t][...] = self._from_candidate
        candidate += np.multiply(r, self._un[t], out=self._one)
        torch.tanh(candidate_value, out=candidate_value)
        np.subtract(self._h[t], candidate, out=self._d[t])
        np.multiply(z, self._d[t], out=self._h[t + 1])
        self._h[t + 1] += candidate

    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        r, z, candidate = self._rzn[t]
        of_r, of_z = self._slopes
        np.multiply(back, z, out=self._beside)
        of_candidate = np.subtract(back, self._beside, out=self._one)
        of_candidate *= self._tanh_derivative(self._values[t][1])
        candidate[...] = of_candidate
        np.multiply(of_candidate, r, out=self._from_candidate)
        np.multiply(of_candidate, self._un[t], out=of_r)
        np.multiply(back, self._d[t], out=of_z)
        both, of_both = self._both[t], self._from_both
        np.subtract(1, both, out=of_both)
        of_both *= self._slope_of_both
        of_both *= both
        both[...] = of_both
        return self._product_array, self._beside
