"""The loop that trains recurrent networks: its task, clipping, seeds, divergence, script."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow.parquet import read_table

from gradient_atlas.errors import InputError
from gradient_atlas.runs.recurrent import RecurrentRun
from gradient_atlas.theory.recurrent import LOSS_WITHOUT_MEMORY
from gradient_atlas.training import adding_problem, recurrent_loop
from gradient_atlas.training.adam import Adam

SOURCE = Path(__file__).parents[1] / "src"
sys.path.append(str(SOURCE))
import train_recurrent  # noqa: E402

SCRIPT = str(SOURCE / "train_recurrent.py")


def test_adding_problem_marks_one_number_in_each_half():
    inputs, targets = adding_problem.draw_sequences(
        2000, 11, torch.Generator().manual_seed(0), torch.float64
    )
    assert inputs.shape == (11, 2000, 2)
    assert (inputs[:5, :, 1].sum(0) == 1).all() and (inputs[5:, :, 1].sum(0) == 1).all()
    torch.testing.assert_close(targets, inputs.prod(-1).sum(0))
    assert abs(((targets - 1) ** 2).mean().item() - LOSS_WITHOUT_MEMORY) < 0.01


def test_clipping_caps_each_seed_and_keeps_direction():
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(2, 3, 4, generator=generator), torch.randn(2, 5, generator=generator)]
    gradients = [
        g * torch.tensor([100.0, 1e-3]).reshape(-1, *[1] * (g.dim() - 1)) for g in gradients
    ]
    before = [g.clone() for g in gradients]
    norms = recurrent_loop.clip_each_seed(gradients, 1.0)
    after = recurrent_loop.clip_each_seed(gradients, math.inf)
    assert after[0] == pytest.approx(1.0, rel=2e-6) and after[1] == norms[1]
    for old, new in zip(before, gradients, strict=True):
        torch.testing.assert_close(new[0], old[0] / norms[0])
        assert torch.equal(new[1], old[1])


def test_seeds_side_by_side_equal_seeds_alone():
    run = RecurrentRun(
        cell="gru",
        gate_bias=0.0,
        sequence_length=12,
        hidden_size=8,
        optimizer="adam",
        clip_norm=1.0,
        steps=4,
    )
    together = recurrent_loop.train(run, [4, 9])
    alone = recurrent_loop.train(run, [9])
    for table, single in zip(together, alone, strict=True):
        chosen = [position for position, seed in enumerate(table["seed"]) if seed == 9]
        for name in ("train_loss", "error_signal_norm"):
            if name in table:
                ours = [table[name][position] for position in chosen]
                np.testing.assert_allclose(ours, single[name], rtol=1e-4)


def test_divergence_is_recorded_and_ends_a_seed():
    run = RecurrentRun(sequence_length=8, hidden_size=8, learning_rate=1e6, steps=40)
    signals, metrics = recurrent_loop.train(run, [0, 1])
    assert metrics["status"].count("diverged") == 2
    assert len(metrics["step"]) < 80 and metrics["status"][-1] == "diverged"
    assert len(signals["lag"]) == 2 * 2 * 8


def test_same_seed_same_numbers():
    run = RecurrentRun(cell="lstm", gate_bias="chrono", sequence_length=10, hidden_size=4, steps=3)
    assert str(recurrent_loop.train(run, [1])) == str(recurrent_loop.train(run, [1]))


def test_adam_equals_pytorch():
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(5, generator=generator, dtype=torch.float64)
    theirs = ours.clone().requires_grad_()
    adam, reference = Adam([ours], 0.03), torch.optim.Adam([theirs], lr=0.03)
    for _ in range(5):
        gradient = torch.randn(5, generator=generator, dtype=torch.float64)
        theirs.grad = gradient
        adam.step([gradient])
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=0)


def test_the_script_writes_the_same_bytes_and_names_a_wrong_key(tmp_path, monkeypatch):
    run = '{"cell": "gru", "gate_bias": 0, "sequence_length": 6, "hidden_size": 3, "steps": 2}'

    def words(folder, run):
        places = [str(tmp_path / folder / f"{name}.parquet") for name in ("signals", "losses")]
        return [SCRIPT, "--run", run, "--seeds", "0", "1", "--signals", places[0],
                "--losses", places[1]]  # fmt: skip

    def call(folder, run):
        monkeypatch.setattr(sys, "argv", words(folder, run))
        threads = torch.get_num_threads()
        try:
            train_recurrent.main()
        finally:  # the script sets these for its process
            torch.set_num_threads(threads)
            torch.set_flush_denormal(False)

    call("here", run)
    call("again", run)
    subprocess.run([sys.executable, *words("alone", run)], check=True)
    for name in ("signals", "losses"):
        here, again, alone = (
            tmp_path / place / f"{name}.parquet" for place in ("here", "again", "alone")
        )
        assert here.read_bytes() == again.read_bytes()
        # A table also says which libraries its process had imported.
        assert read_table(here).equals(read_table(alone))
    with pytest.raises(InputError, match=r"^cel: "):
        call("wrong", '{"cel": "gru"}')
    assert not (tmp_path / "wrong").exists()
