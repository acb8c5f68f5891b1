import math

import numpy as np
import pytest
import torch

from gradient_atlas.training import norms


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_a_float32_gradient_keeps_its_norm_where_float32_loses_it(scale):
    gradient = torch.full((3, 4), scale, dtype=torch.float32)
    expected = float(gradient[0, 0]) * math.sqrt(12)
    assert norms.norm(gradient) == pytest.approx(expected, rel=1e-12)
    assert norms.float32_norm(gradient) == (0 if scale < 1 else math.inf)


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1.0, 1e100, 1e200])
def test_float64_gradients_of_any_size(scale):
    values = np.random.default_rng(0).normal(size=500)
    expected = scale * math.sqrt(math.fsum(values**2))
    assert norms.norm(torch.from_numpy(values) * scale) == pytest.approx(expected, rel=1e-12)


def test_global_norm_is_the_norm_of_everything_joined():
    parts = [torch.randn(5, 3), torch.randn(7), torch.zeros(2), torch.empty(0)]
    joined = torch.cat([part.flatten() for part in parts])
    assert norms.global_norm(parts) == pytest.approx(norms.norm(joined), rel=1e-14)


def test_values_that_are_not_finite_show():
    assert norms.norm(torch.tensor([1.0, math.inf])) == math.inf
    assert math.isnan(norms.norm(torch.tensor([math.inf, math.nan])))
    assert math.isnan(norms.global_norm([torch.ones(2), torch.tensor([math.nan])]))


def test_root_mean_square():
    assert norms.root_mean_square(torch.tensor([[3.0, 4.0], [0.0, 5.0]])) == pytest.approx(
        math.sqrt(50 / 4)
    )
    assert math.isnan(norms.root_mean_square(torch.empty(0)))
    assert norms.norm(torch.zeros(3)) == 0
