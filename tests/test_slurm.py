"""The cluster profile on a real SLURM: one node, started here on the loopback and stopped again."""

import subprocess

import pytest

import slurm_on_loopback
from tiny_build import FAULTY_RUN, PROJECT, RUNS, at_step, build, outputs, prepare, said

PROFILE = ["--workflow-profile", str(PROJECT / "workflow/profiles/slurm")]
# The pause before the executor first asks how a job is doing; ten seconds more before the next.
PROFILE += ["--slurm-init-seconds-before-status-checks", "6"]


@pytest.fixture
def slurm(tmp_path):
    if reason := slurm_on_loopback.missing():
        pytest.skip(reason)
    with slurm_on_loopback.cluster(tmp_path / "cluster"):
        yield


def submitted():
    """Number of jobs that the cluster was given, by what the executor says they are."""
    command = ["squeue", "--states=all", "--noheader", "--format=%k"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return {name: lines.count(name) for name in lines}


@pytest.mark.long
def test_runs_share_a_job_a_killed_one_takes_none_with_it_and_bytes_are_those_made_here(
    tmp_path, slurm, undisturbed
):
    there = prepare(tmp_path / "there")
    fault = at_step(1, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    (there / "fault").write_text(fault)
    done = build(there, "claims", *PROFILE, "--config", "checkpoint_minutes=0", cores=None)
    assert done.returncode == 1
    assert FAULTY_RUN in said(done)
    assert submitted()["rule_training_loss_0_train"] == 1
    healthy = {
        table: table.stat().st_ino for table in there.glob("results/training/**/part.parquet")
    }
    assert len(healthy) == 2 * (RUNS - 1)
    assert not any(FAULTY_RUN in str(table) for table in healthy)

    (there / "fault").unlink()
    done = build(there, "claims", *PROFILE, cores=None)
    assert done.returncode == 0, said(done)
    assert {table: table.stat().st_ino for table in healthy} == healthy  # none was made again
    (log,) = there.glob(f"logs/training/training_loss/{FAULTY_RUN}/*.log")
    assert "goes on at step 1 of 4 steps" in log.read_text()

    # What is left, and all of it, without a cluster.
    done = build(there)
    assert done.returncode == 0, said(done)
    assert outputs(there) == undisturbed[1]
