"""The squared loss of a perceptron without a graph: L, ∇L and ∇²L v by autograd's own operations.

At these widths autograd spends as long on its graph, views and new tensors as on products. Here
every product, sum and function is that of ``network_loss`` under autograd, of arrays of the same
shape and in the same order, so that no bit differs. With layers z^(l) = a^(l-1) W^(l)ᵀ + b^(l), a =
φ(z), N examples, δ^(l) = ∂L/∂z^(l) and g^(l) = ∂L/∂a^(l) = δ^(l+1) W^(l+1), the gradient is

    ∂L/∂W^(l) = δ^(l)ᵀ a^(l-1),    ∂L/∂b^(l) = Σ_i δ_i^(l),    δ^(l) = φ'(z^(l)) g^(l).

∇²L v is the gradient of ⟨∇L, v⟩ (Pearlmutter 1994). Written x̄ for the derivative of that number by
x, and V^(l), u^(l) for the parts of v that belong to W^(l) and b^(l), it goes up the layers with

    δ̄^(l) = u^(l) + a^(l-1) V^(l)ᵀ + ḡ^(l-1) W^(l)ᵀ,    ḡ^(l) = φ'(z^(l)) δ̄^(l),

turns round at z̄^(L) = δ̄^(L) / N, and comes down with

    ā^(l) = δ̄^(l) ∂δ^(l)/∂a^(l) + δ^(l+1) V^(l+1) + z̄^(l+1) W^(l+1),    z̄^(l) = φ'(z^(l)) ā^(l),
    W̄^(l) = δ^(l)ᵀ ḡ^(l-1) + z̄^(l)ᵀ a^(l-1),    b̄^(l) = Σ_i z̄_i^(l).
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradient_atlas import arithmetic
from gradient_atlas.networks.activations import BACKWARD
from gradient_atlas.networks.products import product_into

Call = Callable[[], Any]

# φ with an ``out``. Of both, φ'(z) is a function of φ(z), as ``activations.BACKWARD`` has it.
_INTO: dict[str, Callable[..., Any]] = {
    "tanh": torch.tanh,
    "relu": partial(torch.clamp_min, min=0),
}


def is_covered(inputs: Tensor, sizes: Sequence[int], activation: str) -> bool:
    """Whether ``PerceptronLoss`` has autograd's bits for these inputs and layers of these sizes.

    Not where torch itself multiplies, and not of matrices with a single row or column, of which
    numpy makes vectors.
    """
    return activation in _INTO and arithmetic.is_portable() and min(len(inputs), *sizes) > 1


class PerceptronLoss:
    """(1/N) Σ_i ½ ‖f(x_i) - y_i‖² of a perceptron f with linear outputs, and its derivatives.

    θ (d,) is W^(1), b^(1), W^(2), b^(2), ... as in ``network_loss``.
    """

    def __init__(
        self, inputs: Tensor, targets: Tensor, hidden_widths: Sequence[int], activation: str
    ) -> None:
        """All of it has the precision of ``inputs`` (N, n_in) and ``targets`` (N, n_out).

        ``hidden_widths`` are the units of the hidden layers, nearest the input first, and
        ``activation`` is theirs; see ``is_covered``.
        """
        self.inputs, self.targets = inputs.contiguous(), targets
        self.sizes = [inputs.shape[1], *hidden_widths, targets.shape[1]]
        self.activation = activation
        self._passes = _Passes(self)
        self._hessian: _Hessian | None = None  # made when it is asked for
        self._place: Tensor | None = None  # the θ that it is prepared for

    @torch.no_grad()
    @np.errstate(over="ignore", invalid="ignore")
    def value_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """L(θ) and ∇L(θ), shape (d,)."""
        self._place = None
        value = self._passes.forward(theta.detach())
        self._passes.backward()
        return value, self._passes.gradient()

    def hessian_at(self, theta: Tensor) -> Callable[[Tensor], Tensor]:
        """The map of v to ∇²L(θ) v, both (d,)."""
        place = theta.detach().clone()

        @torch.no_grad()
        @np.errstate(over="ignore", invalid="ignore")
        def product(vector: Tensor) -> Tensor:
            if self._hessian is None:
                self._hessian = _Hessian(self, self._passes)
            if self._place is not place:
                if not torch.equal(self._passes.theta, place):
                    self._passes.forward(place)
                    self._passes.backward()
                self._hessian.prepare()
                self._place = place
            return self._hessian.product(vector)

        return product


def _layers(flat: Tensor, sizes: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """The part of each W^(l) (n_out, n_in) and b^(l) (n_out,) in ``flat`` (d,), as views."""
    shapes = [shape for n_in, n_out in pairwise(sizes) for shape in ((n_out, n_in), (n_out,))]
    parts = flat.split([n_out * n_in for n_in, n_out in pairwise(sizes) for n_in in (n_in, 1)])
    views = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
    return list(zip(views[::2], views[1::2], strict=True))


class _Passes:
    """The forward and the backward pass at one θ; what they find stays until the next.

    Lists have an entry a layer, and are counted from 0: δ^(l) is ``deltas[l - 1]``.

    Attributes:
        theta, slope: θ and ∇L, (d,); weights: W^(l).
        activations: a^(0), the inputs, to a^(L-1). of_activations: g^(1) to g^(L-1).
        deltas: δ^(1) to δ^(L). share: what L takes of each square, 1/2N.
    """

    def __init__(self, loss: PerceptronLoss) -> None:
        new, examples = loss.inputs.new_empty, len(loss.inputs)
        *hidden, classes = loss.sizes[1:]
        self.targets = loss.targets
        # Rounded as autograd does: first 1/N, then a half of it.
        self.share = float(0.5 * (loss.inputs.new_ones(()) / examples))
        length = sum((n_in + 1) * n_out for n_in, n_out in pairwise(loss.sizes))
        self.theta, self.slope = new(length).fill_(np.nan), new(length)  # not yet anywhere
        self.activations = [loss.inputs, *(new(examples, units) for units in hidden)]
        self.of_activations = [new(examples, units) for units in hidden]
        self.deltas = [new(examples, units) for units in (*hidden, classes)]
        layers, slopes = _layers(self.theta, loss.sizes), _layers(self.slope, loss.sizes)
        self.weights = [weight for weight, _ in layers]
        outputs = [*self.activations[1:], self.deltas[-1]]
        self._forward: list[Call] = []
        self._backward: list[Call] = []
        self._gradient: list[Call] = []
        for a, z, (weight, bias) in zip(self.activations, outputs, layers, strict=True):
            self._forward += [product_into(z, a, weight.T), _add(z, bias)]
            self._forward += [partial(_INTO[loss.activation], z, out=z)]
        self._forward.pop()  # the outputs are linear
        for index in reversed(range(len(layers))):
            delta, (of_weight, of_bias) = self.deltas[index], slopes[index]
            self._gradient.append(product_into(of_weight, delta.T, self.activations[index]))
            self._gradient.append(partial(torch.sum, delta, 0, out=of_bias))
            if index:
                g, a = self.of_activations[index - 1], self.activations[index]
                self._backward.append(product_into(g, delta, self.weights[index]))
                back = BACKWARD[getattr(torch, loss.activation)]
                self._backward.append(partial(back, g, a, grad_input=self.deltas[index - 1]))

    def forward(self, theta: Tensor) -> float:
        """L(θ), whose last layer's deltas are f - y."""
        self.theta.copy_(theta)
        for call in self._forward:
            call()
        difference = self.deltas[-1].sub_(self.targets)
        return float(0.5 * difference.square().sum() / len(difference))

    def backward(self) -> None:
        """Fill ``deltas`` and ``of_activations``, after ``forward``."""
        self.deltas[-1].mul_(2).mul_(self.share)
        for call in self._backward:
            call()

    def gradient(self) -> Tensor:
        """∇L(θ), after ``backward``."""
        for call in self._gradient:
            call()
        return self.slope.clone()


