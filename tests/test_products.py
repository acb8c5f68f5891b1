"""Products by OpenBLAS against torch's own, forward and through two derivatives."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from gradient_atlas import arithmetic
from gradient_atlas.networks import products

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}


def random(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()


def close(ours, theirs):
    size = float(theirs.detach().abs().max()) + 1.0
    return float((ours - theirs).abs().max()) <= TOLERANCE[theirs.dtype] * size


def test_the_tests_compute_as_a_build_does():
    assert arithmetic.is_portable()


@pytest.mark.parametrize("dtype", TOLERANCE)
@given(n=st.integers(1, 9), n_in=st.integers(1, 9), n_out=st.integers(1, 9))
def test_linear_and_its_gradients_are_torchs(dtype, n, n_in, n_out):
    leaves = [random(n, n_in, dtype=dtype), random(n_out, n_in, dtype=dtype, seed=1)]
    leaves.append(random(n_out, dtype=dtype, seed=2))
    weights = random(n, n_out, dtype=dtype, seed=3).detach()
    ours, theirs = products.linear(*leaves), functional.linear(*leaves)
    assert ours.dtype == dtype and close(ours, theirs)
    pairs = zip(
        torch.autograd.grad((ours * weights).sum(), leaves),
        torch.autograd.grad((theirs * weights).sum(), leaves),
        strict=True,
    )
    assert all(close(one, other) for one, other in pairs)


@pytest.mark.parametrize("shapes", [((3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5))])
def test_every_derivative_passes_torchs_numerical_check(shapes):
    leaves = [random(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    assert torch.autograd.gradcheck(products.product, leaves)
    assert torch.autograd.gradgradcheck(products.product, leaves)


def test_linear_can_be_differentiated_three_times():
    inputs, weight, bias = random(5, 3), random(4, 3, seed=1), random(4, seed=2)
    assert torch.autograd.gradgradcheck(products.linear, (inputs, weight, bias))

    def third(linear):
        value = torch.tanh(linear(inputs, weight, bias)).square().sum()
        for _ in range(3):
            (slope,) = torch.autograd.grad(value, weight, create_graph=True)
            value = slope.square().sum()
        return slope

    assert close(third(products.linear), third(functional.linear))


def test_transposed_and_expanded_tensors():
    left, right = random(6, 4), random(6, 5, seed=1)
    assert close(products.product(left.T, right), left.T @ right)
    ones = torch.ones((), dtype=torch.float64).expand(3, 6)
    assert close(products.product(ones, right), ones @ right)


def test_only_what_is_asked_for_is_differentiated():
    inputs, weight, bias = random(5, 3), random(4, 3, seed=1), random(4, seed=2)
    frozen = products.linear(inputs.detach(), weight, bias.detach())
    assert frozen.grad_fn.next_functions[0][0] is None
    (slope,) = torch.autograd.grad(frozen.sum(), weight)
    assert close(slope, inputs.detach().sum(0).expand(4, 3))


def test_under_a_native_arithmetic_torch_multiplies(monkeypatch):
    monkeypatch.setattr(arithmetic, "_in_use", "native")
    left, right = random(4, 3), random(5, 3, seed=1)
    bias = random(5, seed=2)
    assert np.array_equal(
        products.linear(left, right, bias).detach(), functional.linear(left, right, bias).detach()
    )
    assert type(products.product(left, right.T).grad_fn).__name__ == "MmBackward0"
