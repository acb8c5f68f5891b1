import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.dynamics import flow_experiment as experiment
from gradient_atlas.dynamics import quadratic_experiment
from gradient_atlas.dynamics.flow import Tolerance
from gradient_atlas.dynamics.losses import quadratic, two_factor
from gradient_atlas.errors import InputError
from gradient_atlas.measures.flows import beyond_proportion, separations
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas import dynamics

SOURCE = Path(__file__).parent.parent / "src"
TOLERANCE = Tolerance(1e-8, 1e-10)


def test_distances_to_the_flow_of_a_quadratic_are_the_closed_form():
    frame, _ = experiment.paths(quadratic([1.0, 10.0]), "DOP853", 1.0, [0.05, 0.1], TOLERANCE)
    descent = frame[frame["method"] == "descent"]
    factors = 1.0 - np.outer(descent["learning_rate"], [1.0, 10.0])
    there = factors ** descent["step"].to_numpy()[:, None]
    exact = np.exp(-np.outer(descent["time"], [1.0, 10.0]))
    np.testing.assert_allclose(
        descent["distance_to_flow"], np.linalg.norm(there - exact, axis=1), atol=1e-7
    )
    assert descent.groupby("learning_rate")["step"].max().tolist() == [20, 10]
    assert (frame["solver_error"] < 1e-6).all()


def test_a_diverged_path_is_kept_and_flagged_and_leaves_the_landscape_alone():
    frame, landscape = experiment.paths(quadratic([1.0, 10.0]), "DOP853", 9.0, [0.3], TOLERANCE)
    diverged = frame[frame["method"] == "descent"]
    assert (diverged["status"] == "diverged").all()
    assert np.isfinite(diverged["distance_to_flow"]).all()
    assert landscape["theta_2"].abs().max() < 2


def test_paths_of_many_parameters_are_seen_in_their_plane():
    loss = quadratic([1.0, 3.0, 0.5, 0.1])
    frame, landscape = experiment.paths(loss, "DOP853", 3.0, [0.1], TOLERANCE)
    share = landscape["plane_share"].iloc[0]
    assert 0.9 < share < 1.0
    seen = frame[["theta_1", "theta_2"]].to_numpy()
    whole = frame["displacement"].to_numpy()
    assert (np.linalg.norm(seen - seen[0], axis=1) <= whole + 1e-9).all()


def test_escape_times_are_the_first_step_at_the_level():
    settings = {"level": 0.125, "horizon": 30.0, "largest_rate": 0.5, "rates": 2}
    frame = experiment.escapes(two_factor((1e-3, 1e-3)), settings, TOLERANCE)
    assert frame["learning_rate"].tolist() == [0.25, 0.5]
    for _, row in frame.iterrows():
        theta, steps = np.array([1e-3, 1e-3]), 0
        while 0.5 * (1 - theta.prod()) ** 2 > 0.125:
            theta, steps = (
                theta + row["learning_rate"] * (1 - theta.prod()) * theta[::-1],
                steps + 1,
            )
        assert row["time"] == pytest.approx(steps * row["learning_rate"])
    assert (frame["time"] > frame["flow_time"]).all()


def test_an_escape_beyond_the_horizon_is_infinite():
    settings = {"level": 0.125, "horizon": 1.0, "largest_rate": 0.1, "rates": 1}
    frame = experiment.escapes(two_factor((1e-3, 1e-3)), settings, TOLERANCE)
    assert np.isinf(frame[["time", "flow_time"]].to_numpy()).all()


def test_unknown_losses_and_parameters_are_named():
    with pytest.raises(InputError, match="loss: 'rosenbrook' is not one of"):
        experiment.named_loss("rosenbrook", {})
    with pytest.raises(InputError, match=r"loss rosenbrock: parameters .*'begin'"):
        experiment.named_loss("rosenbrock", {"begin": [0, 0]})


def test_a_loss_of_ones_own_is_a_module_and_a_function(tmp_path, monkeypatch):
    (tmp_path / "bowls.py").write_text(
        "from gradient_atlas.dynamics.losses import quadratic\n"
        "def round_bowl(curvature):\n    return quadratic([curvature] * 2)\n"
    )
    monkeypatch.chdir(tmp_path)
    loss = experiment.named_loss("bowls:round_bowl", {"curvature": 3.0})
    assert float(loss.function(loss.start)) == pytest.approx(3.0)


def test_the_quadratics_tables_fit_their_schemas(tmp_path):
    frames = {
        "quadratic": quadratic_experiment.paths([1, 100], [1, 1], [0.01, 0.021], 100),
        "convergence": quadratic_experiment.convergence([1, 100], [1, 1], [0], 0.02, 2, 50),
        "threshold": quadratic_experiment.thresholds([1, 100], [1, 1], [0], 100),
    }
    for name, frame in frames.items():
        tables.write(getattr(dynamics, name.upper()), frame, tmp_path / f"{name}.parquet", {})
    status = frames["quadratic"].groupby("learning_rate")["status"].first()
    assert status.tolist() == ["ok", "diverged"]


def test_the_script_writes_its_four_tables_twice_the_same(tmp_path):
    prepare("digits", tmp_path / "digits", None)
    order = {"horizon": 0.1, "steps": [4, 8]}
    compared = {"method": "DOP853", "horizon": 0.2, "learning_rates": [0.1], "order": order}
    start = {"loss": "two_factor", "parameters": {"start": [0.1, 0.2]}}
    escape = {"level": 0.125, "horizon": 9, "largest_rate": 0.2, "rates": 2}
    settings = {
        "tolerance": {"relative": 1e-4, "absolute": 1e-6},
        "problems": {"two": start | compared},
        "network": compared | {"examples": 20, "hidden_widths": [3], "seeds": [0, 1]},
        "escapes": {"saddle": start | escape},
    }
    written = []
    for again in ("first", "second"):
        files = [tmp_path / again / f"{name}.parquet" for name in _TABLES]
        command = [sys.executable, str(SOURCE / "simulate_flow.py")]
        command += ["--settings", json.dumps(settings), "--dataset", str(tmp_path / "digits")]
        for name, file in zip(_TABLES, files, strict=True):
            command += [f"--{name}", str(file)]
        subprocess.run(command, check=True)
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    assert set(tables.read(files[0])["problem"]) == {"two", "network"}


_TABLES = ("flow", "landscape", "order", "escape")


def test_small_steps_part_in_proportion_to_the_rate_and_an_unstable_one_faster():
    """At a fixed time descent is off by η t/2 |H² w| (Hairer et al. 1993, II.3), so by η to first
    order."""
    for rates, low, high in (((1e-4, 2e-4), 1.0, 1.001), ((1e-3, 0.19), 2.0, np.inf)):
        frame, _ = experiment.paths(
            quadratic([1.0, 10.0]), "DOP853", 1.0, list(rates), Tolerance(1e-11, 1e-13)
        )
        rows = separations(frame.assign(problem="bowl", seed=0, loss_function="quadratic"))
        (ratio,) = beyond_proportion(rows)
        assert low < ratio < high
    assert beyond_proportion(rows[rows["size"] == "largest"]) == []
