"""Spectral norms against all singular values, the gain against the prediction, and the figure."""

import numpy as np
import pytest
import torch

import tables_of_networks
from figures import spectral_norm_or_gain as drawing
from gradient_atlas.claims.spectral_norm_or_gain import claims
from gradient_atlas.drawing.style import Style
from gradient_atlas.measures.spectrum import networks
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.initialization import get_initialization
from gradient_atlas.theory import mean_field
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.theory.prediction import Network, predict
from gradient_atlas.training.norms import spectral_norm
from made_up_runs import network, theory_for


@pytest.mark.parametrize("shape", [(40, 40), (10, 90), (90, 10), (1, 7)])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e200])
def test_spectral_norm_is_the_largest_singular_value(shape, scale):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    largest = np.linalg.svd(matrix.numpy(), compute_uv=False)[0]
    assert spectral_norm(matrix * scale) == pytest.approx(scale * largest, rel=1e-12)
    assert spectral_norm(torch.zeros(3, 4)) == 0.0


@pytest.mark.parametrize(("name", "std"), [("standard", None), ("he", None), ("normal", 0.1)])
@pytest.mark.parametrize("shape", [(700, 700), (200, 800)])
def test_spectral_norm_of_a_wide_matrix(name, std, shape):
    weight = torch.empty(*shape, dtype=torch.float64)
    get_initialization(name, std)(weight, torch.Generator().manual_seed(0))
    edge = mean_field.spectral_norm(name, shape[1], shape[0], std)
    assert spectral_norm(weight) == pytest.approx(edge, rel=0.02)


@pytest.mark.parametrize("shape", [(30, 50), (128, 128)])
def test_orthogonal_matrices_have_norm_one(shape):
    weight = torch.empty(*shape, dtype=torch.float64)
    get_initialization("orthogonal")(weight, torch.Generator().manual_seed(0))
    assert spectral_norm(weight) == pytest.approx(1.0, abs=1e-12)
    assert mean_field.spectral_norm("orthogonal", 50, 30) == 1.0


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_gains_multiply_to_the_predicted_error_signal_of_one_example(name):
    inputs = np.random.default_rng(1).standard_normal((1, 30))
    shape = Network(from_torch(get_activation(name)), "he", 7, 50)
    predicted = predict(shape, inputs, np.array([2]), 5)
    steps = -np.diff(predicted.log10_error_signal_norm)
    assert np.allclose(np.log10(predicted.gain[:-1]), steps, atol=1e-9)
    assert np.isnan(predicted.gain[-1])
    normalized = Network(shape.activation, "he", 7, 50, normalization="layer_norm")
    assert np.isnan(predict(normalized, inputs, np.array([2]), 5).gain).all()


def test_a_network_is_a_row_a_seed():
    rows = network("tanh", "he", 0.2, rms_slope=-0.1, seeds=(0, 1), weight_spectral_norm=2.5)
    found = networks(rows, theory_for(rows))
    assert len(found) == 2
    assert np.allclose(found.backward, 10**0.2)
    assert np.allclose(found.forward, 10**-0.1)
    assert np.allclose(found.gain, 10**0.2)
    assert np.allclose(found.spectral_norm, 2.5)


def test_every_claim_is_decided_both_ways_and_left_open():
    met = {}
    for tables in tables_of_networks.spectral_norm_or_gain():
        for claim in claims(tables):
            met.setdefault(claim.claim, []).append(claim.verdict)
    assert set(map(tuple, met.values())) == {("supported", "refuted", "undecided")}
    tables = next(tables_of_networks.spectral_norm_or_gain())
    nothing = {name: table.iloc[:0] for name, table in tables.items()}
    assert {claim.verdict for claim in claims(nothing)} == {"not measured"}


@pytest.mark.parametrize("column", ["full", "half"])
@pytest.mark.parametrize("missing", [None, "theory", "everything"])
def test_it_is_drawn_with_what_there_is(missing, column):
    tables = next(tables_of_networks.spectral_norm_or_gain())
    for name, table in tables.items():
        if missing == "everything" or (missing and missing in name):
            tables[name] = table.iloc[:0]
    style = Style("icml2022", column)
    with style.applied():
        drawing.draw(tables, style).draw_without_rendering()
    assert drawing.caption(tables).plain()
