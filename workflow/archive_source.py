"""Where the archive of tables is that the config names: a file, or an address with its digest."""

import hashlib
from pathlib import Path

from gradient_atlas.datasets.fetch import Patience, UnavailableError, download
from gradient_atlas.errors import InputError

DEFAULT = "tables.tar.xz"  # may be missing: then everything is computed
_LARGEST = 1 << 30  # bytes
_MARK = "#sha256="


def located(named: str | None, project: Path, cache: Path) -> Path | None:
    """Return the archive's file, brought here first if it is an address; None: there is none.

    Args:
        named: the config's ``tables``: a path, seen from the working folder or else from the
            project's, or an ``http(s)`` address; ``#sha256=...`` may, at an address must, follow.
        project: the folder of the project.
        cache: where what was brought is kept.

    Raises:
        InputError: a file is missing, an address gives nothing, or the digest is another.
    """
    if named is None:
        return None
    place, _, digest = named.partition(_MARK)
    if place.startswith(("http://", "https://")):
        if not digest:
            raise InputError(f"tables: {place} is an address; add its digest: {place}{_MARK}...")
        file = cache / f"{digest}.tar.xz"
        if not file.is_file():
            _bring(place, digest, file)
    else:
        file = next((one for one in (Path(place), project / place) if one.is_file()), Path(place))
        if not file.is_file():
            if named == DEFAULT:
                return None
            raise InputError(f"tables: {place}: no such file; give an archive's path, or null")
    if digest and hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        raise InputError(f"tables: {place} is another archive than the one with sha256 {digest}")
    return file


def _bring(address: str, digest: str, file: Path) -> None:
    try:
        content = download(address, _LARGEST, Patience())
    except UnavailableError as error:
        raise InputError(f"tables: {address} {error}; give another, or null") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"tables: {address} gives another archive than the one of its sha256")
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(file)
