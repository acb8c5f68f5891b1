"""What this machine lacks for a build, one line each with what to do. Needs nothing but Python."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

LEAST_PYTHON, MOST_PYTHON = (3, 11), (3, 14)
GIGABYTE = 1e9
# Libraries with CUDA, and without; what a default build writes; what a job may take.
INSTALLATION, BUILD, MEMORY = 7.0, 1.0, 3.0

Finding = tuple[bool | None, str, str]  # True, False (needed) or None (of use); what; what to do


def findings(folder: Path) -> Iterator[Finding]:
    """Look at each thing that a build needs, or that some of the project's commands use."""
    version = sys.version_info[:2]
    fits = LEAST_PYTHON <= version <= MOST_PYTHON
    yield (
        fits,
        f"Python {version[0]}.{version[1]}",
        "3.11 to 3.14 is needed; name one with: make PYTHON=python3.12",
    )
    installed = (folder / ".venv/installed").exists()
    yield True if installed else None, "the project's libraries", "make figures installs them"
    needed = BUILD + (0 if installed else INSTALLATION)
    free = shutil.disk_usage(folder).free / GIGABYTE
    yield free >= needed, f"{free:.0f} GB of free disk", f"{needed:.0f} GB are needed; make room"
    memory = _memory()
    if memory is not None:
        yield (
            memory >= MEMORY,
            f"{memory:.0f} GB of memory",
            f"{MEMORY:.0f} GB are needed; run fewer jobs at once: make CORES=1",
        )
    yield _has("git"), "git", "to fetch and to contribute: apt install git, brew install git"
    yield _has("uv"), "uv", "installs faster than pip; optional"
    yield (
        _has("flock"),
        "flock",
        "not needed: a lock in Python takes its place",
    )
    yield (
        _has("latexmk", "pdflatex"),
        "LaTeX (latexmk, pdflatex)",
        "for the example paper and to compile a bundle: apt install latexmk "
        "texlive-latex-recommended texlive-fonts-recommended, or MacTeX",
    )
    yield _has("sbatch"), "SLURM (sbatch)", "for workflow/profiles/slurm alone; run on the cluster"
    yield _has("chromium"), "Chromium", "for some tests alone: apt install chromium"
    yield _has("qemu-x86_64"), "qemu-x86_64", "for some tests alone: apt install qemu-user"


def report(found: Iterator[Finding]) -> tuple[list[str], bool]:
    """Return one line a finding, and whether all that is needed is there."""
    lines, fit = [], True
    for there, what, to_do in found:
        fit &= there is not False
        word = {True: "ok", False: "MISSING", None: "absent"}[there]
        lines.append(f"{word:8}{what}" + ("" if there else f": {to_do}"))
    return lines, fit


def _has(*programs: str) -> bool | None:
    return True if all(map(shutil.which, programs)) else None


def _memory() -> float | None:
    """Gigabytes of the machine's memory; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE
    except (AttributeError, ValueError, OSError):
        return None


if __name__ == "__main__":
    said, fit = report(findings(Path.cwd()))
    print("\n".join(said))
    sys.exit(not fit)
