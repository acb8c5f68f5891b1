"""A scheduler's three commands: ``submit SCRIPT``, ``status NUMBER`` and ``cancel NUMBER ...``.

A job is a process of this machine. Its folder ``FAKE_SCHEDULER`` holds of each job the script, its
process and its exit code; and, where nodes find the project elsewhere than the submitting machine
does, ``mounts``: these two paths, a line each. Where it holds ``stop``, a file, a process and a
signal, a line each, who asks for a status is sent that signal once the file is there.
"""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path


def submit(folder: Path, script: Path) -> None:
    """Start the job; print its number."""
    number = len(list(folder.glob("*.sh")))
    copy = folder / f"{number}.sh"
    copy.write_text(script.read_text())
    run = f"sh {copy}"
    if (folder / "mounts").exists():
        here, there = (folder / "mounts").read_text().splitlines()
        # What docs/cluster.md tells a site to do.
        waited_for = Path(f"{script}.waitforfilesfile.txt")
        for file in (copy, waited_for):
            if file.exists():
                file.write_text(file.read_text().replace(here, there))
        run = shlex.join(elsewhere(here, there, "sh", str(copy)))
    line = f"{run}; echo $? > {folder}/{number}.code"
    with (folder / f"{number}.log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", line], start_new_session=True, stdout=log, stderr=log
        )
    (folder / f"{number}.process").write_text(str(process.pid))
    print(number)


def elsewhere(here: str, there: str, *command: str) -> list[str]:
    """The words that run a command where the folder ``here`` is at ``there`` and not at ``here``.

    Needs Linux, and root or user namespaces for everybody.
    """
    bind = shlex.join(["mount", "--bind", here, there])
    hide = shlex.join(["mount", "-t", "tmpfs", "none", here])
    line = f"{bind} && {hide} && cd / && exec {shlex.join(command)}"
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *rights, "--mount", "sh", "-c", line]


def status(folder: Path, number: str) -> None:
    """Say how the job is doing."""
    if (folder / "stop").exists():
        file, process, signal_number = (folder / "stop").read_text().splitlines()
        if Path(file).exists():
            (folder / "stop").unlink()
            os.kill(int(Path(process).read_text()), int(signal_number))
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
