"""Matrix products of torch's tensors whose bits do not depend on the processor.

torch multiplies with MKL, which is the same on all processors only at half its speed or less. numpy
multiplies with OpenBLAS, which ``arithmetic`` holds to one kernel, at MKL's speed; a tensor and an
array share their memory, so that nothing is copied. Under a native arithmetic torch multiplies.

numpy warns of infinities where torch does not; who expects them says ``np.errstate``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gradient_atlas import arithmetic


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """inputs (N, n_in) · weightᵀ (n_in, n_out) + bias (n_out,), differentiable any number of times.

    weight is (n_out, n_in), as in ``torch.nn.functional.linear``.
    """
    if not arithmetic.is_portable():
        return functional.linear(inputs, weight, bias)
    if not torch.is_grad_enabled():
        return _sum(inputs, weight, bias)
    return _Linear.apply(inputs, weight, bias)  # type: ignore[no-untyped-call]


def product(left: Tensor, right: Tensor) -> Tensor:
    """left · right, differentiable any number of times.

    left is (N, k) and right (k, m), or both have one more dimension of equal length in front.
    """
    if not arithmetic.is_portable():
        return left @ right
    return _Product.apply(left, right)  # type: ignore[no-untyped-call]


def product_into(out: Tensor, left: Tensor, right: Tensor) -> Callable[[], Any]:
    """A call that writes left · right, as in ``product``, into ``out``, which is contiguous.

    For a product that is made again and again: the views are made once, here.
    """
    if not arithmetic.is_portable():
        return partial(torch.mm if left.ndim == 2 else torch.bmm, left, right, out=out)
    multiply: Callable[..., Any] = np.dot if left.ndim == 2 else np.matmul
    return partial(multiply, left.numpy(), right.numpy(), out=out.numpy())


def _multiply(left: Tensor, right: Tensor) -> Tensor:
    """The product without its derivative."""
    a, b = left.detach().numpy(), right.detach().numpy()
    # A call of np.dot costs half of one of np.matmul, which can do all matrices of a batch.
    return torch.from_numpy(np.dot(a, b) if a.ndim == 2 else np.matmul(a, b))


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor) -> Tensor:
        ctx.save_for_backward(left, right)
        return _multiply(left, right)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        left, right = ctx.saved_tensors
        multiply = product if torch.is_grad_enabled() else _multiply
        wanted_left, wanted_right = ctx.needs_input_grad
        return (
            multiply(gradient, right.mT) if wanted_left else None,
            multiply(left.mT, gradient) if wanted_right else None,
        )


def _sum(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """inputs · weightᵀ + bias without its derivative."""
    # A call costs nearly as much as a small product, so that each view of a tensor counts.
    a, w = inputs.detach().numpy(), weight.detach().numpy()
    return torch.from_numpy(np.dot(a, w.T)).add_(bias)


class _Linear(torch.autograd.Function):
    """The product and the sum as one step."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return _sum(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        inputs, weight = ctx.saved_tensors
        wanted_inputs, wanted_weight, wanted_bias = ctx.needs_input_grad
        if torch.is_grad_enabled():
            # In this order: what they send back again is added up in the reverse of it.
            return (
                product(gradient, weight) if wanted_inputs else None,
                product(gradient.T, inputs) if wanted_weight else None,
                gradient.sum(0) if wanted_bias else None,
            )
        g = gradient.numpy()
        return (
            torch.from_numpy(np.dot(g, weight.detach().numpy())) if wanted_inputs else None,
            torch.from_numpy(np.dot(g.T, inputs.detach().numpy())) if wanted_weight else None,
            gradient.sum(0) if wanted_bias else None,
        )
