"""Moments of the Jacobian's squared singular values against sampled matrices and known cases."""

import numpy as np
import pytest
import torch

from gradient_atlas.ensembles.jacobian import Ensemble, singular_values
from gradient_atlas.networks.activations import derivative, get_activation
from gradient_atlas.theory.correlation import variance_slope
from gradient_atlas.theory.isometry import (
    critical_point,
    predict_spectra,
    slope_moment,
    variance_at_width,
    variance_in_the_limit,
)
from gradient_atlas.theory.mean_field import chi, variance_map
from gradient_atlas.theory.nonlinearity import from_torch


def phi(name):
    return from_torch(get_activation(name))


def sampled_variance(width, depth, orthogonal, slopes, networks, seed):
    """Of products of independent matrices and diagonals, as the theory has them."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(networks):
        jacobian = np.eye(width)
        for _ in range(depth):
            weight = generator.standard_normal((width, width)) / np.sqrt(width)
            if orthogonal:
                q, r = np.linalg.qr(weight)
                weight = q * np.sign(np.diagonal(r))
            jacobian = slopes(generator, width)[:, None] * (weight @ jacobian)
        found.append(np.var(np.linalg.svd(jacobian, compute_uv=False) ** 2))
    return np.mean(found), np.std(found, ddof=1) / np.sqrt(networks)


def coins(generator, width):
    """ReLU's slopes, the factor √2 of critical weights among them."""
    return np.sqrt(2.0) * (generator.random(width) < 0.5)


@pytest.mark.parametrize("initialization", ["normal", "orthogonal"])
@pytest.mark.parametrize(("slopes", "ratio"), [(coins, 2.0), (lambda _, n: np.ones(n), 1.0)])
def test_the_variance_at_a_width_is_that_of_sampled_products(initialization, slopes, ratio):
    orthogonal = initialization == "orthogonal"
    mean, error = sampled_variance(8, 3, orthogonal, slopes, 3000, seed=1)
    expected = variance_at_width(3, ratio, initialization, 8)
    assert mean == pytest.approx(expected, abs=4 * error + 1e-12)
    # The wide limit is another number here: the test tells them apart.
    if ratio == 2:
        limit = variance_in_the_limit(3, ratio, initialization)
        assert abs(mean - limit) > 4 * error


@pytest.mark.parametrize("initialization", ["normal", "orthogonal"])
def test_a_growing_width_has_the_limit_of_free_probability(initialization):
    limit = variance_in_the_limit(7, 1.3, initialization)
    assert variance_at_width(7, 1.3, initialization, 10**7) == pytest.approx(limit, rel=1e-5)


def test_known_cases_of_the_limit():
    assert variance_in_the_limit(9, 1.0, "orthogonal") == 0  # linear: isometry at any depth
    assert variance_in_the_limit(9, 1.0, "normal") == 9  # Marchenko-Pastur's 1 a layer
    assert critical_point(phi("relu"), 3.0).ratio == 2
    assert critical_point(phi("relu"), 3.0).sigma_w2 == 2


@pytest.mark.parametrize("q", [0.005, 0.3, 4.0])
def test_the_critical_point_is_a_fixed_point_with_chi_one(q):
    tanh = phi("tanh")
    point = critical_point(tanh, q)
    assert chi(tanh, q, point.sigma_w2) == pytest.approx(1)
    assert variance_map(tanh, q, point.sigma_w2, point.sigma_b2) == pytest.approx(q)
    assert point.radial == variance_slope(tanh, q, point.sigma_w2) < 1
    assert point.ratio > 1


def test_slope_moments_of_small_arguments():
    # tanh' = 1 - z² + ..., so that μ_2/μ_1² - 1 = Var(tanh'²) = 8 q² to first order.
    first, second = (slope_moment(phi("tanh"), 1e-4, k) for k in (1, 2))
    assert second / first**2 - 1 == pytest.approx(8e-8, rel=2e-3)


def test_a_sigmoid_has_no_critical_point_at_small_variance():
    with pytest.raises(ValueError, match="σ_b²"):
        critical_point(phi("sigmoid"), 0.1)


def test_predictions_have_a_row_a_network_and_depth():
    network = {"activation": "tanh", "initialization": "orthogonal", "variance": 0.1}
    rows = predict_spectra({"one": network, "two": network}, [1, 5], 20)
    assert list(rows.variant) == ["one", "one", "two", "two"]
    assert rows.variance_in_the_limit[1] == pytest.approx(5 * rows.variance_in_the_limit[0])


def test_the_jacobian_is_that_of_autograd():
    ensemble = Ensemble("tanh", "normal", 0.5, 1.5, 0.1, 6)
    found = dict(singular_values(ensemble, [3], seed=4))[3]
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(6, 1, generator=generator, dtype=torch.float64)
    x = x * (6 * 0.4 / 1.5) ** 0.5 / x.norm()
    layers = []
    for _ in range(3):
        weight = torch.empty(6, 6, dtype=torch.float64)
        weight.normal_(0.0, 0.5, generator=generator)  # √(1.5 / 6)
        bias = torch.randn(6, 1, generator=generator, dtype=torch.float64)
        layers.append((weight, 0.1**0.5 * bias))

    def network(inputs):
        for weight, bias in layers:
            inputs = torch.tanh(weight @ inputs + bias)
        return inputs

    jacobian = torch.autograd.functional.jacobian(network, x).reshape(6, 6)
    assert np.allclose(found, torch.linalg.svdvals(jacobian).numpy(), rtol=1e-10)
    assert derivative(torch.tanh, torch.zeros(1)).item() == 1


def test_the_inputs_own_direction_shrinks_by_the_slope_of_the_variance_map():
    point = critical_point(phi("tanh"), 0.005)
    ensemble = Ensemble("tanh", "orthogonal", 0.005, point.sigma_w2, point.sigma_b2, 100)
    found = [dict(singular_values(ensemble, [40], seed))[40] for seed in range(4)]
    smallest, rest = (np.mean([one[-place] for one in found]) for place in (1, 2))
    assert smallest == pytest.approx(point.radial**40, rel=0.03)
    assert rest > 0.85  # no other direction does
