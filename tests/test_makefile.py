"""What `make` says when it cannot build."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import doctor

MAKEFILE = Path(__file__).parents[1] / "Makefile"


def prepare(folder):
    """A project of make's own files alone, with nothing to install."""
    shutil.copy(MAKEFILE, folder)
    (folder / "workflow").mkdir()
    shutil.copy(MAKEFILE.parent / "workflow/locked.py", folder / "workflow")
    (folder / "requirements.txt").touch()
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/installed").touch()


@pytest.mark.parametrize("target", ["figures", "claims", "report", "site", "archive"])
def test_a_build_that_meets_another_ones_lock_says_so_and_fails(tmp_path, target):
    prepare(tmp_path)
    with (tmp_path / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", target], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "another build is at work in this folder" in done.stderr


# Says when it can be told to stop, and how it was.
TOLD = f"""#!{sys.executable}
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
open("begun", "w").close()
open("told", "w").write(signal.Signals(signal.sigwait([signal.SIGTERM])).name)
"""


def test_a_make_that_is_told_to_stop_tells_the_build_and_waits_for_it(tmp_path):
    prepare(tmp_path)
    (tmp_path / ".venv/bin/snakemake").write_text(TOLD)
    (tmp_path / ".venv/bin/snakemake").chmod(0o755)
    os.mkfifo(tmp_path / "begun")
    make = subprocess.Popen(["make", "figures"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    (tmp_path / "begun").open().close()  # returns when the other end is open as well
    make.terminate()
    _, errors = make.communicate()
    assert make.returncode != 0, errors
    assert (tmp_path / "told").read_text() == "SIGTERM"


def run_locked(folder, *command):
    script = MAKEFILE.parent / "workflow/locked.py"
    return subprocess.run([sys.executable, script, folder / "lock", *command], capture_output=True)


def test_lock_hands_on_the_command_s_status_and_is_free_again(tmp_path):
    for status in (0, 3):
        done = run_locked(tmp_path, sys.executable, "-c", f"import sys; sys.exit({status})")
        assert done.returncode == status


def test_command_is_not_run_under_somebody_s_lock(tmp_path):
    nested = [sys.executable, MAKEFILE.parent / "workflow/locked.py", tmp_path / "lock"]
    done = run_locked(tmp_path, *nested, sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (75, b"")


def test_doctor_has_one_line_a_thing_and_says_what_to_do(tmp_path, monkeypatch, capsys):
    found = list(doctor.findings(tmp_path))
    lines, fit = doctor.report(iter(found))
    assert len(lines) == len(found)
    assert fit == all(there is not False for there, _, _ in found)
    monkeypatch.setattr(doctor.shutil, "which", lambda program: None)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e8))
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 0))
    lines, fit = doctor.report(doctor.findings(tmp_path))
    assert not fit
    missing = [line for line in lines if line.startswith("MISSING")]
    assert [line.split()[1] for line in missing] == ["Python", "0"]
    assert any("absent  LaTeX" in line and "apt install latexmk" in line for line in lines)
