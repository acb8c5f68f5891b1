"""The results of a build in one file, for whoever wants them without computing them.

The archive is a tar file (xz) of an RO-Crate, whose metadata come first and say of each file its
sha256 and of each table what it was asked for by; it is the same bytes for the same results.
"""

import hashlib
import io
import json
import lzma
import os
import tarfile
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gradient_atlas.errors import InputError
from gradient_atlas.tables.crate import METADATA, tables_of

RESULTS = "results/"  # where tables lie in the archive
_PARQUET = ".parquet"


def write_archive(
    files: Mapping[str, Path | bytes],
    describe: Callable[[Mapping[str, dict[str, str]]], Mapping[str, Any]],
    target: Path,
) -> None:
    """Put files into an archive.

    Args:
        files: each one's place or content, by its path in the archive.
        describe: makes the crate's metadata of what is known of each file: ``contentSize``,
            ``sha256``, and of a packed table (``tables.packing``) ``tableSha256``.
        target: the file to write.
    """
    from gradient_atlas.tables.packing import pack  # a plan reads an index, without Arrow

    known: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryFile() as contents:
        for path in sorted(files):
            file = files[path]
            data = file if isinstance(file, bytes) else file.read_bytes()
            packed = pack(data) if path.endswith(_PARQUET) else data
            contents.write(packed)
            known[path] = {"contentSize": str(len(packed)), "sha256": _sha256(packed)}
            if packed != data:
                known[path]["tableSha256"] = _sha256(data)
        metadata = json.dumps(describe(known), indent=1, ensure_ascii=False).encode()
        contents.seek(0)
        with tarfile.open(target, "w:xz", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(_member(METADATA, len(metadata)), io.BytesIO(metadata))
            for path, entry in known.items():
                archive.addfile(_member(path, int(entry["contentSize"])), contents)


def read_index(archive: Path) -> dict[str, dict[str, Any]]:
    """Return of each table in the archive its ``sha256``, that of the ``table`` if it is packed,
    and what it was ``asked`` for by; by its path below the results.

    Raises:
        InputError: the file is no such archive.
    """
    try:
        with tarfile.open(archive, "r|xz") as opened:
            first = opened.next()
            content = opened.extractfile(first) if first and first.name == METADATA else None
            tables = tables_of(json.loads(content.read())) if content else None
    except (OSError, EOFError, ValueError, lzma.LZMAError, tarfile.TarError) as error:
        raise InputError(f"{archive}: no readable archive of tables ({error})") from None
    except (KeyError, TypeError, AttributeError):
        tables = None
    if tables is None:
        raise InputError(f"{archive}: no archive of tables; `make archive` writes one")
    return {path.removeprefix(RESULTS): entry for path, entry in tables.items()}


def take(archive: Path, names: Collection[str], results: Path) -> None:
    """Write these tables of the archive below ``results``, each as it was.

    Where another version of Arrow encodes a table in other bytes it has the same numbers.

    Raises:
        InputError: one is not there, is not the one that the metadata tell of, or would lie
            elsewhere.
    """
    from gradient_atlas.tables.packing import unpack

    index, missing = read_index(archive), set(names)
    with tarfile.open(archive, "r|xz") as opened:
        for member in opened:
            name = member.name.removeprefix(RESULTS)
            if name not in missing:
                continue
            content = opened.extractfile(member) if member.isreg() else None
            data = content.read() if content else b""
            entry = index.get(name, {})
            if _sha256(data) != entry.get("sha256"):
                raise InputError(f"{archive}: {name} is not what its index says; fetch it anew")
            _put(unpack(data) if entry["table"] else data, results, name)
            missing.remove(name)
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


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)  # no time, no owner
    member.size, member.mode = size, 0o644
    return member


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
