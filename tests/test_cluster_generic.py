"""The profile for any cluster, with a scheduler whose commands the tests bring."""

import importlib.util
import shlex
import sys
from pathlib import Path

import pytest

from tiny_build import FAULTY_RUN, PROJECT, RUNS, build, outputs, prepare, said

SCHEDULER = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).parent))}"
SCHEDULER += "/fake_scheduler.py"
PROFILE = ["--workflow-profile", str(PROJECT / "workflow/profiles/generic")]
for verb in ("submit", "status", "cancel"):
    PROFILE += [f"--cluster-generic-{verb}-cmd", f"{SCHEDULER} {verb}"]
PROFILE += ["--seconds-between-status-checks", "1", "--latency-wait", "5"]

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("snakemake_executor_plugin_cluster_generic"),
    reason="snakemake-executor-plugin-cluster-generic is not installed",
)


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    folder = tmp_path / "scheduler"
    folder.mkdir()
    monkeypatch.setenv("FAKE_SCHEDULER", str(folder))
    return folder


def test_a_failed_job_is_told_and_bytes_are_those_made_here(tmp_path, scheduler):
    there = prepare(tmp_path / "there")
    (there / "fault").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    done = build(there, "claims", *PROFILE, cores=None)
    assert done.returncode == 1
    assert FAULTY_RUN in said(done)
    codes = [code.read_text().strip() for code in scheduler.glob("*.code")]
    assert codes == ["1"], said(done)  # one job, which all runs shared
    assert len(list(there.glob("results/training/**/part.parquet"))) == 2 * (RUNS - 1)

    (there / "fault").unlink()
    done = build(there, "claims", *PROFILE, cores=None)
    assert done.returncode == 0, said(done) + "".join(
        log.read_text() for log in scheduler.glob("*.log")
    )
    done = build(there)
    assert done.returncode == 0, said(done)
    here = prepare(tmp_path / "here")
    done = build(here)
    assert done.returncode == 0, said(done)
    assert outputs(there) == outputs(here)
