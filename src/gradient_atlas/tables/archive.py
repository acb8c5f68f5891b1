"""Tables in one file: those of a build, as they are, with what each was asked for by.

The archive is a tar file (xz) whose first member is ``index.json``; it is the same bytes for the
same tables.
"""

import hashlib
import io
import json
import lzma
import os
import tarfile
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gradient_atlas.errors import InputError

INDEX = "index.json"


def write_archive(asked: Mapping[str, Any], results: Path, target: Path) -> None:
    """Put tables into an archive.

    Args:
        asked: what each table was asked for by, by its path below ``results``.
        results: the folder of all tables.
        target: the file to write.
    """
    index = {
        name: {"sha256": _sha256((results / name).read_bytes()), "asked": asked[name]}
        for name in sorted(asked)
    }
    with tarfile.open(target, "w:xz", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, INDEX, json.dumps(index, indent=0, sort_keys=True).encode())
        for name in index:
            _add(archive, name, (results / name).read_bytes())


def read_index(archive: Path) -> dict[str, dict[str, Any]]:
    """Return of each table in the archive its sha256 and what it was asked for by.

    Raises:
        InputError: the file is no such archive.
    """
    try:
        with tarfile.open(archive, "r|xz") as opened:
            first = opened.next()
            content = opened.extractfile(first) if first and first.name == INDEX else None
            index = json.loads(content.read()) if content else None
    except (OSError, EOFError, ValueError, lzma.LZMAError, tarfile.TarError) as error:
        raise InputError(f"{archive}: no readable archive of tables ({error})") from None
    if not isinstance(index, dict):
        raise InputError(f"{archive}: no archive of tables; `make archive` writes one")
    return index


def take(archive: Path, names: Collection[str], results: Path) -> None:
    """Write these tables of the archive below ``results``, each as it was.

    Raises:
        InputError: one is not there, is not the one of the index, or would lie elsewhere.
    """
    index, missing = read_index(archive), set(names)
    with tarfile.open(archive, "r|xz") as opened:
        for member in opened:
            if member.name not in missing:
                continue
            content = opened.extractfile(member)
            data = content.read() if content else b""
            if _sha256(data) != index.get(member.name, {}).get("sha256"):
                raise InputError(f"{archive}: {member.name} is not what the index says; fetch anew")
            _put(data, results, member.name)
            missing.remove(member.name)
    if missing:
        raise InputError(f"{archive}: holds no {sorted(missing)[0]}")


def _put(data: bytes, results: Path, name: str) -> None:
    """Write one file, whole or not at all."""
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise InputError(f"{name}: a table of an archive must lie below {results}")
    path = results / name
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # no time, no owner
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
