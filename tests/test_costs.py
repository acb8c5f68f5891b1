"""Estimates of a build's time: what was recorded comes out as it was, more work takes longer."""

import json
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

import costs
from tiny_build import PROJECT, build, prepare, said


def job(rule="train_recurrent", **params):
    """What is asked of a job of Snakemake's."""
    given = SimpleNamespace(**params)
    values = list(params.values())
    named = type("Params", (list,), {"seeds": getattr(given, "seeds", None)})(values)
    if not hasattr(given, "seeds"):
        del type(named).seeds
    return SimpleNamespace(
        rule=SimpleNamespace(name=rule), wildcards_dict={}, params=named, jobid=1
    )


def settings(**values):
    return shlex.quote(json.dumps(values))


def test_the_recorded_build_takes_as_long_as_it_took():
    found = costs.recorded()
    for kind, numbers in found.kinds.items():
        each = numbers["work"] / numbers["jobs"]
        total = numbers["jobs"] * found.seconds(kind, each)
        assert total == pytest.approx(numbers["seconds"], rel=0.01)


def test_work_is_seeds_times_steps_wherever_they_stand():
    assert costs.work_of(job(settings=settings(steps=10), seeds=[0, 1])) == 20
    assert costs.work_of(job(settings=settings(seeds=[0, 1, 2], steps=10))) == 30
    inner = {"one": {"steps": 5}, "other": {"steps": 7}}
    assert costs.work_of(job(settings=settings(seeds=[0], optimizers=inner))) == 12
    assert costs.work_of(job(python="python", style=settings(venue="icml"))) == 1
    assert costs.work_of(job(python="no { JSON")) == 1


def test_more_work_takes_longer_and_a_new_sweep_is_as_its_rule():
    found = costs.recorded()
    assert found.seconds("train_recurrent", 2e4) > 1.5 * found.seconds("train_recurrent", 1e4)
    assert found.seconds("train/mine", 10.0) == found.seconds("train", 10.0)
    assert found.start >= found.seconds("train", 0.0) > 0


def test_jobs_beside_each_other_take_the_share_of_a_core_or_the_longest():
    assert costs.duration([10, 10, 10, 10], 2) == 20
    assert costs.duration([10, 1, 1], 8) == 10
    assert costs.duration([], 2) == 0


def test_an_unknown_kind_counts_as_an_average_job(monkeypatch):
    monkeypatch.setattr(costs, "slowness", lambda: 1.0)
    known, unknown = job(settings=settings(steps=10)), job("made_up")
    unknown.jobid = 2
    _, each = costs.estimate([known, unknown], 1)
    assert each[1] == each[2] > 0


def test_calibration_says_the_times_that_were_recorded():
    command = [sys.executable, PROJECT / "workflow/calibration.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    times = json.loads(done.stdout)
    assert times.keys() == costs.recorded().calibration.keys()
    assert all(0 < value < 10 for value in times.values())


def test_a_build_says_how_long_it_will_take_and_one_with_nothing_to_do_does_not(tmp_path):
    folder = prepare(tmp_path / "build")
    # Without the figure's jobs: what is said is said before the first.
    target = "results/datasets/digits/dataset.json"
    assert "1 job, about " in said(build(folder, target))
    assert "about" not in said(build(folder, target))
