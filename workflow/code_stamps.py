"""One small file that stands for all code that a script runs: the one input that says so to a job.

Snakemake compares every input of every job, so that forty source files of ten thousand runs are
what planning takes its time for. A stamp changes when one of its files does, and is as old as the
youngest of them: a job runs again exactly where it would if each file were an input.
"""

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path

from code_dependencies import source_files
from known import digest_of

ENDING = ".sha256"


def stamp(source: Path, script: str, folder: Path) -> Path:
    """Return the file below ``folder`` that stands for what this script runs, brought up to date.

    It says the sha256 and the path of each file, as sha256sum would in ``source``.

    Args:
        source: the folder that holds scripts and library (``src/``).
        script: a path below it, such as ``train.py``.
        folder: where stamps are kept, on a file system that all jobs see.
    """
    files = list(map(Path, source_files(source, script)))
    text = "".join(f"{digest_of(file)}  {file.relative_to(source).as_posix()}\n" for file in files)
    changed = max(map(_changed, files))
    path = folder / f"{script}{ENDING}"
    # Snakemake, which keeps its own notes beside it, says so if nothing can be written.
    with contextlib.suppress(OSError):
        if not path.is_file() or path.read_text() != text:
            _write(path, text, changed)
        elif path.stat().st_mtime_ns != changed:
            os.utime(path, ns=(changed, changed))
    return path


def stamped(path: str) -> list[str]:
    """Return the paths below ``source`` that this file stands for; none if it is no stamp."""
    if not path.endswith(ENDING):
        return []
    return [line.split("  ", 1)[1] for line in Path(path).read_text().splitlines()]


def _write(path: Path, text: str, changed: int) -> None:
    """Write whole or not at all: the nodes of a cluster may do it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(".part", path.name, path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.utime(temporary, ns=(changed, changed))
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


@cache
def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns
