"""What formats lose: casts against numpy's, the predicted share against sampled entries."""

import numpy as np
import pandas as pd
import pytest
import torch

from gradient_atlas.datasets.load import Data
from gradient_atlas.ensembles.half_precision import FORMATS, lost_shares
from gradient_atlas.measures.half_precision import (
    decades_per_layer,
    gained_in_theory,
    layers_gained,
    layers_kept,
)
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.theory.half_precision import EXPONENTS, lost_share, predict_lost_shares
from gradient_atlas.theory.nonlinearity import from_torch
from tables_of_ensembles import lost_tables

RUN = Run("any", depth=8, width=30, activation="sigmoid", initialization="standard",
          precision="float64", probe_examples=16)  # fmt: skip


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(16, 20, generator=generator, dtype=torch.float64), torch.arange(16) % 4


@pytest.mark.parametrize("name", FORMATS)
def test_half_of_the_smallest_number_is_where_zero_begins(name):
    smallest = 2.0 ** EXPONENTS[name]
    values = torch.tensor([smallest, 0.51 * smallest, 0.49 * smallest], dtype=torch.float64)
    assert (values.to(FORMATS[name]) != 0).tolist() == [True, True, False]


def test_shares_are_those_of_numpys_cast(batch):
    rows = pd.DataFrame(lost_shares(RUN, *batch, 4, [0, 3], seed=5))
    network = FeedForward(RUN, 20, 4, torch.Generator().manual_seed(5))
    loss = torch.nn.functional.cross_entropy(network.forward(batch[0]), batch[1])
    gradient = torch.autograd.grad(loss, network.weights)[0].numpy()
    for k in (0, 3):
        one = rows[(rows.layer == 1) & (rows.format == "float16") & (rows.loss_scale == k)]
        lost = (gradient * 2.0**k).astype(np.float16) == 0
        assert 0 < lost.mean() < 1
        assert one.lost_share.iloc[0] == pytest.approx(lost.mean())
    # Rounding to the nearest takes what lies between half of the smallest number and it upward.
    assert (rows[rows.format == "float16"].gap_share.dropna() == 0).all()
    assert len(rows) == 8 * 2 * 3


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_the_predicted_share_is_that_of_sampled_entries(name):
    activation, q = from_torch(get_activation(name)), 0.7
    generator = np.random.default_rng(1)
    entries = generator.standard_normal(400_000) * activation.value(
        np.sqrt(q) * generator.standard_normal(400_000)
    )
    entries *= 1e-7 / np.sqrt(np.mean(entries**2))
    lost = np.mean(entries.astype(np.float16) == 0)
    assert lost_share(activation, q, -7.0, "float16", 0) == pytest.approx(lost, abs=0.003)
    lost = np.mean((entries * 4).astype(np.float16) == 0)
    assert lost_share(activation, q, -7.0, "float16", 2) == pytest.approx(lost, abs=0.003)


def test_wide_networks_lose_what_is_predicted(batch):
    run = Run("any", depth=8, width=300, activation="sigmoid", initialization="standard",
              precision="float64", probe_examples=16)  # fmt: skip
    data = Data(*batch, *batch, 4, "")
    predicted = predict_lost_shares({"one": run}, {"any": data}, [0])
    measured = pd.concat(pd.DataFrame(lost_shares(run, *batch, 4, [0], seed)) for seed in range(6))
    keys = ["layer", "format"]
    both = predicted.set_index(keys).lost_share, measured.groupby(keys).lost_share.mean()
    assert len(both[0]) == 7 * 3
    differences = (both[0] - both[1]).dropna().abs()
    assert differences.max() < 0.15 and both[0].between(0.1, 0.9).any()


def test_layers_are_interpolated():
    rows = pd.DataFrame({"distance": [0, 1, 2, 3], "lost_share": [0.0, 0.25, 0.75, 1.0]})
    assert layers_kept(rows) == 1.5
    assert np.isnan(layers_kept(rows.assign(lost_share=0.1)))
    assert np.isnan(layers_kept(rows.assign(lost_share=0.9)))


def test_a_scale_wins_its_doublings_over_the_cost_of_a_layer():
    tables = lost_tables(cost=0.6, predicted=0.6, gap=1.0)
    rows = tables["shares"].query("variant == 'xavier'")
    assert decades_per_layer(tables["theory"], rows) == pytest.approx(0.6)
    assert gained_in_theory(tables["theory"], rows) == pytest.approx(10 * np.log10(2) / 0.6)
    assert layers_gained(rows) == pytest.approx([10 * np.log10(2) / 0.6] * 6, abs=0.3)
