"""What `make` says when it cannot build."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import doctor

MAKEFILE = Path(__file__).parents[1] / "Makefile"


@pytest.mark.parametrize("target", ["figures", "claims", "report", "site", "archive"])
def test_a_build_that_meets_another_ones_lock_says_so_and_fails(tmp_path, target):
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "workflow").mkdir()
    shutil.copy(MAKEFILE.parent / "workflow/locked.py", tmp_path / "workflow")
    (tmp_path / "requirements.txt").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/installed").touch()
    with (tmp_path / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", target], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "another build is at work in this folder" in done.stderr


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
