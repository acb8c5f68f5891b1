"""Forward and backward passes of a perceptron without a graph, in tensors that are made once.

They give what ``FeedForward`` and autograd give, bit for bit, by the same kernels in the same
order. At these widths a step spent as long on graph, views and new tensors as on products; here a
pass is a list of calls, bound once to the tensors that they read and write, then made again and
again. Backwards, with δ^(l) = ∂L/∂z^(l) (Rumelhart, Hinton, Williams, 1986):

    ∂L/∂W^(l) = δ^(l)ᵀ a^(l-1),    ∂L/∂b^(l) = Σ_i δ_i^(l),    ∂L/∂a^(l-1) = δ^(l) W^(l).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gradient_atlas.networks.activations import BACKWARD, BACKWARD_BY_INPUT, INTO
from gradient_atlas.networks.feedforward import EPSILON, BatchNorm, FeedForward, Mode
from gradient_atlas.networks.products import product_into

Call = Callable[[], Any]
# From the gradient by a node's output and a mask, gradients by its input and its parameters.
Backward = Callable[[Tensor, Sequence[bool]], Sequence[Tensor]]
Node = Callable[[Tensor], tuple[Tensor, Backward]]

_aten: Any = torch.ops.aten


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """Lay these tensors, one after another, into one (numbers,), of which they become views."""
    whole = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    for tensor, part in zip(tensors, _views(whole, tensors), strict=True):
        tensor.data = part
    return whole


def _views(whole: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    parts = whole.split([tensor.numel() for tensor in like])
    return [part.view_as(tensor) for part, tensor in zip(parts, like, strict=True)]


def _autograd(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Backward]:
    """The node of any function of x alone."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        value = function(leaf)
    return value.detach(), lambda gradient, mask: torch.autograd.grad(value, leaf, gradient)


def _batch_norm(
    own: dict[str, Any], mode: Mode, momentum: float, x: Tensor
) -> tuple[Tensor, Backward]:
    """The node of ``feedforward.BatchNorm``."""
    training = mode != "evaluate"
    kept: Any = (None, None) if mode == "probe" else (own["running_mean"], own["running_var"])
    y, *moments = _aten.native_batch_norm(
        x, own["weight"], own["bias"], *kept, training, momentum, EPSILON
    )
    return y, lambda gradient, mask: _aten.native_batch_norm_backward(
        gradient, x, own["weight"], *kept, *moments, training, EPSILON, mask
    )


def _layer_norm(own: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Backward]:
    """The node of ``torch.nn.LayerNorm``."""
    gain, shift, units = own["weight"], own["bias"], x.shape[1:]
    y, *moments = torch.native_layer_norm(x, units, gain, shift, EPSILON)
    return y, lambda gradient, mask: _aten.native_layer_norm_backward(
        gradient, x, units, *moments, gain, shift, mask
    )


