"""Lanczos against dense Hessians, descent's paths against theory, the flow against tiny steps."""

import itertools
import math

import numpy as np
import pytest
import torch

from gradient_atlas.dynamics.losses import Loss, gradient, quadratic
from gradient_atlas.dynamics.sharpness import (
    descent_path,
    flow_path,
    hessian,
    sharpness,
    top_eigenpairs,
)
from gradient_atlas.errors import InputError


@pytest.fixture(scope="module")
def dense(network) -> np.ndarray:
    return torch.autograd.functional.hessian(network.function, network.start).detach().numpy()


def test_operator_is_the_dense_hessian(network, dense):
    assert hessian(network, network.start) @ np.eye(len(dense)) == pytest.approx(dense, abs=1e-12)


@pytest.mark.parametrize("count", [1, 4])
def test_lanczos_finds_the_largest_eigenvalues_of_the_dense_hessian(network, dense, count):
    expected = np.linalg.eigvalsh(dense)[::-1][:count]
    values, vectors = top_eigenpairs(network, network.start, count)
    assert values == pytest.approx(expected, rel=1e-5)
    assert dense @ vectors == pytest.approx(vectors * values, abs=5e-3 * values[0])
    precise, _ = top_eigenpairs(network, network.start, count, tolerance=1e-10)
    assert precise == pytest.approx(expected, rel=1e-12)


def test_largest_means_most_positive_not_largest_in_size():
    loss = quadratic([1.0, 2.0, -5.0, 0.5, 0.1])
    assert sharpness(loss, loss.start) == pytest.approx(2.0)


@pytest.mark.parametrize("spectrum", [[3.0], [1.0, 100.0], [0.0, 0.0, 0.0, 0.0]])
def test_small_and_flat_hessians(spectrum):
    loss = quadratic(spectrum)
    assert sharpness(loss, loss.start) == pytest.approx(max(spectrum), abs=1e-12)


def test_linear_loss_has_no_curvature():
    loss = Loss("linear", lambda theta: theta.sum(), torch.ones(20, dtype=torch.float64))
    assert sharpness(loss, loss.start) == pytest.approx(0.0, abs=1e-12)


def test_a_hessian_that_is_not_finite_gives_nan(network):
    assert math.isnan(sharpness(network, network.start * math.nan))


def test_the_same_call_gives_the_same_bits(network):
    assert sharpness(network, network.start) == sharpness(network, network.start)


def test_descent_logs_each_step_and_measures_each_few():
    points = list(descent_path(quadratic([1.0, 4.0]), 0.1, steps=7, every=3))
    assert [point.step for point in points] == list(range(8))
    assert [p.step for p in points if not math.isnan(p.sharpness)] == [0, 3, 6]
    expected = [0.5 * (0.9 ** (2 * k) + 4 * 0.6 ** (2 * k)) for k in range(8)]
    assert [point.loss for point in points] == pytest.approx(expected)
    assert points[6].sharpness == pytest.approx(4.0)
    assert points[6].time == pytest.approx(0.6)


@pytest.mark.parametrize(("learning_rate", "status"), [(0.499, "ok"), (0.501, "diverged")])
def test_on_a_quadratic_the_edge_is_two_over_sharpness(learning_rate, status):
    *_, last = descent_path(quadratic([1.0, 4.0]), learning_rate, steps=5000, every=5000)
    assert last.status == status
    assert (last.step < 5000) == (status == "diverged")


def test_a_diverging_network_ends_early_and_says_so(network):
    points = list(descent_path(network, 50.0, steps=1000, every=1))
    assert [point.status for point in points[:-1]] == ["ok"] * (len(points) - 1)
    assert points[-1].status == "diverged"
    assert len(points) < 1000


def test_flow_of_a_quadratic_is_the_exponential():
    points = list(flow_path(quadratic([1.0, 30.0]), 2.0, 4, 1e-7))
    assert [point.time for point in points] == [0.0, 0.5, 1.0, 1.5, 2.0]
    exact = [0.5 * (math.exp(-2 * t) + 30 * math.exp(-60 * t)) for t in (0, 0.5, 1, 1.5, 2)]
    assert [point.loss for point in points] == pytest.approx(exact, rel=1e-5)
    assert max(point.energy_error for point in points) < 1e-5


def test_flow_gives_off_energy_and_never_takes_any(network):
    losses = [point.loss for point in flow_path(network, 20.0, 50)]
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))


def test_flow_of_a_network_is_the_limit_of_descent(network):
    *_, end = flow_path(network, 3.0, 1, 1e-8)
    gaps = []
    for steps in (300, 600):
        theta = network.start
        for _ in range(steps):
            theta = theta - 3.0 / steps * gradient(network, theta)
        gaps.append(
            (float(network.function(theta)) - end.loss, sharpness(network, theta) - end.sharpness)
        )
    # Euler's method is of first order: half the step, half the gap.
    for coarse, fine in zip(*gaps, strict=True):
        assert coarse / fine == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-5])
def test_energy_error_follows_the_tolerance(network, tolerance):
    *_, end = flow_path(network, 20.0, 1, tolerance)
    assert end.energy_error < 100 * tolerance


def test_wrong_numbers_are_named(network):
    with pytest.raises(InputError, match="learning_rate"):
        next(descent_path(network, 0.0, 1, 1))
    with pytest.raises(InputError, match="every"):
        next(descent_path(network, 0.1, 1, 0))
    with pytest.raises(InputError, match="horizon"):
        next(flow_path(network, 0.0, 1))
