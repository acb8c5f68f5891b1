"""How a column is declared, and the columns that several tables share."""

import pyarrow as pa

NUMBER, COUNT, NAME = pa.float64(), pa.int64(), pa.string()


def column(name: str, kind: pa.DataType, description: str, unit: str = "1") -> pa.Field:
    """Declare a column with what it means and its unit (``"1"``: a pure number)."""
    return pa.field(name, kind, metadata={"description": description, "unit": unit})


def table(place: str, row: str, columns: list[pa.Field]) -> pa.Schema:
    """Declare a table: the folder or file it lies in, what one row is, and its columns."""
    return pa.schema(columns, metadata={"place": place, "row": row})


SEED = column("seed", COUNT, "seed of weights and of the order of examples")
STEP = column("step", COUNT, "updates made so far; 0 is the initialisation", "steps")
EPOCH = column("epoch", NUMBER, "passes over the training set so far", "epochs")
