"""A perceptron's loss with its derivatives written out: autograd's bits, and the right values."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gradient_atlas import arithmetic
from gradient_atlas.dynamics.losses import (
    gradient_and_product,
    hessian_at,
    value_and_gradient,
)
from gradient_atlas.dynamics.network_loss import network_loss

portable_alone = pytest.mark.skipif(
    not arithmetic.is_portable(), reason="elsewhere torch multiplies, and autograd is asked"
)


def made(examples, features, widths, activation="tanh", dtype=torch.float64, seed=0):
    """A loss, a point near its start and a vector."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    inputs = normal(examples, features)
    labels = torch.randint(0, 5, (examples,), generator=generator)
    loss = network_loss(inputs, labels, widths, seed, 5, activation)
    return loss, loss.start + 0.1 * normal(len(loss.start)), normal(len(loss.start))


def by_autograd(loss):
    return replace(loss, derivatives=None)


def bits(tensor):
    return tensor.numpy().tobytes()


@portable_alone
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(
    ("examples", "features", "widths"),
    [(200, 64, (32, 32)), (37, 13, (7, 5)), (129, 20, (33, 9, 2)), (2, 3, (4,)), (50, 8, ())],
)
def test_bits_are_those_of_autograd(examples, features, widths, activation, dtype):
    loss, theta, vector = made(examples, features, widths, activation, dtype)
    assert loss.derivatives is not None
    value, slope = value_and_gradient(loss, theta)
    expected_value, expected_slope = value_and_gradient(by_autograd(loss), theta)
    assert value == expected_value
    assert bits(slope) == bits(expected_slope)
    product, expected = hessian_at(loss, theta), hessian_at(by_autograd(loss), theta)
    for one in (vector, slope, torch.zeros_like(vector)):
        assert bits(product(one)) == bits(expected(one))
    both = gradient_and_product(loss, theta, vector)
    assert [bits(x) for x in both] == [bits(slope), bits(product(vector))]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_products_are_those_of_the_whole_hessian(activation):
    loss, theta, _ = made(9, 4, (5, 3), activation)
    whole = torch.autograd.functional.hessian(loss.function, theta)
    product = hessian_at(loss, theta)
    columns = torch.stack([product(unit) for unit in torch.eye(len(theta), dtype=theta.dtype)])
    torch.testing.assert_close(columns, whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_each_map_stays_at_its_own_place(activation):
    loss, theta, vector = made(20, 4, (6, 5), activation)
    elsewhere = theta + vector
    alone = [bits(hessian_at(loss, place)(vector)) for place in (theta, elsewhere)]
    here, there = hessian_at(loss, theta), hessian_at(loss, elsewhere)
    theta.mul_(2.0)  # a map keeps the point that it was asked for
    found = []
    for product in (here, there, here, there):
        value_and_gradient(loss, vector)
        found.append(bits(product(vector)))
    assert found == alone * 2


@pytest.mark.filterwarnings("error")
def test_what_overflows_is_not_finite_and_nobody_is_warned():
    loss, theta, vector = made(20, 4, (6, 5), "relu")
    value, slope = value_and_gradient(loss, 1e200 * theta)
    assert not np.isfinite(value)
    assert not slope.isfinite().all()
    assert not hessian_at(loss, 1e200 * theta)(vector).isfinite().all()


def test_autograd_is_asked_where_its_bits_hang_on_more():
    for widths, activation in (((1,), "tanh"), ((4,), "sigmoid")):
        loss, theta, vector = made(6, 3, widths, activation)
        assert loss.derivatives is None
        assert hessian_at(loss, theta)(vector).isfinite().all()
