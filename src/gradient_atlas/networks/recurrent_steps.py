"""The time steps of recurrent networks and the way back through them, without autograd.

At these widths a step is some twenty calls on arrays that fit a cache. autograd makes of each an
object and a new array; here all arrays are made once. Every product, sum and function is
autograd's, in its order, so that no bit differs from the gradient of ``recurrent.unroll``: torch
computes tanh, σ and 1 - tanh², which it rounds once, and numpy, whose calls cost less, the rest.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradient_atlas.networks.recurrent import GATES

Array = NDArray[np.floating]


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
        self._ones = torch.ones(self.seeds, self.examples, hidden)
        self._factor = torch.empty_like(self._ones)
        self._rest = self._product.numpy().copy()
        self._gate = self._of_step(self.projected)
        self._h = self._of_step(self.hidden)

    def forward(self, weight: Array) -> Tensor:
        """h_T (S, B, n), a copy, for the weight (S, G n, n) and ``projected``."""
        weight, from_hidden = weight.swapaxes(1, 2), self._product.numpy()
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
        torch.ops.aten.tanh_backward.grad_input(self._ones, value, grad_input=self._factor)
        return self._factor.numpy()


class Elman(Steps):
    """h_{t+1} = tanh(W_x x_t + b + W_h h_t)."""

    def _forward(self, t: int, from_hidden: Array) -> None:
        from_hidden += self._gate[t]
        torch.tanh(self._product, out=self.hidden[:, t + 1])

    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        factor = self._tanh_derivative(self.hidden[:, t + 1])
        return np.multiply(back, factor, out=self._gate[t]), None


class LSTM(Steps):
    """c_{t+1} = f c_t + i g, h_{t+1} = o tanh(c_{t+1}); gates in the order i, f, g, o."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, rows: int) -> None:
        super().__init__(shape, hidden, rows)
        self.cell = torch.zeros_like(self.hidden)
        self.squashed = torch.empty_like(self.hidden)  # tanh(c)
        self._c, self._tanh_c = self._of_step(self.cell), self._of_step(self.squashed)
        self._of_cell, self._one, self._other = (self._ones.numpy().copy() for _ in range(3))

    def _forward(self, t: int, from_hidden: Array) -> None:
        n, gates = self.units, self._gate[t]
        gates += from_hidden
        values = self.projected[:, t]
        for part, function in (
            (values[..., : 2 * n], torch.sigmoid),
            (values[..., 2 * n : 3 * n], torch.tanh),
            (values[..., 3 * n :], torch.sigmoid),
        ):
            function(part, out=part)
        i, f, g, o = (gates[..., k * n : (k + 1) * n] for k in range(4))
        cell = np.multiply(f, self._c[t], out=self._c[t + 1])
        cell += np.multiply(i, g, out=self._one)
        torch.tanh(self.cell[:, t + 1], out=self.squashed[:, t + 1])
        np.multiply(o, self._tanh_c[t + 1], out=self._h[t + 1])

    def _begin_backward(self) -> None:
        self._of_cell.fill(-0.0)

    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        n, gates, slope, of_cell = self.units, self._gate[t], self._product.numpy(), self._of_cell
        i, f, g, o = (gates[..., k * n : (k + 1) * n] for k in range(4))
        of_i, of_f, of_g, of_o = (slope[..., k * n : (k + 1) * n] for k in range(4))
        squashed = np.multiply(back, o, out=self._one)
        squashed *= self._tanh_derivative(self.squashed[:, t + 1])
        of_cell += squashed
        np.multiply(of_cell, g, out=of_i)
        np.multiply(of_cell, self._c[t], out=of_f)
        np.multiply(of_cell, i, out=of_g)
        np.multiply(back, self._tanh_c[t + 1], out=of_o)
        of_cell *= f
        np.multiply(of_g, self._tanh_derivative(self.projected[:, t, :, 2 * n : 3 * n]), out=g)
        rest = np.subtract(1, gates, out=self._rest)
        for part in (np.s_[..., : 2 * n], np.s_[..., 3 * n :]):
            slope[part] *= rest[part]
            gates[part] *= slope[part]
        return gates, None


class GRU(Steps):
    """h_{t+1} = (1 - z) c + z h_t, c = tanh(W_n x_t + b_n + r U_n h_t); in the order r, z, n."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, rows: int) -> None:
        super().__init__(shape, hidden, rows)
        self.from_hidden = torch.empty(*shape, hidden)  # U_n h
        self.difference = torch.empty(*shape, hidden)  # h_t - c
        self._un, self._d = self._of_step(self.from_hidden), self._of_step(self.difference)
        self._beside, self._one = np.empty_like(self._ones.numpy()), self._ones.numpy().copy()

    def _forward(self, t: int, from_hidden: Array) -> None:
        n, gates, values = self.units, self._gate[t], self.projected[:, t]
        both = gates[..., : 2 * n]
        both += from_hidden[..., : 2 * n]
        torch.sigmoid(values[..., : 2 * n], out=values[..., : 2 * n])
        r, z, candidate = (gates[..., k * n : (k + 1) * n] for k in range(3))
        self._un[t][...] = from_hidden[..., 2 * n :]
        candidate += np.multiply(r, self._un[t], out=self._one)
        torch.tanh(values[..., 2 * n :], out=values[..., 2 * n :])
        np.subtract(self._h[t], candidate, out=self._d[t])
        np.multiply(z, self._d[t], out=self._h[t + 1])
        self._h[t + 1] += candidate

    def _backward(self, t: int, back: Array) -> tuple[Array, Array | None]:
        n, gates, slope, of_product = self.units, self._gate[t], self._rest, self._product.numpy()
        r, z, candidate = (gates[..., k * n : (k + 1) * n] for k in range(3))
        np.multiply(back, z, out=self._beside)
        of_candidate = np.subtract(back, self._beside, out=self._one)
        of_candidate *= self._tanh_derivative(self.projected[:, t, :, 2 * n :])
        candidate[...] = of_candidate
        np.multiply(of_candidate, r, out=of_product[..., 2 * n :])
        np.multiply(of_candidate, self._un[t], out=slope[..., :n])
        np.multiply(back, self._d[t], out=slope[..., n : 2 * n])
        both, of_both = gates[..., : 2 * n], of_product[..., : 2 * n]
        np.subtract(1, both, out=of_both)
        of_both *= slope[..., : 2 * n]
        of_both *= both
        both[...] = of_both
        return of_product, self._beside
