"""Activation functions φ, chosen by name.

Sources: sigmoid, tanh and ReLU as in Goodfellow, Bengio, Courville (2016), chapter 6; Leaky ReLU
with slope 0.01: Maas, Hannun, Ng (2013), equation 3; GELU with the error function: Hendrycks,
Gimpel (2016), equation 1; SiLU (Swish with β = 1): Elfwing, Uchibe, Doya (2018), equation 1.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gradient_atlas.errors import InputError
from gradient_atlas.runs import extension

Activation = Callable[[Tensor], Tensor]

LEAKY_SLOPE = 0.01


def leaky_relu(z: Tensor) -> Tensor:
    """max(z, 0.01 z), element by element."""
    return functional.leaky_relu(z, LEAKY_SLOPE)


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": leaky_relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
}

_aten: Any = torch.ops.aten


# φ(z) into ``out``.
INTO: dict[Activation, Callable[..., Any]] = {
    torch.relu: partial(torch.clamp_min, min=0),
    torch.sigmoid: torch.sigmoid,
    torch.tanh: torch.tanh,
    leaky_relu: partial(_aten.leaky_relu.out, negative_slope=LEAKY_SLOPE),
    functional.gelu: _aten.gelu.out,
    functional.silu: _aten.silu.out,
}

# ∂L/∂z into ``grad_input`` from ∂L/∂φ(z) and φ(z): what autograd calls, for those that need no z.
BACKWARD: dict[Activation, Callable[..., Any]] = {
    leaky_relu: partial(
        _aten.leaky_relu_backward.grad_input, negative_slope=LEAKY_SLOPE, self_is_result=True
    ),
    torch.relu: partial(_aten.threshold_backward.grad_input, threshold=0),
    torch.sigmoid: _aten.sigmoid_backward.grad_input,
    torch.tanh: _aten.tanh_backward.grad_input,
}

# The same from ∂L/∂φ(z) and z, for the others.
BACKWARD_BY_INPUT: dict[Activation, Callable[..., Any]] = {
    functional.gelu: _aten.gelu_backward.grad_input,
    functional.silu: _aten.silu_backward.grad_input,
}


def get_activation(name: str) -> Activation:
    """The activation called ``name``: a built-in one or the user's ``package.module:callable``.

    The callable maps a float tensor of any shape to one of the same shape, differentiably.
    Raises ``InputError`` for a name that is neither.
    """
    if extension.is_extension(name):
        return extension.load(name, "activation")
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise InputError(
            f"activation: {name!r} is unknown; use {known} or 'package.module:callable'"
        )
    return ACTIVATIONS[name]


def derivative(activation: Activation, z: Tensor) -> Tensor:
    """φ'(z), element by element as autograd finds it, in the shape and precision of ``z``."""
    z = z.detach()
    if activation in INTO:
        slope, one = torch.empty_like(z), z.new_ones(()).expand_as(z)
        if activation in BACKWARD:
            BACKWARD[activation](one, activation(z), grad_input=slope)
        else:
            BACKWARD_BY_INPUT[activation](one, z, grad_input=slope)
        return slope
    z.requires_grad_()
    (slope,) = torch.autograd.grad(activation(z).sum(), z)
    return slope


def largest_derivative(activation: Activation) -> float:
    """max |φ'| on a grid of spacing 0.001 over [-20, 20]."""
    grid = torch.linspace(-20.0, 20.0, 40_001, dtype=torch.float64)
    return float(derivative(activation, grid).abs().max())


def is_bounded(activation: Activation) -> bool:
    """Whether φ stays below 100 in size at ±1e6: true of sigmoid and tanh, false of the others."""
    ends = torch.tensor([-1e6, 1e6], dtype=torch.float64)
    return bool((activation(ends).detach().abs() < 100).all())
