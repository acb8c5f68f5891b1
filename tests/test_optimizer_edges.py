"""Optimisers against PyTorch's, their thresholds against iteration, catapults against their map."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from figures import edges_of_other_optimizers as figure
from gradient_atlas.claims import edges_of_other_optimizers as claims
from gradient_atlas.drawing.style import Style
from gradient_atlas.dynamics import optimizers
from gradient_atlas.dynamics.catapult import launches
from gradient_atlas.dynamics.losses import quadratic, two_layer_linear
from gradient_atlas.dynamics.sharpness import sharpness, top_eigenpairs
from gradient_atlas.errors import InputError
from gradient_atlas.measures.optimizer_edges import ends, phase
from gradient_atlas.theory.catapult import catapult
from gradient_atlas.theory.stability import threshold
from tables_of_dynamics import edges_of_other_optimizers

REFERENCES = {
    "heavy_ball": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3),
}


def path_of(name, loss, steps):
    optimizer = optimizers.build(name, 0.02, 0.8, second_momentum=0.95, epsilon=1e-3)
    path = optimizers.iterates(loss, optimizer)
    return [next(path).theta for _ in range(steps + 1)]


@pytest.mark.parametrize("name", optimizers.NAMES)
def test_an_optimizer_is_that_of_pytorch(name, network):
    theta = network.start.clone().requires_grad_(True)
    reference = REFERENCES[name]([theta])
    for ours in path_of(name, network, 30):
        torch.testing.assert_close(ours, theta.detach(), rtol=1e-10, atol=1e-12)
        reference.zero_grad()
        network.function(theta).backward()
        reference.step()


@pytest.mark.parametrize("momentum", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("name", optimizers.NAMES)
def test_the_threshold_is_where_the_iteration_matrix_leaves_the_circle(name, momentum):
    """The matrix of (θ, v) or (θ, m), taken from the update rules, without the polynomial."""
    b, edge = momentum, threshold(name, 0.3, momentum)

    def radius(curvature):
        g = 0.3 * curvature
        matrix = {
            "heavy_ball": [[1 - g, b], [-g, b]],
            "nesterov": [[1 - (1 + b) * g, b * b], [-g, b]],
            "adam": [[1 - (1 - b) * g, -0.3 * b], [(1 - b) * curvature, b]],
        }[name]
        return np.abs(np.linalg.eigvals(matrix)).max()

    assert radius(0.999 * edge) < 1 < radius(1.001 * edge)


@pytest.mark.parametrize("name", optimizers.NAMES)
def test_bisection_finds_the_threshold(name):
    low, high = optimizers.diverging_rate(name, 0.5, 20.0, 200)
    assert 0.5 * (low + high) == pytest.approx(threshold(name, 1.0, 0.5), rel=1e-5)


def test_the_printed_threshold_of_adam():
    assert threshold("adam", 1e-3, 0.9) == pytest.approx(38 / 1e-3)


def test_the_preconditioned_sharpness_is_that_of_the_dense_matrix(network):
    dense = torch.autograd.functional.hessian(network.function, network.start).numpy()
    scale = np.random.default_rng(3).uniform(0.1, 4.0, len(dense))
    expected = np.linalg.eigvals(dense / scale[:, None]).real.max()
    values, _ = top_eigenpairs(network, network.start, preconditioner=torch.from_numpy(scale))
    assert values[0] == pytest.approx(expected, rel=1e-5)


def test_a_path_is_measured_at_its_steps_and_ends_where_it_diverges():
    loss = quadratic([1.0, 4.0, 2.0, 0.5])
    path = list(optimizers.edge_path(loss, optimizers.build("heavy_ball", 0.1, 0.5), 7, 3))
    assert [point.step for point in path] == [0, 3, 6]
    assert [point.sharpness for point in path] == pytest.approx([4.0] * 3)
    lost = list(optimizers.edge_path(loss, optimizers.build("nesterov", 0.5, 0.5), 900, 5))
    assert lost[-1].status == "diverged" and math.isnan(lost[-1].sharpness)
    # Adam's step has a length of its own: the first one goes η in every direction.
    path = optimizers.iterates(loss, optimizers.build("adam", 0.1, 0.9))
    first, second = next(path).theta, next(path).theta
    assert (second - first).numpy() == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "sgd"}, "optimizer: 'sgd'"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"second_momentum": -0.1}, "second_momentum"),
    ],
)
def test_senseless_parameters_are_named(wrong, said):
    right = {"name": "adam", "learning_rate": 0.1, "momentum": 0.5}
    with pytest.raises(InputError, match=said):
        optimizers.build(**(right | wrong))
    with pytest.raises(InputError, match="every"):
        next(optimizers.edge_path(quadratic([1.0]), optimizers.build(**right), 1, 0))


@pytest.mark.parametrize("scaled", [0.5, 1.7, 2.3, 2.9])
def test_two_linear_layers_keep_to_the_map(scaled):
    (run,) = launches(24, 5, [scaled], 40)
    end = catapult(run.start_output, run.start_curvature, 24, run.learning_rate, 40)
    assert (run.end_curvature, run.largest_loss) == pytest.approx(
        (end.curvature, end.largest_loss), rel=1e-8
    )
    assert run.status == "ok" and run.end_loss == pytest.approx(end.loss, rel=1e-6, abs=1e-20)


def test_the_curvature_is_the_sharpness_where_the_output_is_zero():
    loss = two_layer_linear(4, 1)
    theta = torch.tensor([1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 1.0], dtype=torch.float64)
    assert sharpness(loss, theta) == pytest.approx((1 + 4 + 9 + 1) / 4)
    with pytest.raises(InputError, match="width"):
        two_layer_linear(0, 1)


def test_phases_of_a_catapult():
    lazy, flat, lost = launches(64, 2, [1.0, 2.6, 4.4], 300)
    assert lazy.end_curvature == pytest.approx(lazy.start_curvature, rel=0.05)
    assert flat.largest_loss > 2 * flat.start_output**2 and flat.end_loss < 1e-20
    assert flat.end_curvature * flat.learning_rate < 2
    assert lost.status == "diverged" and math.isinf(lost.end_curvature)
    assert math.isinf(catapult(1.0, 2.0, 64, 2.2, 300).curvature)
    rates = pd.DataFrame({"scaled_rate": [1.0, 2.0, 3.0, 4.0, 5.0]})
    assert phase(rates, "catapult")["scaled_rate"].tolist() == [3.0]


def test_a_run_without_the_time_to_come_to_its_edge_says_nothing_of_it():
    edges = next(edges_of_other_optimizers())["edges"]
    assert ends(edges)["late"].tolist() == pytest.approx([1.02] * 15)
    below = edges.assign(sharpness=edges["sharpness"] * 0.9 / 1.02)
    assert ends(below)["late"].isna().all()
    only_start = below.copy()
    only_start.loc[only_start["step"] == 0, "sharpness"] = 1e9
    assert ends(only_start)["late"].isna().all()


@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_every_table_is_drawn(style):
    for tables in edges_of_other_optimizers():
        with style.applied():
            figure.draw(tables, style).draw_without_rendering()
        assert "nan" not in figure.caption(tables).plain().split()
        assert len(claims.claims(tables)) == 9
