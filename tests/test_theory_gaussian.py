"""Quadrature and fixed points against closed forms and adaptive integration."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.theory.finite_width import drift_per_layer, relative_variance
from gradient_atlas.theory.gaussian import (
    derivative_dual,
    derivative_second_moment,
    dual,
    expectation,
    mean,
    second_moment,
)
from gradient_atlas.theory.mean_field import chi, fixed_point, slope_per_layer, weight_variance
from gradient_atlas.theory.nonlinearity import Nonlinearity, from_torch

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")


def phi(name):
    return from_torch(get_activation(name))


def without_closed_form(name):
    function = phi(name)
    return Nonlinearity(function.value, function.derivative)


def kernel_of(q_1, q_2, rho):
    return np.array([[q_1, rho * np.sqrt(q_1 * q_2)], [rho * np.sqrt(q_1 * q_2), q_2]])


def test_relu_with_he_has_chi_one_and_keeps_any_variance():
    assert chi(phi("relu"), 3.7, 2.0) == pytest.approx(1.0, abs=1e-14)
    assert fixed_point(phi("relu"), 2.0, 3.7) == 3.7


@pytest.mark.parametrize("q", [0.01, 1.0, 120.0])
@pytest.mark.parametrize("name", NAMES)
def test_second_moments_are_those_of_adaptive_integration(name, q):
    function = phi(name)

    def integrand(z, values):
        density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        return values(np.array([np.sqrt(q) * z]))[0] ** 2 * density

    for values, found in (
        (function.value, second_moment(function, q)),
        (function.derivative, derivative_second_moment(function, q)),
    ):
        edges = [-12, -1, -0.1, 0, 0.1, 1, 12]
        pieces = pairwise(edges)
        oracle = sum(quad(integrand, a, b, args=(values,), epsabs=1e-13)[0] for a, b in pieces)
        assert found == pytest.approx(oracle, rel=1e-9)


def test_the_kink_of_relu_costs_the_panels_nothing_and_gauss_hermite_per_cents():
    relu = without_closed_form("relu")
    assert second_moment(relu, 2.0) == pytest.approx(1.0, abs=1e-13)
    assert mean(relu, 2.0) == pytest.approx(np.sqrt(1 / np.pi), abs=1e-13)
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    hermite = np.sum(weights * np.maximum(nodes, 0)) / weights.sum()
    assert abs(hermite * np.sqrt(2 * np.pi) - 1) > 0.01


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_hermite_series_meets_the_arc_cosine_kernels(name, rho):
    kernel = kernel_of(0.5, 3.0, rho)
    series, closed = without_closed_form(name), phi(name)
    assert np.allclose(dual(series, kernel), dual(closed, kernel), atol=1e-4)
    # φ' jumps: its series falls as k^(-3/2), the slowest of all.
    error = 0.02 if abs(rho) > 0.95 else 2e-3
    assert np.allclose(derivative_dual(series, kernel), derivative_dual(closed, kernel), atol=error)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu"])
def test_dual_functions_are_double_integrals(name):
    q_1, q_2, rho = 0.7, 2.0, 0.6
    function = phi(name)
    kernel = kernel_of(q_1, q_2, rho)
    precision, constant = np.linalg.inv(kernel), 2 * np.pi * np.sqrt(np.linalg.det(kernel))

    for values, found in (
        (function.value, dual(function, kernel)),
        (function.derivative, derivative_dual(function, kernel)),
    ):

        def integrand(v, u, values=values):
            pair = np.array([u, v])
            return np.prod(values(pair)) * np.exp(-pair @ precision @ pair / 2) / constant

        oracle, _ = dblquad(integrand, -6, 6, -9, 9, epsabs=1e-5)
        assert found[0, 1] == pytest.approx(oracle, abs=1e-4)


def test_diagonal_of_a_dual_is_the_second_moment_even_where_the_series_has_not_converged():
    kernel = kernel_of(400.0, 400.0, 1.0)
    tanh = phi("tanh")
    assert np.allclose(dual(tanh, kernel), second_moment(tanh, 400.0), rtol=1e-12)
    assert np.allclose(derivative_dual(tanh, kernel), derivative_second_moment(tanh, 400.0))


def test_fixed_points_of_the_saturating_activations():
    # tanh is critical at σ_w² = 1 (Poole et al. 2016): ordered below with q* = 0, chaotic above.
    assert fixed_point(phi("tanh"), 1 / 3, 1.0) == 0.0
    assert fixed_point(phi("tanh"), 1.0, 1.0) == 0.0
    q = fixed_point(phi("tanh"), 2.0, 1.0)
    assert 2.0 * expectation(lambda u: np.tanh(u) ** 2, q) == pytest.approx(q, rel=1e-10)
    assert chi(phi("tanh"), q, 2.0) > 1
    # sigmoid(u) ≈ 1/2 + u/4: q* ≈ σ² / 4 / (1 - σ²/16), and χ < σ²/16.
    assert fixed_point(phi("sigmoid"), 1 / 3, 1.0) == pytest.approx(1 / 12 / (1 - 1 / 48), rel=0.01)
    assert 10 ** (2 * slope_per_layer(phi("sigmoid"), 1 / 3, 1.0)) < 1 / 48
    assert fixed_point(phi("relu"), 1.0, 1.0) == 0.0
    assert fixed_point(phi("relu"), 3.0, 1.0) == np.inf


def test_weight_variances():
    assert weight_variance("standard", 784, 128) == pytest.approx(1 / (3 * 784))
    assert weight_variance("xavier", 784, 128) == pytest.approx(2 / 912)
    assert weight_variance("orthogonal", 784, 128) == pytest.approx(1 / 784)
    assert weight_variance("orthogonal", 128, 784) == pytest.approx(1 / 784)
    assert weight_variance("normal", 128, 128, 0.3) == pytest.approx(0.09)


def test_drift_of_relu_is_that_of_hanin_and_nica():
    assert relative_variance(phi("relu"), 1.0) == 5.0
    assert drift_per_layer(phi("relu"), 1.0, 128) == pytest.approx(-5 / (4 * 128 * np.log(10)))
    assert relative_variance(without_closed_form("relu"), 1.0) == pytest.approx(5.0)