def _add(total: Tensor, term: Tensor) -> Call:
    """A call that adds ``term`` to ``total``; numpy's costs less than torch's."""
    out = total.numpy()
    return partial(np.add, out, term.numpy(), out=out)


class _Hessian:
    """∇²L(θ) as calls that are bound once to θ, to v and to the product; names as above."""

    def __init__(self, loss: PerceptronLoss, at: _Passes) -> None:
        self._vector, self._product = torch.empty_like(at.theta), torch.empty_like(at.theta)
        self._calls: list[Call] = []
        self._at, self._curved = at, [torch.empty_like(g) for g in at.of_activations]
        is_tanh, back = loss.activation == "tanh", BACKWARD[getattr(torch, loss.activation)]
        # δ̄, which becomes ā and z̄ in place, and ḡ.
        bars = [torch.empty_like(delta) for delta in at.deltas]
        of_slopes = [torch.empty_like(g) for g in at.of_activations]
        of_vector, of_product = (
            _layers(flat, loss.sizes) for flat in (self._vector, self._product)
        )
        layers = list(zip(bars, of_vector, of_product, at.deltas, at.activations, strict=True))
        for index, (bar, (V, u), (of_weight, _), delta, a) in enumerate(layers):
            across = a.new_empty(V.shape[0], len(a))
            self._do(product_into(across, V, a.T))
            self._do(partial(np.add, across.T.numpy(), u.numpy(), out=bar.numpy()))
            if index:
                g = of_slopes[index - 1]
                self._add_product(bar, g, at.weights[index].T)
                self._do(product_into(of_weight, delta.T, g))
            if index < len(of_slopes):
                self._do(partial(back, bar, at.activations[index + 1], grad_input=of_slopes[index]))
        self._do(partial(bars[-1].mul_, at.share), partial(bars[-1].mul_, 2))
        for index, (bar, (V, _), (of_weight, of_bias), delta, a) in reversed([*enumerate(layers)]):
            if index:
                self._add_product(of_weight, bar.T, a)
            else:
                self._do(product_into(of_weight, bar.T, a))
            self._sum(bar, of_bias, by_columns=is_tanh or index == len(of_slopes))
            if index:
                below = bars[index - 1].numpy()
                if is_tanh:  # δ = (1 - a²) g
                    self._do(
                        partial(np.multiply, below, self._curved[index - 1].numpy(), out=below)
                    )
                else:  # of ReLU δ does not hang on a
                    self._do(partial(below.fill, 0))
                self._add_product(bars[index - 1], delta, V)
                self._add_product(bars[index - 1], bar, at.weights[index])
                self._do(partial(back, bars[index - 1], a, grad_input=bars[index - 1]))

    def prepare(self) -> None:
        """Take in where the passes are: ∂δ/∂a, as it is for tanh."""
        hidden = self._at.activations[1:]
        for curved, a, g in zip(self._curved, hidden, self._at.of_activations, strict=True):
            torch.mul(a, -2, out=curved).mul_(g)

    def product(self, vector: Tensor) -> Tensor:
        """∇²L(θ) v, shape (d,), for v (d,)."""
        self._vector.copy_(vector)
        for call in self._calls:
            call()
        return self._product.clone()

    def _do(self, *calls: Call) -> None:
        self._calls += calls

    def _add_product(self, total: Tensor, left: Tensor, right: Tensor) -> None:
        """total ← total + left · right."""
        term = torch.empty_like(total)
        self._do(product_into(term, left, right), _add(total, term))

    def _sum(self, values: Tensor, out: Tensor, by_columns: bool) -> None:
        """Σ_i of values (N, units), which torch adds in another order if they lie by columns."""
        if by_columns:
            rows, values = values, torch.empty_like(values.T.contiguous()).T
            self._do(partial(values.copy_, rows))
        self._do(partial(torch.sum, values, 0, out=out))
