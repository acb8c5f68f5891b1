"""What the benchmark makes of its measurements, and that a notebook does the same work."""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from gradient_atlas.datasets import store
from gradient_atlas.datasets.load import load
from gradient_atlas.runs.feedforward import Run

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path += [str(BENCHMARKS), str(BENCHMARKS / "peers")]

import benchmark  # noqa: E402
import measurements  # noqa: E402
from fit import exponent  # noqa: E402
from measurements import Row  # noqa: E402
from page import write_page  # noqa: E402
from ratios import OWN, Target, between, sweeps  # noqa: E402

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_gb": 8.0,
    "system": "Linux x86_64",
    "versions": {"python": "3.11"},
    "load": 0.0,
}


def test_exponent_of_a_power_law_is_its_power():
    x = np.array([8.0, 16, 32, 64])
    found = exponent(x, 3 * x**1.7)
    assert found.value == pytest.approx(1.7)
    assert found.error == pytest.approx(0, abs=1e-12)


def test_exponent_and_its_error_are_those_of_least_squares():
    generator = np.random.default_rng(0)
    x = np.geomspace(10, 1000, 9)
    y = x**0.8 * np.exp(0.1 * generator.standard_normal(9))
    line = linregress(np.log(x), np.log(y))
    found = exponent(x, y)
    assert (found.value, found.error) == pytest.approx((line.slope, line.stderr))


@pytest.mark.parametrize(("processor", "kept"), [("a processor", 1), ("another", 0)])
def test_what_is_not_measured_again_stays_on_the_same_machine(tmp_path, processor, kept):
    rows = [Row(part, "way", 0, 0, "time", 1.0, "s") for part in ("workflow", "tests")]
    measurements.write(rows, tmp_path / "table.parquet", MACHINE | {"load": 2.0})
    facts = MACHINE | {"processor": processor}
    stays = benchmark.what_stays(
        tmp_path / "table.parquet", lambda table: table["part"] == "tests", facts
    )
    assert stays == rows[:kept]
    assert facts["load"] == 2.0 * kept


def frame(*rows):
    return pd.DataFrame([vars(row) for row in rows])


def test_ratios_are_of_the_same_turn():
    rows = frame(
        *[
            Row("alone", OWN, 8, turn, "process", value, "s")
            for turn, value in enumerate((1, 2, 4))
        ],
        *[Row("alone", "peer", 8, turn, "process", v, "s") for turn, v in enumerate((3, 4, 20))],
    )
    found = between(rows, "peer", OWN)
    assert (found.median, found.low, found.high) == (3, 2, 5)


def test_a_sweep_is_held_against_the_project_s_before_and_after_it():
    rows = frame(
        *[Row("sweep", OWN, 8, turn, "sweep", value, "s") for turn, value in enumerate((1, 2, 4))],
        Row("sweep", "one", 8, 0, "sweep", 4, "s"),
        Row("sweep", "other", 8, 1, "sweep", 8, "s"),
        Row("sweep", "absent", 8, 0, "sweep", np.nan, "s", "no such package"),
    )
    assert (sweeps(rows, "one").low, sweeps(rows, "one").high) == (2, 4)
    assert (sweeps(rows, "other").low, sweeps(rows, "other").high) == (2, 4)
    assert np.isnan(sweeps(rows, "absent").median)


@pytest.mark.parametrize(
    ("found", "at_least", "verdict"),
    [
        (3.0, True, "met"),
        (2.9, True, "missed"),
        (3.1, False, "missed"),
        (3.0, False, "met"),
        (None, True, "not measured"),
        (np.nan, False, "not measured"),
    ],
)
def test_a_target_is_met_missed_or_not_measured(found, at_least, verdict):
    assert Target("what", 3.0, found, at_least, "").verdict == verdict


def made_up(width=128):
    """A small table with every part, and a peer that was not measured."""
    rows = [
        Row("alone", "cockpit", width, 0, "process", np.nan, "s", "no such package"),
        Row("sweep", OWN, width, 0, "sweep", 10.0, "s"),
        Row("sweep", "notebook", width, 0, "sweep", 25.0, "s"),
        Row("sweep", OWN, width, 1, "sweep", 10.0, "s"),
        Row("step", "products", width, 0, "operations", 1e9, "1"),
    ]
    for way, seconds in ((OWN, 4.0), ("notebook", 6.0)):
        for quantity in ("process", "processor", "loop"):
            rows.append(Row("alone", way, width, 0, quantity, seconds, "s"))
    for way, milliseconds in (
        ("products", 7.0),
        ("unlogged", 10.0),
        ("norms", 12.0),
        ("logged", 15.0),
    ):
        rows.append(Row("step", way, width, 0, "time", milliseconds, "ms"))
    for axis in ("depth", "width", "steps", "seeds", "planned runs"):
        for size in (1, 2, 4):
            rows.append(Row("growth", axis, size, 0, "time", 0.1 * size, "s"))
            rows.append(Row("growth", axis, size, 0, "memory", 5.0 * size, "MB"))
    return rows


@pytest.fixture(params=[0.0, 3.0], ids=["idle", "busy"])
def page(request, tmp_path):
    """The load when it was measured, and the page of the made-up table."""
    table = tmp_path / "benchmarks.parquet"
    measurements.write(made_up(), table, MACHINE | {"load": request.param})
    write_page(table, tmp_path / "page.md")
    assert (tmp_path / "benchmarks.png").is_file()
    assert (tmp_path / "benchmarks_growth.png").is_file()
    return request.param, (tmp_path / "page.md").read_text()


def test_page_says_what_was_measured_and_what_was_not(page):
    load, text = page
    assert ("The machine was busy" in text) == (load > 0)
    assert "| 128 | notebook | 1.50 | 1.50 | 1.50 | 2.50 |" in text
    assert "cockpit was not measured: no such package" in text
    assert "143 GFLOP/s" in text  # 1e9 operations in 7 ms
    assert (
        "| sweep, width 128: notebook / this project | ≥ 3 | 2.50 | missed | twelve runs in 8 s"
        in text
    )
    assert "| sweep, width 128: cockpit / this project | ≥ 3 |  | not measured |  |" in text
    assert "| share of the products' rate, width 128 | ≥ 0.8 | 0.70 | missed |" in text
    assert "| depth | 1 | 4 | 1.00 ± 0.00 | 1 | 1.00 ± 0.00 | 1 |" in text
    notes = (BENCHMARKS / "notes.md").read_text()
    assert notes.split("-->\n", 1)[1].strip() in text


def test_page_of_a_table_without_measurements_says_so(tmp_path):
    measurements.write([], tmp_path / "none.parquet", MACHINE)
    write_page(tmp_path / "none.parquet", tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text().count("Not measured") == 3
    assert not list(tmp_path.glob("*.png"))


def test_a_notebook_logs_the_project_s_norms(tmp_path):
    """As the benchmark checks every peer before it is timed, with weights and images given."""
    import notebook  # with torchvision, as a notebook has it

    from gradient_atlas.networks.feedforward import FeedForward
    from gradient_atlas.training.loop import train
    from gradient_atlas.training.minibatches import generators

    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (32, 28, 28), np.uint8), np.arange(32) % 10
    store.write("mine", "noise", store.Images(images, labels, images, labels), tmp_path / "mine")
    run = Run("mine", depth=4, width=8, epochs=0, probe_examples=32)
    import torch

    data = load(tmp_path / "mine", torch.float32)
    weights = FeedForward(run, 784, 10, generators(0)[0]).weights
    np.savez(tmp_path / "w.npz", **{str(n): w.detach().numpy() for n, w in enumerate(weights)})
    arguments = argparse.Namespace(
        images=tmp_path / "mine",
        output=tmp_path,
        logged={0},
        depth=4,
        width=8,
        batch_size=32,
        epochs=1,
        learning_rate=0.01,
        examples=None,
        weights=tmp_path / "w.npz",
    )
    notebook.train(arguments)
    expected = train(run, data, [0]).gradients["weight_gradient_norm"]
    assert notebook.norms(tmp_path) == {0: pytest.approx(expected, rel=1e-5)}


def test_products_are_those_of_a_step():
    from training_step import Products, operations, sizes

    run = Run("random", depth=3, width=16, batch_size=4)
    assert sizes(run) == [(784, 16), (16, 16), (16, 10)]
    forward = 2 * 4 * (784 * 16 + 16 * 16 + 16 * 10)
    assert operations(run) == 3 * forward - 2 * 4 * 784 * 16
    products = Products(run)
    products.step()
    a, w = products.activations, products.weights
    np.testing.assert_allclose(products.gradients[1], a[2].T @ a[1], rtol=1e-5)
    np.testing.assert_allclose(products.signals[1], a[2] @ w[1], rtol=1e-5)
