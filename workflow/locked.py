"""Run a command while nobody else does in this folder: ``python locked.py .build.lock snakemake``.

What flock(1) of util-linux does, for machines without it (macOS). The operating system takes the
lock back with the process, however it ends.
"""

import fcntl
import subprocess
import sys
from pathlib import Path

TAKEN = 75  # EX_TEMPFAIL of sysexits.h: somebody holds the lock


def main(lock: Path, command: list[str]) -> int:
    """Return the command's exit status, or ``TAKEN`` if it was not run."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return TAKEN
        try:
            # Inherited, so that a command that outlives this process still holds the lock.
            status = subprocess.run(command, pass_fds=[file.fileno()]).returncode
        except KeyboardInterrupt:  # the command was interrupted too
            return 130
        return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
