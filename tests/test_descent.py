import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradient_atlas.dynamics.descent import contraction, descend, divergence_threshold, iterates
from gradient_atlas.dynamics.losses import quadratic, two_factor
from gradient_atlas.errors import InputError
from gradient_atlas.theory import quadratic as theory

SPECTRUM = [1.0, 100.0]


@pytest.mark.parametrize("learning_rate", [0.001, 0.019, 0.021])
def test_descent_on_a_quadratic_is_a_geometric_sequence(learning_rate):
    path = descend(quadratic(SPECTRUM), learning_rate, 60)
    factors = 1.0 - learning_rate * np.array(SPECTRUM)
    expected = factors ** np.arange(61)[:, None]
    np.testing.assert_allclose(path.points, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(path.losses, 0.5 * expected**2 @ SPECTRUM, rtol=1e-12)
    np.testing.assert_allclose(path.times, learning_rate * np.arange(61))


@given(
    st.lists(st.floats(0.1, 50.0), min_size=1, max_size=5),
    st.floats(0.001, 0.05),
    st.floats(0.0, 0.99),
)
@settings(max_examples=20)
def test_heavy_ball_is_powers_of_its_two_by_two_matrix(spectrum, learning_rate, momentum):
    path = descend(quadratic(spectrum), learning_rate, 30, momentum)
    for coordinate, value in enumerate(spectrum):
        matrix = np.array([[1 + momentum - learning_rate * value, -momentum], [1.0, 0.0]])
        state = np.ones(2)  # no velocity at the start: θ_{-1} = θ_0 = 1
        for theta in path.points[:, coordinate]:
            assert theta == pytest.approx(state[0], rel=1e-9, abs=1e-9)
            state = matrix @ state


def test_descend_visits_the_iterates():
    loss = two_factor()
    path = descend(loss, 0.05, 20, 0.5)
    endless = torch.stack(
        [i.theta for i in itertools.islice(iterates(loss, 0.05, 0.5), 21)]
    ).numpy()
    np.testing.assert_array_equal(path.points, endless)


def test_a_diverging_run_ends_early_and_keeps_its_rows():
    path = descend(quadratic(SPECTRUM), 0.021, 1000)
    assert path.status == "diverged"
    assert 10 < len(path.losses) < 1001
    assert path.losses[-1] > 1e6 * path.losses[0]
    assert (path.losses[:-1] <= 1e6 * path.losses[0]).all()
    assert len(path.times) == len(path.points) == len(path.losses)


def test_a_run_that_overflows_is_diverged():
    path = descend(two_factor((1e60, 1e60)), 1.0, 50, divergence_factor=float("inf"))
    assert path.status == "diverged"
    assert not np.isfinite(path.losses[-1])


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_threshold_is_found_by_bisection_to_four_digits(momentum):
    low, high = divergence_threshold(quadratic(SPECTRUM), momentum)
    expected = theory.threshold(SPECTRUM, momentum)
    assert low < high
    assert 0.5 * (low + high) == pytest.approx(expected, rel=5e-5)
    assert f"{theory.threshold(SPECTRUM):.4g}" == "0.02"


def test_a_bracket_that_converges_is_refused():
    with pytest.raises(InputError, match=r"still converges at 0\.01"):
        divergence_threshold(quadratic(SPECTRUM), upper=0.01)


@pytest.mark.parametrize("learning_rate", [0.002, 0.012, 0.0195, 0.025, 0.037, 0.045])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_contraction_is_the_spectral_radius(learning_rate, momentum):
    measured = contraction(quadratic(SPECTRUM), learning_rate, momentum)
    assert measured == pytest.approx(
        theory.contraction(learning_rate, SPECTRUM, momentum), rel=2e-3
    )


def test_theory_without_momentum_is_the_textbook():
    for rate in (0.001, 0.0198, 0.03):
        assert theory.contraction(rate, SPECTRUM) == pytest.approx(
            max(abs(1 - rate), abs(1 - 100 * rate))
        )
    assert theory.best_rate(SPECTRUM) == pytest.approx(2 / 101)
    assert theory.contraction(2 / 101, SPECTRUM) == pytest.approx(99 / 101)


def test_landing_on_the_minimum_is_total_contraction():
    assert contraction(quadratic([1.0]), 1.0) == 0.0


@pytest.mark.parametrize(("rate", "momentum"), [(0.0, 0.0), (float("nan"), 0.0), (0.1, 1.0)])
def test_senseless_parameters_are_named(rate, momentum):
    with pytest.raises(InputError, match=r"learning_rate|momentum"):
        descend(two_factor(), rate, 1, momentum)
