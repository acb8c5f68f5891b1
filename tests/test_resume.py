"""What was ended at any step goes on from its checkpoint, and its tables have the same bytes."""

import functools
import hashlib
import io
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from gradient_atlas.datasets.load import Data
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.runs.network import NetworkRun
from gradient_atlas.runs.recurrent import RecurrentRun
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.modules import MODULES
from gradient_atlas.tables.schemas.training import GRADIENTS, METRICS, RECURRENT, RECURRENT_LOSSES
from gradient_atlas.training import loop, recurrent_loop
from gradient_atlas.training.checkpoints import NONE, Checkpoint
from gradient_atlas.watching import training

SOURCE = Path(__file__).parents[1] / "src"
SEEDS = [4, 9]
MADE_BY = {"run": {"learning_rate": 0.1}, "seeds": SEEDS}


def dropping(input_shape, classes):
    """A network that draws numbers in training and keeps moments."""
    features = input_shape[0] * input_shape[1] * input_shape[2]
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(8, classes),
    )  # fmt: skip


@functools.cache
def data():
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(84, 6, generator=generator, dtype=torch.float64).float()
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    return Data(inputs[:-20], labels[:-20], inputs[-20:], labels[-20:], 3, "0" * 64)


def sweep(checkpoint, **parameters):
    plain = {"depth": 4, "width": 8, "batch_size": 16, "epochs": 3, "probe_examples": 16}
    run = Run(dataset="digits", **plain | parameters)
    found = loop.train(run, data(), SEEDS, checkpoint=checkpoint)
    return (GRADIENTS, found.gradients), (METRICS, found.metrics)


def network(checkpoint, **parameters):
    plain = {"max_steps": 11, "every": 3, "batch_size": 16, "probe_examples": 16}
    run = NetworkRun(dataset="digits", **plain | parameters)
    found = training.train(run, data(), (1, 2, 3), SEEDS, checkpoint)
    return (MODULES, found.modules), (METRICS, found.metrics)


def recurrent(checkpoint, **parameters):
    plain = {"sequence_length": 8, "hidden_size": 4, "batch_size": 8, "steps": 12}
    signals, losses = recurrent_loop.train(
        RecurrentRun(**plain | parameters), SEEDS, None, 0.0, checkpoint
    )
    return (RECURRENT, signals), (RECURRENT_LOSSES, losses)


MLP = {"architecture_options": {"depth": 3, "width": 8, "normalization": "batch_norm"}}
CASES = {
    "sgd": (sweep, {"clip_norm": 0.5, "weight_decay": 0.01}),
    "heavy ball": (sweep, {"momentum": 0.9, "normalization": "batch_norm"}),
    "nesterov": (sweep, {"optimizer": "nesterov", "momentum": 0.9, "bias_std": 0.1}),
    "adam": (sweep, {"optimizer": "adam", "normalization": "batch_norm", "max_steps": 9}),
    "lars": (sweep, {"optimizer": "lars", "momentum": 0.9, "residual": True}),
    "lamb": (sweep, {"optimizer": "lamb", "weight_decay": 0.1, "train_biases": False}),
    "diverging": (sweep, {"learning_rate": 1e8}),
    "network": (network, MLP | {"momentum": 0.9, "warmup_steps": 5}),
    "own network": (network, {"architecture": "test_resume:dropping", "optimizer": "adam"}),
    "diverging network": (network, MLP | {"learning_rate": 1e30}),
    "rnn": (recurrent, {"clip_norm": 0.1}),
    "lstm": (recurrent, {"cell": "lstm", "gate_bias": 1.0, "optimizer": "adam"}),
    "diverging rnn": (recurrent, {"learning_rate": 1e12}),
}


def written(rows, folder):
    """The bytes of the tables of these rows."""
    found = []
    for schema, columns in rows:
        frame = pd.DataFrame(columns, columns=schema.names)
        tables.write(schema, frame, folder / "part.parquet", MADE_BY)
        found.append((folder / "part.parquet").read_bytes())
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The tables' bytes of a case that nothing ends."""
    folder = tmp_path_factory.mktemp("undisturbed")

    @functools.cache
    def found(name):
        train, parameters = CASES[name]
        return written(train(NONE, **parameters), folder)

    return found


class EndedError(Exception):
    """In place of a kill."""


def clock(chance, last):
    """A clock that goes on by a second or by none, and ends the run at its reading ``last``."""
    now = readings = 0

    def read():
        nonlocal now, readings
        now, readings = now + chance.randint(0, 1), readings + 1
        if readings == last:
            raise EndedError
        return now

    return read


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.integers(0, 2**32).map(random.Random))
def test_a_run_that_is_ended_again_and_again_writes_the_same_bytes(
    name, chance, undisturbed, tmp_path
):
    train, parameters = CASES[name]
    file = tmp_path / "run.checkpoint"
    while True:
        try:
            torch.manual_seed(chance.getrandbits(32))  # another process has another state
            timer = clock(chance, last=chance.randint(3, 20))
            with Checkpoint(file, 1, MADE_BY, timer) as checkpoint:
                rows = train(checkpoint, **parameters)
                break
        except EndedError:
            continue
    assert written(rows, tmp_path) == undisturbed(name)
    assert list(tmp_path.glob("run.*")) == []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_run_goes_on_at_the_step_of_its_checkpoint(name, step, tmp_path):
    train, parameters = CASES[name]
    file = tmp_path / "run.checkpoint"
    # Readings: at the start, and at each step when it is asked and when it has written.
    with (
        pytest.raises(EndedError),
        Checkpoint(file, 0, {}, clock(random.Random(0), 4 + 2 * step)) as it,
    ):
        train(it, **parameters)
        raise EndedError  # a diverging run may be over before
    state = Checkpoint(file).read()
    assert state["step"] <= step
    if "diverging" not in name:
        assert state["step"] == step


