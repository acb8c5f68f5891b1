"""The (σ_w, σ_b) plane against known phases, sampling, and iteration of the maps themselves."""

import numpy as np
import pytest
from scipy.integrate import quad

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.theory.correlation import (
    correlation_depth,
    correlation_fixed_point,
    correlation_map,
    correlation_slope,
    variance_depth,
    variance_slope,
)
from gradient_atlas.theory.mean_field import chi, fixed_point, variance_map
from gradient_atlas.theory.nonlinearity import from_torch

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda u: np.maximum(u, 0)}


def phi(name):
    return from_torch(get_activation(name))


def wide_layers(value, c, sigma_w2, sigma_b2, depth, width=3000, q=None):
    """Variances and correlations of two inputs in one random network of this width."""
    generator = np.random.default_rng(1)
    pair = generator.standard_normal((2, width))
    z = np.sqrt(q) * np.stack([pair[0], c * pair[0] + np.sqrt(1 - c**2) * pair[1]])
    found = []
    for _ in range(depth):
        weight = np.sqrt(sigma_w2 / width) * generator.standard_normal((width, width))
        z = value(z) @ weight.T + np.sqrt(sigma_b2) * generator.standard_normal(width)
        moments = z @ z.T / width
        found.append((moments[0, 0], moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1])))
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2"), [("tanh", 1.7, 0.05), ("tanh", 4.0, 0.3), ("relu", 1.5, 0.4)]
)
def test_variance_and_correlation_are_those_of_a_network_of_width_3000(name, sigma_w2, sigma_b2):
    function = phi(name)
    q = fixed_point(function, sigma_w2, 1.0, sigma_b2)
    measured = wide_layers(ACTIVATIONS[name], 0.6, sigma_w2, sigma_b2, 4, q=q)
    c = 0.6
    for variance, correlation in measured:
        c = correlation_map(function, c, q, sigma_w2, sigma_b2)
        assert variance == pytest.approx(q, rel=0.15)
        assert correlation == pytest.approx(c, abs=0.05)


def test_tanh_without_biases_is_critical_at_one():
    tanh = phi("tanh")
    below, above = (fixed_point(tanh, s, 1.0, 0.0) for s in (0.9, 1.1))
    assert below == 0.0
    assert above > 0
    assert chi(tanh, above, 1.1) > 1
    assert correlation_fixed_point(tanh, above, 1.1) < 1


def test_edge_of_chaos_of_tanh_bends_to_larger_weights_with_biases():
    # Schoenholz et al. (2017), figure 1: σ_b² = 0.05 has its critical line at σ_w² ≈ 1.76.
    tanh = phi("tanh")
    for sigma_w2, phase in ((1.70, -1), (1.82, 1)):
        q = fixed_point(tanh, sigma_w2, 1.0, 0.05)
        assert np.sign(chi(tanh, q, sigma_w2) - 1) == phase


def test_he_weights_are_on_the_edge_and_never_separate():
    relu = phi("relu")
    assert correlation_slope(relu, 1.0, 3.0, 2.0) == pytest.approx(1.0)
    assert correlation_depth(relu, 3.0, 2.0) == np.inf
    assert correlation_fixed_point(relu, 3.0, 2.0) == 1.0


@pytest.mark.parametrize(("sigma_w2", "sigma_b2"), [(1.3, 0.2), (3.0, 0.05), (6.0, 0.5)])
def test_depths_are_those_at_which_the_iterated_maps_approach(sigma_w2, sigma_b2):
    tanh = phi("tanh")
    q = fixed_point(tanh, sigma_w2, 1.0, sigma_b2)
    c = correlation_fixed_point(tanh, q, sigma_w2, sigma_b2)
    assert correlation_map(tanh, c, q, sigma_w2, sigma_b2) == pytest.approx(c, abs=1e-9)
    near, start = c + 1e-4 * (-1 if c > 0.5 else 1), 1e-4
    distances = [abs(near - c)]
    for _ in range(3):
        near = correlation_map(tanh, near, q, sigma_w2, sigma_b2)
        distances.append(abs(near - c))
    factor = np.exp(-1 / correlation_depth(tanh, q, sigma_w2, sigma_b2))
    assert distances[3] / distances[2] == pytest.approx(factor, rel=2e-3)
    variance = variance_map(tanh, q * (1 + start), sigma_w2, sigma_b2)
    change = abs(variance / q - 1) / start
    assert np.exp(-1 / variance_depth(tanh, q, sigma_w2)) == pytest.approx(change, rel=1e-3)


def test_variance_slope_is_the_integral_with_the_second_derivative():
    def integrand(z, q):
        u = np.sqrt(q) * z
        slope = 1 / np.cosh(u) ** 2
        second = -2 * np.tanh(u) * slope
        return (slope**2 + second * np.tanh(u)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    oracle = 1.7 * quad(integrand, -12, 12, args=(0.8,), epsabs=1e-13)[0]
    assert variance_slope(phi("tanh"), 0.8, 1.7) == pytest.approx(oracle, rel=1e-9)


def test_gelu_ends_where_its_first_variance_leads():
    gelu = phi("gelu")
    for start, end in ((0.3, 0.0), (1.0, 0.0), (2.3, np.inf)):
        q = start
        for _ in range(2000):
            q = variance_map(gelu, q, 2.3)
        assert q < 1e-6 if end == 0 else q > 1e6
        assert fixed_point(gelu, 2.3, start) == end
