"""The one way to write a table and to read it; what its columns are is said in ``schemas``."""

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
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
    return _decoded(pq.read_schema(path).metadata)


def _decoded(stored: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    return {
        key.decode(): value.decode() if key == b"code" else json.loads(value)
        for key, value in (stored or {}).items()
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


def read(places: Path | Iterable[Path], rows: str = "") -> pd.DataFrame:
    """Read one file, several files, or all ``*.parquet`` below a folder as one table.

    Folders named ``key=value`` become text columns, and each parameter of the metadata's ``run``
    and each of its ``data`` (classes, rows of the data set) becomes a column with its own type and
    wins over the folder, so that a table can be grouped by any parameter of its runs.

    Args:
        places: files and folders.
        rows: a column and its value, ``step=0``: no other rows are kept. All, if empty.

    Raises:
        InputError: there is nothing to read, a file is not Parquet, or has not that column.
    """
    places = [places] if isinstance(places, Path) else list(places)
    files = list(_files(places))
    if not files:
        named = ", ".join(map(str, places))
        raise InputError(f"{named}: no table here yet; build it with snakemake first")
    return _joined([_part(file, rows) for file in files])


def gather(
    names: Mapping[str, str],
    results: Path,
    sweeps: Mapping[str, Mapping[str, Any]],
    once: dict[str, pd.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """Read the data sets that a figure names.

    Args:
        names: data set (folder below ``results``) by the name that the figure gives it. After a
            question mark may stand which of its rows are read: ``training/depth/gradients?step=0``.
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
            folder, _, rows = dataset.partition("?")
            files = files_of(folder, results, sweeps)
            check_arithmetic(_files(files))
            once[dataset] = read(files, rows)
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


def _part(file: Path, rows: str) -> tuple[pa.Table, dict[str, Any]]:
    """One file's rows as it holds them, and the parameters that each of them has."""
    try:
        table = pq.ParquetFile(file, page_checksum_verification=True).read()
        made_by = _decoded(table.schema.metadata)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error
    if rows:
        column, _, value = rows.partition("=")
        if column not in table.column_names:
            raise InputError(f"{file}: no column {column}, whose {rows} a figure asks for")
        wanted = pa.scalar(value).cast(table.schema.field(column).type)
        table = table.filter(pc.equal(table[column], wanted))
    parameters = dict(part.split("=", 1) for part in file.parts if "=" in part)
    return table, parameters | made_by.get("data", {}) | made_by.get("run", {})


def _joined(parts: Sequence[tuple[pa.Table, dict[str, Any]]]) -> pd.DataFrame:
    """The rows of all files below one another, parameters as columns.

    Files with the same columns, and parameters of the same types, are one frame: a frame a file
    costs more than its numbers do. Only such a file can be joined before it is a frame and give the
    types that frames joined afterwards have.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, (table, parameters) in enumerate(parts):
        types = tuple((key, type(value)) for key, value in parameters.items())
        columns = tuple((field.name, str(field.type)) for field in table.schema)
        alike.setdefault((columns, types, len(table) == 0), []).append(place)
    frames = [_frame([parts[place] for place in places]) for places in alike.values()]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    # Back into the order of the files.
    files = np.concatenate([np.asarray(places) for places in alike.values()])
    order = np.argsort(np.repeat(files, [len(parts[place][0]) for place in files]), kind="stable")
    ordered = bool((np.diff(order) == 1).all())
    return frame if ordered else frame.iloc[order].reset_index(drop=True)


def _frame(parts: Sequence[tuple[pa.Table, dict[str, Any]]]) -> pd.DataFrame:
    """The rows of files that have the same columns, and parameters of the same types."""
    tables = [table.replace_schema_metadata() for table, _ in parts]
    frame = pa.concat_tables(tables).to_pandas()
    values = {key: [of[key] for _, of in parts] for key in parts[0][1] if key not in frame}
    each = np.repeat(np.arange(len(parts)), [len(table) for table in tables])
    added = pd.DataFrame(values, index=range(len(parts))).iloc[each]
    # One concatenation: adding the columns one by one fragments the frame.
    return pd.concat([frame, added.set_axis(frame.index)], axis=1)
