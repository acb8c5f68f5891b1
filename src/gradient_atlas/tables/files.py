"""The one way to write a table and to read it; what its columns are is said in ``schemas``."""

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gradient_atlas import arithmetic
from gradient_atlas.errors import DamagedFileError, InputError
from gradient_atlas.runs.sweep import sweep_points
from gradient_atlas.tables.provenance import describe

FILE = "part.parquet"  # the one file of a job, in the folders that say its parameters
_PART = ".part"  # how a file is named that is being written


def write(
    schema: pa.Schema,
    rows: pd.DataFrame | Mapping[str, Any],
    path: Path,
    made_by: Mapping[str, object],
) -> None:
    """Write rows as one Parquet file (zstd), whole or not at all.

    Args:
        schema: the file has exactly these columns in this order.
        rows: columns by name, each of one length.
        path: the file; folders above it are made.
        made_by: what made the rows (parameters, data set); goes into the file's metadata as JSON.

    Raises:
        ValueError: the columns are not those of the schema, or a value does not fit its type.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(dict(rows))
    if set(frame.columns) != set(schema.names):
        raise ValueError(f"{path}: columns {sorted(frame.columns)} are not {sorted(schema.names)}")
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    table = table.replace_schema_metadata(describe(made_by))
    with written_whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of ``path`` when the block has written it.

    Folders above it are made; where the block fails, ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in left_by_killed_writers(path):
        left.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(_PART, f"{path.name}.", path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def left_by_killed_writers(path: Path) -> list[Path]:
    """Temporary files of ``written_whole`` whose writers never came to rename or remove them."""
    return list(path.parent.glob(f"{glob.escape(path.name)}.*{_PART}"))


def metadata(path: Path) -> dict[str, Any]:
    """Return a file's own metadata (see ``provenance.describe``), JSON values decoded."""
    stored = pq.read_schema(path).metadata or {}
    return {
        key.decode(): value.decode() if key == b"code" else json.loads(value)
        for key, value in stored.items()
        if key not in (b"ARROW:schema", b"pandas")
    }


def origin_of(files: Iterable[Path]) -> dict[str, object]:
    """Return what made a data set's files: values that all share, and each file's sha256."""
    files = list(files)
    made = [metadata(file) for file in files]
    shared = {key: made[0][key] for key in made[0] if all(m.get(key) == made[0][key] for m in made)}
    return {
        "shared": shared,
        "files": [hashlib.sha256(file.read_bytes()).hexdigest() for file in files],
    }


def read(places: Path | Iterable[Path]) -> pd.DataFrame:
    """Read one file, several files, or all ``*.parquet`` below a folder as one table.

    Folders named ``key=value`` become text columns, and each parameter of the metadata's ``run``
    and each of its ``data`` (classes, rows of the data set) becomes a column with its own type and
    wins over the folder, so that a table can be grouped by any parameter of its runs.

    Raises:
        InputError: there is nothing to read, or a file is not Parquet.
    """
    places = [places] if isinstance(places, Path) else list(places)
    files = list(_files(places))
    if not files:
        named = ", ".join(map(str, places))
        raise InputError(f"{named}: no table here yet; build it with snakemake first")
    return pd.concat([_read_file(file) for file in files], ignore_index=True)


def gather(
    names: Mapping[str, str],
    results: Path,
    sweeps: Mapping[str, Mapping[str, Any]],
    once: dict[str, pd.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """Read the data sets that a figure names.

    Args:
        names: data set (folder below ``results``) by the name that the figure gives it.
        results: the folder of all tables.
        sweeps: by the first two parts of a data set's name (``training/depth``) the sweep that it
            is made of. Only its members are read: a folder may still hold runs of an older config.
            A data set without a sweep is a single ``part.parquet``, or all there is.
        once: data sets that were read before, by name; those read now are added.

    Raises:
        InputError: a table is missing or cannot be read (``DamagedFileError``), or was made with
            an arithmetic that is not this process's.
    """
    once = {} if once is None else once
    for dataset in names.values():
        if dataset not in once:
            files = files_of(dataset, results, sweeps)
            check_arithmetic(_files(files))
            once[dataset] = read(files)
    # A copy (lazy in pandas 3), so that no figure sees another's changes.
    return {name: once[dataset].copy() for name, dataset in names.items()}


def check_arithmetic(files: Iterable[Path]) -> None:
    """Refuse tables that were made with another arithmetic than this process's.

    A file that names none is from before there was a choice, and passes.

    Raises:
        InputError: names the first such file, both arithmetics, and what to do.
    """
    here = arithmetic.in_use()
    for file in files:
        try:
            made = metadata(file).get("arithmetic") if file.is_file() else None
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unreadable(file, error) from error
        if made and (difference := arithmetic.difference(made, here)):
            raise InputError(
                f"{file}: made with {difference}; numbers of two are not mixed: remove the file "
                f"and build again, or set {arithmetic.CHOICE}={made['setting']}"
            )


def _unreadable(file: Path, error: Exception) -> InputError:
    reason = f"{file}: not a readable Parquet table ({' '.join(str(error).split())})"
    return DamagedFileError(reason, file) if file.is_file() else InputError(reason)


def files_of(dataset: str, results: Path, sweeps: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """Return the files of one data set; arguments as for ``gather``."""
    sweep = sweeps.get("/".join(dataset.split("/")[:2]))
    folder = results / dataset
    if sweep is None:
        return sorted(folder.rglob("*.parquet")) or [folder]
    return [folder / path / FILE for path, _, _ in sweep_points(sweep)]


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        yield from sorted(place.rglob("*.parquet")) if place.is_dir() else [place]


def _read_file(file: Path) -> pd.DataFrame:
    try:
        frame = pq.ParquetFile(file, page_checksum_verification=True).read().to_pandas()
        made_by = metadata(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error
    parameters = dict(part.split("=", 1) for part in file.parts if "=" in part)
    parameters |= made_by.get("data", {}) | made_by.get("run", {})
    # One concatenation: adding the columns one by one fragments the frame.
    added = {key: [value] * len(frame) for key, value in parameters.items() if key not in frame}
    return pd.concat([frame, pd.DataFrame(added, index=frame.index)], axis=1)