class Passes:
    """Passes of one network over the rows of one tensor, which may be filled anew between them.

    The network's parameters are read where they lay when this was made.

    Attributes:
        logits: (examples, classes), what ``forward`` found.
        gradient: (numbers,), of the mean cross-entropy by ``parameters``, what ``backward`` found.
        gradients: the same as tensors like the parameters.
        error_signals: ∂L/∂z^(l); l = 1 first, as in the lists that follow.
        pre_activations, activation_inputs, activations: as in ``feedforward.Trace``.
    """

    def __init__(
        self,
        network: FeedForward,
        inputs: Tensor,
        mode: Mode,
        parameters: Sequence[Tensor] = (),
        keep: bool = False,
    ) -> None:
        """Bind the passes to ``inputs`` (examples, ...), which must be contiguous.

        ``mode`` says how batch normalisation takes its statistics. There is a backward pass for
        ``parameters``, all weights among them; without any there is none. With ``keep`` the lists
        hold a tensor a layer; else one layer may have written over another's.
        """
        self.network, self.mode = network, mode
        self.inputs = inputs.detach().flatten(1)
        self.gradient = self.inputs.new_zeros(sum(p.numel() for p in parameters))
        self.gradients = _views(self.gradient, parameters)
        self.activation_inputs: list[Tensor] = []
        self.activations: list[Tensor] = []
        self.error_signals: list[Tensor] = []
        self._gradient_of = {id(p): g for p, g in zip(parameters, self.gradients, strict=True)}
        self._keep = keep
        self._owned = keep or bool(parameters)  # what a layer computes must outlive the next one
        self._statistics: tuple[Any, ...] = ()
        self._forward: list[Call] = []
        self._backward: list[list[Call]] = []  # of each layer, l = 1 first
        self._pairs: dict[int, tuple[Tensor, Tensor]] = {}
        self._bind()
        self.logits = self.activations[-1]

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Logits (examples, classes) of the rows that are there now."""
        self._statistics = self.network.statistics(self.mode)
        for call in self._forward:
            call()
        return self.logits

    def backward(self, labels: Tensor) -> Tensor:
        """Mean cross-entropy with ``labels`` (examples,) after ``forward``; fills ``gradient``."""
        logits = self.logits.detach().requires_grad_()
        loss = functional.cross_entropy(logits, labels)
        (slope,) = torch.autograd.grad(loss, logits)
        self.error_signals[-1].copy_(slope)
        for calls in reversed(self._backward):
            for call in calls:
                call()
        return loss.detach()

    def _bind(self) -> None:
        run, a = self.network.run, self.inputs
        normalizations: list[Any] = [*self.network.normalizations] or [None] * (run.depth - 1)
        layers: list[Any] = [*self.network.layers]
        for index, (layer, normal) in enumerate(zip(layers, [*normalizations, None], strict=True)):
            below, weight, bias = a, layer.weight.detach(), layer.bias.detach()
            a = u = self._tensor(len(weight), index, self._owned)
            self._forward += [product_into(a, below, weight.T), partial(a.add_, bias)]
            delta = self._delta(len(weight), index)
            calls: list[Call] = []  # backwards from ∂L/∂a^(l), the last of the forward pass first
            if index < run.depth - 1:
                before = run.normalization_position == "before_activation"
                if normal is not None and before:
                    a = u = self._normalize(normal, a, delta, calls)
                a = self._activate(a, delta, calls)
                if normal is not None and not before:
                    a = self._normalize(normal, a, delta, calls)
                if run.residual and index:
                    a = self._add(below, a, delta, calls)
                self.activation_inputs.append(u)
            self.activations.append(a)
            if self.gradients:
                calls.append(product_into(self._gradient_of[id(layer.weight)], delta.T, below))
                if id(layer.bias) in self._gradient_of:
                    out = self._gradient_of[id(layer.bias)]
                    calls.append(partial(torch.sum, delta, 0, out=out))
                calls += self._backward_to_inputs(weight, delta, index)
            self.error_signals.append(delta)
            self._backward.append(calls)

    def _tensor(self, units: int, index: int, own: bool) -> Tensor:
        """(examples, units) for layer ``index``: its own, or one of two taken in turn."""
        if own:
            return self.inputs.new_empty(len(self.inputs), units)
        if units not in self._pairs:
            self._pairs[units] = tuple(self.inputs.new_empty(2, len(self.inputs), units))
        return self._pairs[units][index % 2]

    def _delta(self, units: int, index: int) -> Tensor:
        """Where ∂L/∂a^(l) comes to lie and becomes δ^(l) in place."""
        if not self.gradients:
            return self.inputs.new_empty(0)
        if self.network.run.residual and index == 0:
            self._along = self._tensor(units, index, own=True)  # the gradient along the skips
            return self._along
        return self._tensor(units, index, self._keep)

    def _activate(self, u: Tensor, delta: Tensor, calls: list[Call]) -> Tensor:
        phi = self.network.activation
        if phi not in INTO:  # a user's own: differentiated by autograd, layer by layer
            return self._through(partial(_autograd, phi), [], u, delta, calls)
        by_value = phi in BACKWARD
        # In its place where nobody asks for z again.
        f = u if not self._keep and (by_value or not self._owned) else torch.empty_like(u)
        self._forward.append(partial(INTO[phi], u, out=f))
        back, known = (BACKWARD[phi], f) if by_value else (BACKWARD_BY_INPUT[phi], u)
        calls.insert(0, partial(back, delta, known, grad_input=delta))
        return f

    def _normalize(self, normal: Any, x: Tensor, delta: Tensor, calls: list[Call]) -> Tensor:
        own = {name: tensor.detach() for name, tensor in normal.named_parameters()}
        own |= dict(normal.named_buffers())

        def node(x: Tensor) -> tuple[Tensor, Backward]:
            if not isinstance(normal, BatchNorm):
                return _layer_norm(own, x)
            mode, momentum = self._statistics
            return _batch_norm(own, mode, momentum, x)

        return self._through(node, [normal.weight, normal.bias], x, delta, calls)

    def _through(
        self, node: Node, parameters: Sequence[Tensor], x: Tensor, delta: Tensor, calls: list[Call]
    ) -> Tensor:
        """The output of a node with input x; its gradients by x and by ``parameters`` go on."""
        y = torch.empty_like(x) if self._owned else x
        outs = [delta, *[self._gradient_of.get(id(p)) for p in parameters]]
        mask = [out is not None for out in outs]
        backward: Any = None

        def go() -> None:
            nonlocal backward
            value, backward = node(x)
            y.copy_(value)

        def come_back() -> None:
            for out, slope in zip(outs, backward(delta, mask), strict=True):
                if out is not None:
                    out.copy_(slope)

        self._forward.append(go)
        calls.insert(0, come_back)
        return y

    def _add(self, below: Tensor, f: Tensor, delta: Tensor, calls: list[Call]) -> Tensor:
        """a^(l-1) + s f; what comes back is kept, since a^(l-1) takes all of it and f a share s."""
        scale = self.network.run.residual_scale
        a = torch.empty_like(f) if self._owned else f
        self._forward += [partial(torch.mul, f, scale, out=a), partial(a.add_, below)]
        if self.gradients:
            calls.insert(0, partial(torch.mul, self._along, scale, out=delta))
        return a

    def _backward_to_inputs(self, weight: Tensor, delta: Tensor, index: int) -> list[Call]:
        """The calls that bring δ^(l) to ∂L/∂a^(l-1)."""
        if index == 0:
            return []
        depth, residual = self.network.run.depth, self.network.run.residual
        if not residual:
            return [product_into(self.error_signals[-1], delta, weight)]
        if index == depth - 1:  # of the output layer, which no skip passes
            return [product_into(self._along, delta, weight)]
        through = self._tensor(weight.shape[1], index - 1, own=False)
        return [product_into(through, delta, weight), partial(self._along.add_, through)]
