"""What a plan found out, kept for the next one under a digest of all that it follows from.

A finding is taken again only where nothing of that has changed: what it follows from is the whole
key. What is kept may be deleted at any time, and costs no more than the time of finding it again.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Finding = TypeVar("Finding")
_MOST = 2000  # findings that are kept: those used last
_kept: dict[str, Any] = {}
_used: dict[str, Any] = {}
_file: list[Path] = []


def keep_in(file: Path) -> None:
    """Take what earlier plans have kept in this file, and write to it in ``save``."""
    _file[:] = [file.absolute()]
    _kept.clear()
    _used.clear()
    with contextlib.suppress(OSError, ValueError, TypeError):
        _kept.update(json.loads(file.read_text()))


def known(what: str, follows_from: Iterable[str], find: Callable[[], Finding]) -> Finding:
    """Return what ``find`` returns, or has returned in this or an earlier plan.

    Args:
        what: the finding's name.
        follows_from: everything that it depends on: text, digests of files, versions. The code that
            finds it is part of that.
        find: called if it is not known; must return what JSON keeps as it is. What it raises is
            raised here, and not kept.
    """
    key = hashlib.sha256(json.dumps([what, *follows_from]).encode()).hexdigest()
    if key not in _used:
        _used[key] = _kept[key] if key in _kept else find()
    finding: Finding = _used[key]
    return finding


def save() -> None:
    """Keep what was found and used, for later plans; where nothing can be written, nothing is."""
    if not _file or _used.keys() <= _kept.keys():
        return
    everything = {key: _kept[key] for key in _kept if key not in _used} | _used
    with contextlib.suppress(OSError):
        last = dict(list(everything.items())[-_MOST:])
        _file[0].parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(".part", _file[0].name, _file[0].parent)
        with os.fdopen(descriptor, "w") as file:
            json.dump(last, file)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(_file[0])  # whole or not at all
    _kept.update(_used)


def digest_of(file: Path) -> str:
    """The sha256 of a file, which is read once as long as it stays as it is."""
    state = file.stat()
    return _digest(file, state.st_mtime_ns, state.st_size)


@cache
def _digest(file: Path, changed: int, size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def finder(*files: str) -> list[str]:
    """What a finding follows from that these Python files find: their text, and Python."""
    return [sys.version, *(digest_of(Path(file)) for file in files)]


@cache
def all_code(*folders: Path) -> str:
    """A digest of every Python file below these folders, by its path, and of Python."""
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    text = "\0".join(f"{file}\0{digest_of(file)}" for file in files)
    return hashlib.sha256(f"{sys.version}\0{text}".encode()).hexdigest()


@cache
def version(library: str) -> str:
    """The installed version; "none" where it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "none"
