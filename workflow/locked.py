"""Run a command while nobody else does in this folder: ``python locked.py .build.lock snakemake``.

What flock(1) of util-linux does, for machines without it (macOS). The operating system takes the
lock back with the process, however it ends.
"""

import fcntl
import os
import sys
from pathlib import Path
from typing import NoReturn

TAKEN = 75  # EX_TEMPFAIL of sysexits.h: somebody holds the lock


def main(lock: Path, command: list[str]) -> NoReturn:
    """Become the command; exit with ``TAKEN``, and say why, where somebody holds the lock."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "another build is at work in this folder; wait until it is done, or stop it",
                file=sys.stderr,
            )
            sys.exit(TAKEN)
        # This process, and so what it is sent, becomes the command's, and the lock with it.
        os.set_inheritable(file.fileno(), True)
        os.execvp(command[0], command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
