"""A table as an archive holds it: the same rows, encoded so that xz makes least of them.

A table in ``results/`` is compressed column by column (zstd), of which nothing more can be got. The
archive's copy is a Parquet file as well, uncompressed and with the bytes of floating-point numbers
sorted by their place, since the first bytes of neighbouring numbers are alike.
"""

import pyarrow as pa
import pyarrow.parquet as pq

from gradient_atlas.tables.files import ENCODING


def pack(table: bytes) -> bytes:
    """Return the table as the archive holds it; the same bytes if it would not come out as it was.

    A table of another version of Arrow may be one that this version writes otherwise.
    """
    rows = _rows(table)
    floats = [field.name for field in rows.schema if pa.types.is_floating(field.type)]
    others = [name for name in rows.schema.names if name not in floats]
    split = dict.fromkeys(floats, "BYTE_STREAM_SPLIT")
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="none", use_dictionary=others, column_encoding=split)
    packed = sink.getvalue().to_pybytes()
    return packed if unpack(packed) == table else table


def unpack(packed: bytes) -> bytes:
    """Return the table as ``tables.files`` writes it."""
    sink = pa.BufferOutputStream()
    pq.write_table(_rows(packed), sink, **ENCODING)
    return sink.getvalue().to_pybytes()


def _rows(file: bytes) -> pa.Table:
    return pq.ParquetFile(pa.BufferReader(file)).read()