def ended_at_its_fifth_step(file, made_by=MADE_BY):
    """Leave a checkpoint behind."""
    with pytest.raises(EndedError), Checkpoint(file, 0, made_by, clock(random.Random(0), 12)) as it:
        sweep(it)
    return file


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The bytes of a good checkpoint."""
    return ended_at_its_fifth_step(tmp_path_factory.mktemp("kept") / "run.checkpoint").read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_checkpoint_is_not_used(place, bit, cut, kept, tmp_path, capsys):
    damaged = bytearray(kept)
    byte = int(place * len(damaged))
    damaged[byte] ^= 1 << bit
    file = tmp_path / "run.checkpoint"
    file.write_bytes(kept[:byte] if cut else damaged)
    assert Checkpoint(file, 0, MADE_BY).read() == {}
    said = capsys.readouterr().err
    assert said == f"{file}: not used, the run starts anew: it is damaged\n"


class Command:
    """What runs when a pickle that holds it is loaded."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


def saved_by_torch(thing):
    content = io.BytesIO()
    torch.save(thing, content)
    return content.getvalue()


FOREIGN = {
    "nothing": b"",
    "a text": b"no checkpoint\n",
    "a pickle": pickle.dumps(Command(), protocol=2),
    "torch's": saved_by_torch(Command()),
    "a state": saved_by_torch({"state": {"step": 3}}),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("digest", [True, False])
def test_a_foreign_file_is_not_used_and_runs_nothing(
    content, digest, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run.checkpoint"
    before = hashlib.sha256(content).hexdigest().encode() + b"\n" if digest else b""
    file.write_bytes(before + content)
    assert Checkpoint(file, 0, MADE_BY).read() == {}
    said = capsys.readouterr().err
    assert "not used, the run starts anew" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


def test_a_checkpoint_of_another_run_is_not_used_and_replaced(undisturbed, tmp_path, capsys):
    file = ended_at_its_fifth_step(tmp_path / "run.checkpoint")
    train, parameters = CASES["sgd"]
    other = MADE_BY | {"run": {"learning_rate": 0.2}}
    with Checkpoint(file, 0, other) as checkpoint:
        rows = train(checkpoint, **parameters)
        assert Checkpoint(file, 0, other).read()["step"] == 12
    assert "it was written with other run\n" in capsys.readouterr().err
    assert written(rows, tmp_path) == undisturbed("sgd")


def test_a_checkpoint_of_other_code_is_not_used(tmp_path, monkeypatch, capsys):
    file = ended_at_its_fifth_step(tmp_path / "run.checkpoint")
    assert Checkpoint(file, 0, MADE_BY).read()
    monkeypatch.setattr("gradient_atlas.tables.provenance.code_digest", lambda: "0" * 64)
    assert Checkpoint(file, 0, MADE_BY).read() == {}
    assert capsys.readouterr().err.endswith("it was written with other code\n")


def test_a_checkpoint_is_not_used_once_a_users_own_file_has_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_by = {"run": {"options": {"activation": "my_activation:phi"}}}
    own = tmp_path / "my_activation.py"
    own.write_text("def phi(z):\n    return z\n")
    file = ended_at_its_fifth_step(tmp_path / "run.checkpoint", made_by)
    assert Checkpoint(file, 0, made_by).read()
    own.write_text("def phi(z):\n    return 2 * z\n")
    assert Checkpoint(file, 0, made_by).read() == {}


def test_where_nothing_can_be_written_the_run_ends_as_ever(undisturbed, tmp_path, capsys):
    (tmp_path / "file").touch()
    train, parameters = CASES["rnn"]
    with Checkpoint(tmp_path / "file/run.checkpoint", 0, MADE_BY) as checkpoint:
        rows = train(checkpoint, **parameters)
    assert "no checkpoint was written" in capsys.readouterr().err
    assert written(rows, tmp_path) == undisturbed("rnn")


def test_a_short_run_writes_none(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "save", None)
    with Checkpoint(tmp_path / "run.checkpoint", 300, MADE_BY) as checkpoint:
        sweep(checkpoint)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_is_taken_up_by_the_same_command(tmp_path):
    run = {"steps": 300, "sequence_length": 6, "hidden_size": 4, "clip_norm": 1}
    file = tmp_path / "run.checkpoint"

    def command(folder, minutes):
        words = [sys.executable, SOURCE / "train_recurrent.py", "--run", json.dumps(run)]
        words += ["--seeds", "0", "--checkpoint", file, "--checkpoint-minutes", minutes]
        return [*words, *["--signals", folder / "a.parquet", "--losses", folder / "b.parquet"]]

    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    with subprocess.Popen(command(tmp_path / "killed", "0"), stderr=subprocess.PIPE) as process:
        while not file.exists():
            try:
                assert process.wait(0.02) is None, process.stderr.read()
            except subprocess.TimeoutExpired:
                continue
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert list((tmp_path / "killed").iterdir()) == []
    done = subprocess.run(command(tmp_path / "killed", "5"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "the run goes on from this checkpoint" in done.stderr
    assert list(tmp_path.glob("run.*")) == []
    subprocess.run(command(tmp_path / "whole", "inf"), check=True, capture_output=True)
    for table in ("a.parquet", "b.parquet"):
        assert (tmp_path / "killed" / table).read_bytes() == (
            tmp_path / "whole" / table
        ).read_bytes()
