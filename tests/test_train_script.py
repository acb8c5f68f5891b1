from command_line import json_object

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.tables import files as tables

SOURCE = Path(__file__).parents[1] / "src"
sys.path.append(str(SOURCE))
import train  # noqa: E402

RUN = {"dataset": "digits", "depth": 3, "width": 8, "epochs": 1, "training_examples": 300}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets") / "digits"
    prepare("digits", folder, None)
    return folder


def call(monkeypatch, folder, digits, run, seeds=("0", "1")):
    files = {name: folder / f"{name}.parquet" for name in ("gradients", "metrics")}
    arguments = [
        "train.py",
        "--run",
        run if isinstance(run, str) else json.dumps(run),
        "--seeds",
        *seeds,
    ]
    arguments += ["--dataset", str(digits)]
    for name, file in files.items():
        arguments += [f"--{name}", str(file)]
    monkeypatch.setattr(sys, "argv", arguments)
    # The script sets these for its process; here they must not reach other tests.
    threads = torch.get_num_threads()
    try:
        train.main()
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
    return files


def test_same_bytes_on_repeat(tmp_path, monkeypatch, digits):
    first = call(monkeypatch, tmp_path / "a", digits, RUN)
    second = call(monkeypatch, tmp_path / "b", digits, RUN)
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()
    frame = tables.read(first["gradients"])
    assert set(frame.layer) == {1, 2, 3}
    assert set(frame.depth) == {3}


def test_a_diverged_run_is_written_and_is_no_error(tmp_path, monkeypatch, digits, capsys):
    run = RUN | {"initialization": "normal", "weight_std": 1e15}
    files = call(monkeypatch, tmp_path, digits, run, ["0"])
    metrics = tables.read(files["metrics"])
    assert metrics.status.iloc[-1] == "diverged"
    assert not np.isnan(metrics.first_nonfinite_step.iloc[-1])
    progress = capsys.readouterr()
    assert "diverged after" in progress.err
    assert progress.out == ""


def test_a_users_activation_from_the_working_directory(tmp_path, monkeypatch, digits):
    (tmp_path / "own_activation.py").write_text(
        "import torch\n\n\ndef softsign(z):\n    return z / (1 + z.abs())\n"
    )
    monkeypatch.chdir(tmp_path)
    run = RUN | {"activation": "own_activation:softsign", "initialization": "xavier"}
    frame = tables.read(call(monkeypatch, tmp_path, digits, run)["gradients"])
    # Softsign is bounded: its saturation is measured though nobody declared it.
    assert frame.saturated_fraction[frame.layer < 3].notna().all()


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("{", "--run: not JSON"),
        ("[1]", "object of parameters"),
        ('{"depth": 3}', "dataset"),
        (json.dumps(RUN | {"depth": -1}), "depth: -1"),
        (json.dumps(RUN | {"deepth": 3}), "deepth"),
        (json.dumps(RUN | {"activation": "rellu"}), "activation: 'rellu'"),
        (json.dumps(RUN | {"activation": "absent_package:phi"}), "absent_package"),
    ],
)
def test_a_wrong_run_is_told_in_one_line(tmp_path, monkeypatch, digits, run, words):
    with pytest.raises(InputError) as caught:
        call(monkeypatch, tmp_path, digits, run)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_script_ends_with_status_1_and_one_line(tmp_path, digits):
    arguments = ["--run", '{"depth": 3}', "--seeds", "0", "--dataset", digits]
    arguments += ["--gradients", tmp_path / "g.parquet", "--metrics", tmp_path / "m.parquet"]
    done = subprocess.run(
        [sys.executable, SOURCE / "train.py", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: dataset: missing")
    assert done.stderr.count("\n") == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
)


@settings(max_examples=200)
@given(st.text() | json_values.map(json.dumps))
def test_any_run_string_is_read_or_refused_in_one_line(text):
    try:
        parse_run(json_object(text, "--run"))
    except InputError as error:
        assert "\n" not in str(error)
