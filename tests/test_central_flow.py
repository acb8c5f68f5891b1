"""The complementarity problem against its conditions, the flow against closed forms."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradient_atlas.dynamics.central_flow import (
    central_flow,
    compare,
    complementary,
    curvature_gradients,
    followed_eigenpairs,
)
from gradient_atlas.dynamics.losses import Loss, quadratic


def problem(seed: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """A random A and the B of random curvature gradients, as the flow would have them."""
    generator = np.random.default_rng(seed)
    A = generator.standard_normal((k, k))
    G = generator.standard_normal((k, k, 50))
    G = (G + G.transpose(1, 0, 2)).reshape(k * k, 50)
    return A + A.T, (G @ G.T).reshape(k, k, k, k)


def test_one_eigenvalue_has_a_closed_form():
    for a in (-3.0, 2.0):
        X = complementary(np.array([[a]]), np.full((1, 1, 1, 1), 4.0))
        assert X.item() == pytest.approx(max(0.0, -a / 4.0), rel=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=30)
def test_the_three_conditions_hold(seed, k):
    A, B = problem(seed, k)
    X = complementary(A, B)
    slack = A + np.einsum("ijkl,kl", B, X)
    size = np.abs(A).max()
    assert np.linalg.eigvalsh(X)[0] >= -1e-12
    assert np.linalg.eigvalsh(slack)[0] >= -1e-5 * size
    assert abs((X * slack).sum()) <= 1e-5 * size * max(1.0, np.trace(X))


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_the_solution_scales_with_its_problem(seed):
    A, B = problem(seed, 3)
    expected = complementary(A, B)
    assert complementary(1e4 * A, 1e8 * B) * 1e4 == pytest.approx(expected, abs=1e-4)


def test_third_derivatives_are_those_of_differences(network):
    U, _ = torch.linalg.qr(torch.randn(len(network.start), 2, dtype=torch.float64))
    value, slope, third = curvature_gradients(network, network.start, U)
    hessian = partial(torch.autograd.functional.hessian, network.function)
    assert value == pytest.approx(float(network.function(network.start)))
    assert torch.allclose(
        slope, torch.autograd.functional.jacobian(network.function, network.start)
    )
    assert torch.equal(third[0, 1], third[1, 0])
    direction = torch.cos(torch.arange(len(network.start), dtype=torch.float64))
    step = 1e-5
    change = U.T @ (
        (hessian(network.start + step * direction) - hessian(network.start - step * direction))
        @ U
        / (2 * step)
    )
    assert torch.allclose(third @ direction, change, atol=1e-7)


def test_an_eigenvalue_that_is_there_twice_is_found_twice():
    loss = quadratic([5.0, 5.0, *np.linspace(0.1, 4.0, 38)])
    guess = np.eye(40, 3) + 0.1 * np.random.default_rng(0).standard_normal((40, 3))
    values, vectors = followed_eigenpairs(loss, loss.start, guess)
    assert values == pytest.approx([5.0, 5.0, 4.0], rel=1e-6)
    assert np.abs(vectors[2:, :2]).max() < 1e-2


def test_followed_eigenpairs_are_those_of_the_dense_hessian(network):
    expected = np.linalg.eigvalsh(
        torch.autograd.functional.hessian(network.function, network.start)
    )
    guess = np.random.default_rng(0).standard_normal((len(network.start), 3))
    values, _ = followed_eigenpairs(network, network.start, guess)
    assert values == pytest.approx(expected[::-1][:3], rel=1e-6)


def test_below_the_edge_it_is_the_gradient_flow():
    *_, end = central_flow(quadratic([1.0, 4.0]), 0.1, steps=10, substeps=100)
    assert end.theta.numpy() == pytest.approx(np.exp([-1.0, -4.0]), rel=1e-2)
    assert end.variance == 0.0


def valley() -> Loss:
    """½ θ_2 θ_1² - θ_2 + const: its sharpness at θ_1 = 0 is θ_2, which descent raises at rate η."""
    return Loss(
        "valley",
        lambda theta: 0.5 * theta[1] * theta[0] ** 2 - theta[1],
        torch.tensor([0.0, 1.0], dtype=torch.float64),
    )


def test_beyond_the_edge_of_a_quadratic_nothing_can_help():
    with pytest.raises(RuntimeError, match="no oscillation"):
        list(central_flow(quadratic([1.0, 4.0]), 0.6, steps=1))


def test_at_the_edge_of_a_valley_the_variance_is_the_closed_form():
    # Here ∇L = (0, -1) and ∇S = (0, 1) on the axis: σ² = 2 ⟨-∇L, ∇S⟩ / ‖∇S‖² = 2.
    points = list(central_flow(valley(), 1.0, steps=6, substeps=20, tracked=1))
    assert points[-1].theta.numpy() == pytest.approx([0.0, 2.0], abs=1e-6)
    assert points[-1].variance == pytest.approx(2.0, rel=1e-5)
    assert points[0].variance == 0.0
    assert points[0].eigenvalues[0] == pytest.approx(1.0)


def test_no_eigenvalue_of_a_network_passes_the_edge(network):
    start = next(iter(central_flow(network, 1e-3, steps=0))).eigenvalues[0]
    rate = 1.9 / start
    points = list(central_flow(network, rate, steps=40, substeps=4, tracked=1))
    largest = max(point.eigenvalues[0] for point in points)
    assert largest <= 1.002 * 2 / rate
    assert any(point.variance > 0 for point in points)


def test_three_paths_start_together_and_keep_their_steps(network):
    rows = list(compare(network, 0.05, steps=4, every=2))
    assert [row["method"] for row in rows[:3]] == ["descent", "central_flow", "gradient_flow"]
    assert {row["step"] for row in rows} == {0, 1, 2, 3, 4}
    assert len({row["train_loss"] for row in rows[:3]}) == 1
    assert rows[1]["distance"] == rows[2]["distance"] == 0.0
    measured = [row["step"] for row in rows[::3] if not math.isnan(float(str(row["sharpness"])))]
    assert measured == [0, 2, 4]
