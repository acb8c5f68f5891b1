"""A scheduler's three commands: ``submit SCRIPT``, ``status NUMBER`` and ``cancel NUMBER ...``.

A job is a process of this machine. Its folder ``FAKE_SCHEDULER`` holds of each job the script, its
process and its exit code.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path


def submit(folder: Path, script: Path) -> None:
    """Start the job; print its number."""
    number = len(list(folder.glob("*.sh")))
    copy = folder / f"{number}.sh"
    copy.write_text(script.read_text())
    line = f"sh {copy}; echo $? > {folder}/{number}.code"
    with (folder / f"{number}.log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", line], start_new_session=True, stdout=log, stderr=log
        )
    (folder / f"{number}.process").write_text(str(process.pid))
    print(number)


def status(folder: Path, number: str) -> None:
    """Say how the job is doing."""
    code = folder / f"{number}.code"
    if code.exists() and code.read_text().strip():
        print("success" if code.read_text().strip() == "0" else "failed")
        return
    try:
        os.kill(int((folder / f"{number}.process").read_text()), 0)
        print("running")
    except ProcessLookupError:
        print("failed")


def cancel(folder: Path, *numbers: str) -> None:
    """End jobs with all their processes."""
    for number in numbers:
        (folder / f"{number}.cancelled").touch()
        os.killpg(int((folder / f"{number}.process").read_text()), signal.SIGKILL)


if __name__ == "__main__":
    home = Path(os.environ["FAKE_SCHEDULER"])
    if sys.argv[1] == "submit":
        submit(home, Path(sys.argv[2]))
    elif sys.argv[1] == "status":
        status(home, sys.argv[2])
    else:
        cancel(home, *sys.argv[2:])
