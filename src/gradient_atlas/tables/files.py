"""The one way to write a table and to read it; what its columns are is said in ``schemas``."""

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
# Tables of small files that are made one: each by itself takes more than its numbers do.
_TOGETHER = 100
ENCODING = {"compression": "zstd", "write_page_checksum": True}


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
        pq.write_table(table, temporary, **ENCODING)


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


def read(
    places: Path | Iterable[Path], asked: str = "", made_with: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Read one file, several files, or all ``*.parquet`` below a folder as one table.

    Folders named ``key=value`` become text columns, and each parameter of the metadata's ``run``
    and each of its ``data`` (classes, rows of the data set) becomes a column with its own type and
    wins over the folder, so that a table can be grouped by any parameter of its runs.

    Args:
        places: files and folders.
        asked: what is read, all if empty: ``step=0``, a column and its value, keeps no other rows;
            ``columns=epoch,train_loss`` no other of the files' own columns, but parameters;
            ``step=0&columns=layer`` does both, and keeps the column ``step`` too.
        made_with: the arithmetic that each file must have been made with, if it says any.

    Raises:
        InputError: there is nothing to read; a file is not Parquet (``DamagedFileError``), has not
            such a column, or was made with another arithmetic.
    """
    places = [places] if isinstance(places, Path) else list(places)
    files = list(_files(places))
    if not files:
        named = ", ".join(map(str, places))
        raise InputError(f"{named}: no table here yet; build it with snakemake first")
    return _joined(_part(file, asked, made_with) for file in files)


def gather(
    names: Mapping[str, str],
    results: Path,
    sweeps: Mapping[str, Mapping[str, Any]],
    once: dict[str, pd.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """Read the data sets that a figure names.

    Args:
        names: data set (folder below ``results``) by the name that the figure gives it. After a
            question mark may stand what of it is read, as ``read`` says: ``.../gradients?step=0``.
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
    expected: Mapping[str, Any] = {}
    for dataset in names.values():
        if dataset not in once:
            folder, _, asked = dataset.partition("?")
            files = files_of(folder, results, sweeps)
            expected = expected or _expected_arithmetic(files[0])
            once[dataset] = read(files, asked, expected)
    # A copy, so that no figure sees another's changes; pandas 3 makes it of what is changed alone.
    return {name: once[dataset].copy(deep=False) for name, dataset in names.items()}


def _expected_arithmetic(first: Path) -> Mapping[str, Any]:
    """This process's arithmetic; of an archive's tables, where none like them can be made, theirs.

    ``first`` is the first file of those that must agree.
    """
    here = arithmetic.in_use()
    if arithmetic.native_instead() and first.is_file():
        try:
            made = metadata(first).get("arithmetic")
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unreadable(first, error) from error
        if made and made["setting"] == arithmetic.PORTABLE:
            return dict(made)
    return here


def _check_arithmetic(file: Path, made: Any, here: Mapping[str, Any]) -> None:
    """Refuse a table that was made with another arithmetic than ``here``.

    A file that names none is from before there was a choice, and passes.
    """
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


@dataclass
class _Alike:
    """Files with the same columns, and parameters of the same types.

    They become one frame, since one a file costs more than its numbers do; only such files can be
    joined before they are a frame and have the types that frames joined afterwards have.
    """

    places: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    parameters: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, place: int, table: pa.Table, parameters: Mapping[str, Any]) -> None:
        """Take one more file, the ``place``-th of all."""
        self.places.append(place)
        self.lengths.append(len(table))
        self.tables.append(table)
        if len(self.lengths) % _TOGETHER == 0:
            recent = pa.concat_tables(self.tables[-_TOGETHER:]).combine_chunks()
            self.tables[-_TOGETHER:] = [recent]
        for key, value in parameters.items():
            self.parameters.setdefault(key, []).append(value)

    def frame(self) -> pd.DataFrame:
        """All rows, the parameters as columns; what was read of the files is let go."""
        joined = pa.concat_tables(self.tables)
        self.tables.clear()
        frame = joined.to_pandas(self_destruct=True)
        del joined
        pa.default_memory_pool().release_unused()
        values = {key: of for key, of in self.parameters.items() if key not in frame}
        added = pd.DataFrame(values, index=range(len(self.places))).iloc[self.owners()]
        # One concatenation: adding the columns one by one fragments the frame.
        return pd.concat([frame, added.set_axis(frame.index)], axis=1)

    def owners(self) -> np.ndarray:
        """Of each row the number of its file among these."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


def _joined(parts: Iterable[tuple[pa.Table, dict[str, Any]]]) -> pd.DataFrame:
    """The rows of all files below one another, in the order of the files."""
    alike: dict[tuple[object, ...], _Alike] = {}
    for place, (table, parameters) in enumerate(parts):
        types = tuple((key, type(value)) for key, value in parameters.items())
        columns = tuple(zip(table.column_names, map(str, table.schema.types), strict=True))
        group = alike.setdefault((columns, types, len(table) == 0), _Alike())
        group.add(place, table, parameters)
    groups = list(alike.values())
    if len(groups) == 1:
        return groups[0].frame()
    frame = pd.concat([group.frame() for group in groups], ignore_index=True)
    files = np.concatenate([np.asarray(group.places)[group.owners()] for group in groups])
    return frame.iloc[np.argsort(files, kind="stable")].reset_index(drop=True)


def _part(
    file: Path, asked: str, here: Mapping[str, Any] | None
) -> tuple[pa.Table, dict[str, Any]]:
    """One file's rows as it holds them, and the parameters that each of them has.

    Made with another arithmetic than ``here`` it is refused.
    """
    terms = dict(term.partition("=")[::2] for term in asked.split("&") if term)
    columns = terms.pop("columns", None)
    wanted = [*columns.split(","), *terms] if columns is not None else None
    try:
        parquet = pq.ParquetFile(file, page_checksum_verification=True)
        names = parquet.schema_arrow.names
        missing = [name for name in [*(wanted or []), *terms] if name not in names]
        # Files are small: threads that share their columns cost more than they spare.
        table = parquet.read(columns=[] if missing else wanted, use_threads=False)
        made_by = _decoded(table.schema.metadata)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error
    if missing:
        raise InputError(f"{file}: no column {missing[0]}, which a figure asks for: {asked}")
    if here is not None:
        _check_arithmetic(file, made_by.get("arithmetic"), here)
    for name, value in terms.items():
        kept = pa.scalar(value).cast(table.schema.field(name).type)
        table = table.filter(pc.equal(table[name], kept))
    # Without what its schema says of each column: of ten thousand files that is most of the memory.
    table = pa.Table.from_arrays(table.columns, names=table.column_names)
    parameters = dict(part.split("=", 1) for part in file.parts if "=" in part)
    return table, parameters | made_by.get("data", {}) | made_by.get("run", {})
