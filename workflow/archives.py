"""The archive of tables that the config names: where it is, and which of its tables are taken."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from asked import Asked
from gradient_atlas.datasets.fetch import Patience, UnavailableError, download
from gradient_atlas.errors import InputError
from gradient_atlas.tables.archive import read_index

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


def tables_to_take(
    archive: Path, tables: Iterable[str], asked: Asked, prefix: str, noted: Path
) -> tuple[list[str], str]:
    """Return the tables that are taken from the archive, and what is to be said of all.

    A table is taken with all that its job writes, if each is asked for by what it was made by. One
    that was computed in this folder stays with the rule that computed it.

    Args:
        archive: its file.
        tables: every table that is needed, by its path from the results' folder's parent.
        asked: what is asked of each.
        prefix: what a ``module`` puts before every path.
        noted: the list of those taken before.
    """
    index = read_index(archive)
    before = set(json.loads(noted.read_text())) if noted.is_file() else set()
    taken: dict[str, None] = {}
    others: Counter[str] = Counter()
    number = 0
    for table in tables:
        if _name(table, "") not in index:  # asked first: a build of many runs has few of them
            others["are computed, which it has not"] += 1
            continue
        files = {file: _name(file, prefix) for file in asked.siblings(prefix + table)}
        if any(name not in before and Path(file).exists() for file, name in files.items()):
            others["are here already"] += 1
        elif not all(name in index for name in files.values()):
            others["are computed, which it has not"] += 1
        elif differing := _differing(asked.of(prefix + table), index[_name(table, "")]["asked"]):
            others[f"are computed, since its own were made by other {differing}"] += 1
        else:
            taken |= dict.fromkeys(files.values())
            number += 1
    said = [f"{number} tables are taken from it", *(f"{n} {why}" for why, n in others.items())]
    if not any("computed" in why for why in others):
        said.append("nothing is trained")
    return list(taken), f"{archive.name}: {'; '.join(said)}"


def _name(file: str, prefix: str) -> str:
    return file.removeprefix(prefix).removeprefix("results/")


def _differing(now: dict[str, str] | None, then: dict[str, str]) -> str:
    """What a table is asked for by now that it was not made by; "" if nothing is."""
    keys = ("config", "code", "versions")
    return next((key for key in keys if now is None or now[key] != then.get(key)), "")
