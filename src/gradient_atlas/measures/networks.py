"""Which networks a sweep holds, each with a name that no other one among them has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pandas import DataFrame

from gradient_atlas.measures.layers import PARAMETERS
from gradient_atlas.runs.names import name_of, network_name

_NAMED = ("activation", "initialization", "weight_std")  # what network_name says


@dataclass(frozen=True)
class Network:
    """Rows of one network of a sweep.

    Attributes:
        key: letters, digits and underscores, for a macro.
        name: as a reader says it, with every parameter in which the sweep's networks differ.
        rows: those of all its seeds.
    """

    key: str
    name: str
    rows: DataFrame


def networks(rows: DataFrame, unnamed: Sequence[str] = ()) -> list[Network]:
    """Every network among the rows, in their order; ``unnamed`` parameters are left out of names.

    Networks that differ in nothing but variant count as one.
    """
    varied = [key for key in PARAMETERS if key in rows and rows[key].nunique(dropna=False) > 1]
    others = [key for key in varied if key not in _NAMED and key not in unnamed]
    found = []
    for one in _groups(rows, varied):
        first = one.iloc[0]
        parts = [_value(first[key]) for key in ("activation", "initialization", *others)]
        if first.weight_std == first.weight_std and first.weight_std is not None:
            parts.append(f"{first.weight_std:g}")
        said = [f"{_words(key)} {name_of(_value(first[key]))}" for key in others]
        key = "_".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)
        found.append(Network(key, ", ".join([network_name(first), *said]), one))
    return found


def _groups(rows: DataFrame, varied: list[str]) -> Iterator[DataFrame]:
    if rows.empty:
        return
    if not varied:
        yield rows
        return
    for _, one in rows.groupby(varied, dropna=False, sort=False):
        yield one


def _words(parameter: str) -> str:
    return parameter.replace("_", " ")


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def datasets_named(rows: DataFrame) -> str:
    """The data sets of these rows as a reader says them."""
    return " and ".join(name_of(str(name)) for name in dict.fromkeys(rows.dataset))


def numbers_of(rows: DataFrame, parameter: str) -> str:
    """The values of a whole-number parameter: ``50``, or ``10 to 50`` where they differ."""
    least, most = int(rows[parameter].min()), int(rows[parameter].max())
    return f"{least}" if least == most else f"{least} to {most}"
