"""Gaussian expectations of products against double integrals and sampled units with biases."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.theory.gaussian import paired
from gradient_atlas.theory.nonlinearity import Nonlinearity, from_torch
from gradient_atlas.theory.products import covariances, products_of_products, slope_by_product

KERNEL = np.array([[0.7, 0.5], [0.5, 2.0]])


def phi(name):
    return from_torch(get_activation(name))


def test_paired_is_a_double_integral_of_two_functions():
    precision, constant = np.linalg.inv(KERNEL), 2 * np.pi * np.sqrt(np.linalg.det(KERNEL))

    def first(u):
        return u / np.cosh(u) ** 2

    def second(u):
        return np.tanh(u) + np.cos(u)

    def integrand(v, u):
        pair = np.array([u, v])
        return first(u) * second(v) * np.exp(-pair @ precision @ pair / 2) / constant

    oracle, _ = dblquad(integrand, -6, 6, -9, 9, epsabs=1e-7)
    assert paired(first, second, KERNEL)[0, 1] == pytest.approx(oracle, abs=1e-6)


def test_paired_with_correlation_one_is_exact_also_for_jumps():
    step = paired(lambda u: 1.0 * (u > 0), lambda u: np.maximum(u, 0), np.full((2, 2), 3.0))
    assert np.allclose(step, np.sqrt(3 / (2 * np.pi)), rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_closed_forms_are_those_of_the_series(name):
    closed = phi(name)
    series = Nonlinearity(closed.value, closed.derivative)
    for function in (slope_by_product, products_of_products):
        assert np.allclose(function(closed, KERNEL), function(series, KERNEL), atol=1e-3)
    linear = KERNEL - 0.2
    one, other = covariances(closed, KERNEL, linear), covariances(series, KERNEL, linear)
    for field in ("value", "stretched", "values", "stretched_value"):
        assert np.allclose(getattr(one, field), getattr(other, field), atol=1e-3)


@pytest.mark.parametrize("name", ["gelu", "relu", "tanh"])
def test_covariances_with_biases_are_those_of_sampled_units(name):
    activation, linear = phi(name), KERNEL - 0.2
    generator = np.random.default_rng(2)
    w = generator.standard_normal((1_000_000, 2)) @ np.linalg.cholesky(linear).T
    z = w + np.sqrt(0.2) * generator.standard_normal((1_000_000, 1))
    value, stretched = activation.value(z), w * activation.derivative(z)
    found = covariances(activation, KERNEL, linear)
    assert np.allclose(found.value, value.mean(axis=0), atol=5e-3)
    assert np.allclose(found.stretched, stretched.mean(axis=0), atol=5e-3)
    both = np.cov(np.hstack([stretched, value]).T)
    assert np.allclose(found.values, both[2:, 2:], atol=1e-2)
    # Of the same example exactly; of two examples w is predicted from its own z alone.
    assert np.allclose(np.diagonal(found.stretched_value), np.diagonal(both[:2, 2:]), atol=1e-2)
    assert np.allclose(np.diagonal(found.stretches), np.diagonal(both[:2, :2]), atol=1e-2)
