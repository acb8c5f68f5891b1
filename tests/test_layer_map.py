import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from gradient_atlas.drawing.looks import layer_map
from gradient_atlas.measures import layers, runs


def rows(seeds=(0, 1), steps=(0, 1, 4), layers=5, factor=0.5):
    frame = pd.DataFrame(
        [(seed, step, layer) for seed in seeds for step in steps for layer in range(1, layers + 1)],
        columns=["seed", "step", "layer"],
    )
    frame["weight_std"] = 0.1
    frame["error_signal_norm"] = (1 + frame.seed) * factor ** (layers - frame.layer)
    return frame


def test_factor_per_layer_of_an_exact_decay():
    assert layers.factors(rows(factor=0.25)) == pytest.approx([0.25, 0.25])


def test_factor_per_layer_looks_at_step_0_and_between_the_first_and_the_last_layer():
    frame = rows(layers=8, factor=2.0)
    frame.loc[frame.step > 0, "error_signal_norm"] = 7.0
    frame.loc[frame.layer.isin([1, 8]), "error_signal_norm"] = 0.0
    assert layers.factors(frame) == pytest.approx([2.0, 2.0])


@pytest.mark.parametrize("norm", [0.0, np.nan, np.inf])
def test_a_network_with_a_norm_that_has_no_logarithm_has_no_factor(norm):
    frame = rows()
    frame.loc[(frame.layer == 3) & (frame.seed == 1), "error_signal_norm"] = norm
    assert layers.factors(frame) == pytest.approx([0.5, np.nan], nan_ok=True)


def test_table_is_the_mean_over_seeds_and_keeps_empty_cells():
    frame = rows()
    frame.loc[(frame.step == 4) & (frame.layer == 2), "error_signal_norm"] = np.nan
    frame.loc[(frame.step == 1) & (frame.layer == 3) & (frame.seed == 0), "error_signal_norm"] = (
        np.nan
    )
    table = layers.layer_step_table(frame, "error_signal_norm")
    assert table.shape == (5, 3)
    assert table.loc[5, 0] == pytest.approx(1.5)
    assert np.isnan(table.loc[2, 4])
    assert table.loc[3, 1] == pytest.approx(2 * 0.25)


@pytest.mark.parametrize("steps", [(0,), (0, 1, 4, 16)])
def test_a_map_has_a_cell_a_layer_and_step(steps):
    table = layers.layer_step_table(rows(steps=steps), "error_signal_norm")
    figure, axes = plt.subplots()
    mesh = layer_map.draw_layer_map(axes, table)
    assert np.asarray(mesh.get_array()).size == 5 * len(steps)
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(step) for step in steps]
    assert axes.get_yticks().min() == 1
    assert axes.get_yticks().max() == 5
    plt.close(figure)


def test_epoch_ends_and_diverged_runs():
    metrics = pd.DataFrame(
        {
            "seed": [0, 0, 0, 1, 1],
            "variant": ["a"] * 5,
            "step": [0, 3, 6, 0, 2],
            "epoch": [0.0, 0.5, 1.0, 0.0, 1 / 3],
            "status": ["ok", "ok", "ok", "ok", "diverged"],
        }
    )
    assert list(runs.epoch_ends(metrics).epoch) == [0, 1, 0]
    assert runs.diverged_runs(metrics, ["variant"]) == (1, 2)
