"""Written-out derivatives of small losses: autograd's bits everywhere, and differences' values."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradient_atlas.dynamics import losses
from gradient_atlas.dynamics.losses import gradient_and_product, hessian_at, value_and_gradient

LOSSES = [
    losses.rosenbrock(),
    losses.two_factor(),
    losses.quadratic([1.0, 100.0]),
    losses.quadratic([0.3]),
]
NUMBERS = st.floats(-1e3, 1e3) | st.floats()


def bits(values):
    """As whole numbers, so that -0 is not 0; what is not a number has no sign."""
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.where(np.isnan(array), np.nan, array).view(np.int64).tolist()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}_{len(loss.start)}")
@given(numbers=st.lists(NUMBERS, min_size=4, max_size=4))
def test_bits_are_those_of_autograd(loss, numbers):
    d = len(loss.start)
    theta, vector = (
        torch.tensor(part[:d], dtype=torch.float64) for part in np.split(np.array(numbers), 2)
    )
    asked = replace(loss, derivatives=None)
    found = (*value_and_gradient(loss, theta), hessian_at(loss, theta)(vector))
    expected = (*value_and_gradient(asked, theta), hessian_at(asked, theta)(vector))
    assert [bits(x) for x in found] == [bits(x) for x in expected]
    both = gradient_and_product(loss, theta, vector)
    assert [bits(x) for x in both] == [bits(x) for x in expected[1:]]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}_{len(loss.start)}")
def test_they_are_those_of_central_differences(loss):
    theta, step = loss.start + 0.3, 1e-5
    _, slope = value_and_gradient(loss, theta)
    product = hessian_at(loss, theta)
    for axis, unit in enumerate(torch.eye(len(theta), dtype=torch.float64)):
        (above, rising), (below, falling) = (
            value_and_gradient(loss, theta + side * step * unit) for side in (1, -1)
        )
        assert float(slope[axis]) == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-6)
        difference = (rising - falling) / (2 * step)
        torch.testing.assert_close(product(unit), difference, rtol=1e-6, atol=1e-5)
