"""What `make` says when it cannot build."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed (util-linux)")
@pytest.mark.parametrize("target", ["figures", "claims", "report", "site", "archive"])
def test_a_build_that_meets_another_ones_lock_says_so_and_fails(tmp_path, target):
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/installed").touch()
    with (tmp_path / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", target], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "another build is at work in this folder" in done.stderr
