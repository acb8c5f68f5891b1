"""The profile for any cluster, with a scheduler whose commands the tests bring."""

import fcntl
import importlib.util
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fake_scheduler import elsewhere
from snakemake_here import users
from tiny_build import (
    FAULTY_RUN,
    PROJECT,
    RUNS,
    build,
    command,
    outputs,
    prepare,
    said,
)

PROFILE = ["--workflow-profile", str(PROJECT / "workflow/profiles/generic")]
PROFILE += ["--seconds-between-status-checks", "1", "--latency-wait", "5"]
# With a handler that Ctrl-C ends Snakemake by, also where the tests themselves ignore it.
STARTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
open("snakemake.pid", "w").write(str(os.getpid()))
os.execvp(sys.argv[1], sys.argv[1:])
"""
HANG = """
import fcntl, os, signal
held = open("held.lock", "w")
fcntl.flock(held, fcntl.LOCK_EX)
Path("begun").touch()
signal.pause()
"""
# Begun, the job interrupts whoever submitted it.
INTERRUPT = HANG.replace(
    'Path("begun").touch()',
    'os.kill(int(Path("snakemake.pid").read_text()), signal.SIGINT)',
)
VERBS = ("submit", "status", "cancel")
KILL_ITSELF = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not importlib.util.find_spec("snakemake_executor_plugin_cluster_generic"),
        reason="snakemake-executor-plugin-cluster-generic is not installed",
    ),
]


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """The scheduler's folder, in which its three commands are."""
    folder = tmp_path / "scheduler"
    folder.mkdir()
    monkeypatch.setenv("FAKE_SCHEDULER", str(folder))
    script = shlex.join([sys.executable, "-S", str(Path(__file__).with_name("fake_scheduler.py"))])
    for verb in VERBS:  # the executor gives `cancel` two seconds
        (folder / verb).write_text(f'#!/bin/sh\nexec {script} {verb} "$@"\n')
        (folder / verb).chmod(0o755)
    return folder


def profile(scheduler):
    """The profile, with this scheduler's commands."""
    given = [(f"--cluster-generic-{verb}-cmd", str(scheduler / verb)) for verb in VERBS]
    return [*PROFILE, *(word for pair in given for word in pair)]


def told(done, scheduler):
    """What a build and the jobs that it submitted have printed."""
    return said(done) + "".join(log.read_text() for log in sorted(scheduler.glob("*.log")))


def why_not_elsewhere(folder):
    """Why no process here can be shown a folder at another path; "" if one can."""
    (folder / "here").mkdir()
    (folder / "there").mkdir()
    (folder / "here/file").touch()
    look = f"test -f {folder}/there/file && test ! -e {folder}/here/file"
    words = elsewhere(f"{folder}/here", f"{folder}/there", "sh", "-c", look)
    if not shutil.which(words[0]):
        return f"no {words[0]}"
    done = subprocess.run(words, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr or "a mount is not seen"


def test_nodes_with_other_paths_make_the_same_bytes_after_a_cancelled_and_a_failed_job(
    tmp_path, scheduler, undisturbed
):
    there = prepare(tmp_path / "project")
    for name in ("config", "src", "workflow"):
        shutil.copytree(PROJECT / name, there / name)
    shutil.copy(PROJECT / "environment.yml", there)
    if not (reason := why_not_elsewhere(scheduler)):
        (tmp_path / "node").mkdir()
        (scheduler / "mounts").write_text(f"{there}\n{tmp_path}/node\n")

    def submit():
        words = command("claims", *profile(scheduler), cores=None, project=there)
        words = [sys.executable, "-c", STARTED, *words]
        return subprocess.run(words, cwd=there, env=users(), capture_output=True, text=True)

    # Told to stop by Ctrl-C, and by a supervisor just while it asks for the job's status.
    supervisor = f"{there}/begun\n{there}/snakemake.pid\n{signal.SIGTERM:d}\n"
    for number, (fault, stop) in enumerate([(INTERRUPT, None), (HANG, supervisor)]):
        (there / "fault").write_text(fault)
        if stop:
            (scheduler / "stop").write_text(stop)
        done = submit()
        assert done.returncode != 0
        cancelled = sorted(file.name for file in scheduler.glob("*.cancelled"))
        assert cancelled == [f"{job}.cancelled" for job in range(number + 1)], said(done)
        assert "stopped: what was running has been told to end" in said(done)
        with (there / "held.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the job has ended: for ever, if it outlived
        assert not list(there.glob(f"results/training/**/*{FAULTY_RUN}/**/part.parquet"))

    (there / "fault").write_text(KILL_ITSELF)
    done = submit()
    assert done.returncode == 1
    assert FAULTY_RUN in said(done)
    codes = [code.read_text().strip() for code in scheduler.glob("*.code")]
    assert codes == ["1"], told(done, scheduler)  # one job, which all runs shared
    assert len(list(there.glob("results/training/**/part.parquet"))) == 2 * (RUNS - 1)

    (there / "fault").unlink()
    done = submit()
    assert done.returncode == 0, told(done, scheduler)
    done = build(there, project=there)
    assert done.returncode == 0, said(done)
    assert outputs(there) == undisturbed[1]

    moved = there.rename(tmp_path / "moved")
    done = build(moved, "--dry-run", project=moved)
    assert "Nothing to be done" in said(done)
    if reason:
        pytest.skip(f"all but nodes where the project has another path: {reason}")
