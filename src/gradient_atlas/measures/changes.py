"""By what a run differs from the plain network beside it, read off the tables' own parameters.

A remedy is a change of one kind: other weights, a normalisation, shortcuts, clipping, weight decay,
a smaller rate, another optimiser. The plain network of a run is the same network with all that can
be switched off off. Nothing here knows what the config calls its variants.
"""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pandas import DataFrame, Series

from gradient_atlas.runs.feedforward import Run
from gradient_atlas.runs.names import change_name, name_of, weights_name

NETWORK = ("dataset", "activation", "depth", "width", "bias_std", "input_scale")
SWITCHES = ("normalization", "residual", "clipping", "decay")
# What a network before its first update depends on, besides its data's probe batch.
_AT_START = (
    *NETWORK,
    "initialization",
    "weight_std",
    "normalization",
    "normalization_position",
    "residual",
    "residual_scale",
)
_OF_TRAINING = ("clipping", "decay", "rate", "optimizer")
_ORDER = ("initialization", "normalization", "residual", "clipping", "decay", "rate", "optimizer")
# Weights that no remedy has touched; every other initialisation is one ("use Xavier or He").
_UNTREATED = ("normal", "standard")
Changes = dict[str, tuple[Any, ...] | None]


@dataclass(frozen=True)
class Member:
    """One kind of run beside its plain network.

    Attributes:
        run: any row of it, with its parameters.
        kinds: of what kinds the changes are; empty for the plain network itself.
        start: its rows of the table ``start``; empty where the config does not measure it.
        gradients, metrics: its rows under training; the same.
    """

    run: Series
    kinds: tuple[str, ...]
    start: DataFrame
    gradients: DataFrame
    metrics: DataFrame

    @property
    def trained(self) -> bool:
        """Whether the config trains it, and not only measures its start."""
        return len(self.gradients) > 0 or len(self.metrics) > 0

    @property
    def name(self) -> str:
        """What was changed, as a reader says it; empty for the plain network."""
        return ", ".join(change_name(kind, self.run) for kind in self.kinds)

    @property
    def parameters(self) -> str:
        """All its run's parameters: the same for a run that stands beside several networks."""
        return _identity(self.run)

    @property
    def rank(self) -> list[int]:
        """Where it stands among the members: the plain network first, then by kind."""
        return [_ORDER.index(kind) for kind in self.kinds]


@dataclass(frozen=True)
class Group:
    """A plain network (``run``: a row with its parameters, if it was run at all) and its kin."""

    run: Series
    members: list[Member]

    @property
    def plain(self) -> Member | None:
        """The network without any remedy, if the config has it."""
        return next((member for member in self.members if not member.kinds), None)

    @property
    def untreated(self) -> bool:
        """Whether the plain network's weights are ones that no method prescribes."""
        return is_untreated(self.run)

    @property
    def name(self) -> str:
        """Activation and weights."""
        return f"{name_of(self.run.activation)}, {initial_weights(self.run)}"

    @property
    def slug(self) -> str:
        """Activation, weights and depth for the identifier of a claim."""
        std = self.run["weight_std"]
        parts = [self.run["activation"], self.run["initialization"]]
        parts += [] if pd.isna(std) else [f"{std:g}"]
        return "-".join([*parts, f"{self.run['depth']}"])

    def changed_by(self, kind: str) -> list[Member]:
        """The members that differ from the plain network in this alone."""
        return [member for member in self.members if member.kinds == (kind,)]


def is_untreated(run: Mapping[str, Any] | Series) -> bool:
    """Whether a run starts from weights that no method prescribes."""
    return run["initialization"] in _UNTREATED


def initial_weights(run: Mapping[str, Any] | Series) -> str:
    """The weights that a run starts from, as a reader says it."""
    return weights_name(run["initialization"], run["weight_std"])


def changes(run: Mapping[str, Any] | Series, trained: bool = True) -> Changes:
    """The state of each kind of remedy in a run; None where it is switched off or unknown."""

    def value(key: str) -> Any:
        found = run.get(key)
        return None if found is None or pd.isna(found) else found

    normalization, residual = value("normalization"), value("residual")
    found: Changes = {
        "initialization": (value("initialization"), value("weight_std")),
        "normalization": None
        if normalization in (None, "none")
        else (normalization, value("normalization_position")),
        "residual": (value("residual_scale"),) if residual else None,
        "clipping": (value("clip_norm"),) if value("clip_norm") else None,
        "decay": (value("weight_decay"),) if value("weight_decay") else None,
        "rate": (value("learning_rate"),),
        "optimizer": (value("optimizer"), value("momentum")),
    }
    return {k: v for k, v in found.items() if trained or k not in _OF_TRAINING}


def conditions(table: DataFrame) -> list[DataFrame]:
    """The rows of each kind of run (all its seeds), in the table's order."""
    keys = [field.name for field in dataclasses.fields(Run) if field.name in table]
    if table.empty:
        return []
    return [rows for _, rows in table.groupby(keys, sort=False, dropna=False)]


def same_network(table: DataFrame, run: Mapping[str, Any] | Series) -> DataFrame:
    """Rows of ``table`` whose network starts as that of ``run`` does."""
    same = Series(True, index=table.index)
    for key in _AT_START:
        if key in table and key in run:
            value = run[key]
            same &= table[key].isna() if pd.isna(value) else table[key] == value
    return table[same]


def groups(tables: Mapping[str, DataFrame]) -> list[Group]:
    """Each plain network of ``start``, ``gradients`` and ``metrics`` with what was done to it.

    A run with something switched on stands beside the network that has it switched off, run or
    not. Another initialisation (Xavier, He: one that a method prescribes) and a smaller rate stand
    beside every plain network that differs in nothing else. A network that was only measured
    before training stands with the first of the same weights.
    """
    start, metrics, gradients = tables["start"], tables["metrics"], tables["gradients"]
    both = {
        _identity(rows.iloc[0]): rows.iloc[0]
        for t in (gradients, metrics)
        for rows in conditions(t)
    }
    runs = list(both.values())
    plain: dict[str, Series] = {}
    for switched in (True, False):
        for run in runs:
            if any(changes(run)[kind] for kind in SWITCHES) == switched and (
                switched or not any(_kinds(run, base) is not None for base in plain.values())
            ):
                plain.setdefault(repr(_plain_key(run)), run)
    order = [repr(_plain_key(run)) for run in runs]

    @functools.cache  # a run may stand beside several networks
    def rows_of(identity: str) -> tuple[DataFrame, DataFrame, DataFrame]:
        run = both[identity]
        return same_network(start, run), _same_run(gradients, run), _same_run(metrics, run)

    found = [
        Group(
            plain[key],
            [
                Member(run, kinds, *rows_of(identity))
                for identity, run in both.items()
                if (kinds := _kinds(run, plain[key])) is not None
            ],
        )
        for key in sorted(plain, key=order.index)
    ]
    nothing = gradients.iloc[:0], metrics.iloc[:0]
    known = {key for group in found for member in group.members for key in _starts(member.start)}
    for rows in conditions(start):
        run = rows.iloc[0]
        if known.issuperset(_starts(rows.iloc[:1])):
            continue
        known |= _starts(rows)
        kinds = tuple(kind for kind in SWITCHES if changes(run, trained=False).get(kind))
        home = next((group for group in found if _same_weights(group.run, run)), None)
        if home is None:
            found.append(home := Group(run, []))
        home.members.append(Member(run, kinds, rows, *nothing))
    for group in found:
        group.members.sort(key=lambda member: member.rank)
    return found


def _starts(table: DataFrame) -> set[tuple[Any, ...]]:
    """What the networks of these rows depend on before their first update, each once."""
    given = table[[key for key in _AT_START if key in table]].drop_duplicates().astype(object)
    return set(given.where(given.notna(), None).itertuples(index=False, name=None))


def _network(run: Series) -> tuple[Any, ...]:
    return tuple(run[key] for key in NETWORK if key in run)


def _plain_key(run: Series) -> tuple[Any, ...]:
    state = changes(run)
    return (*_network(run), *(v for kind, v in state.items() if kind not in SWITCHES))


def _identity(run: Series) -> str:
    """All parameters of a run in one text."""
    names = [field.name for field in dataclasses.fields(Run) if field.name in run]
    return repr([str(run[name]) for name in names])


def _same_weights(one: Series, other: Series) -> bool:
    same = changes(one)["initialization"] == changes(other)["initialization"]
    return same and _network(one) == _network(other)


def _kinds(run: Series, base: Series) -> tuple[str, ...] | None:
    """By which kinds a run differs from the plain network of ``base``; None if it is no kin."""
    state, at_base = changes(run), changes(base)
    on = tuple(kind for kind in SWITCHES if state[kind])
    if _plain_key(run) == _plain_key(base):
        return on
    other = [k for k in state if k not in SWITCHES and state[k] != at_base[k]]
    if on or _network(run) != _network(base) or len(other) != 1:
        return None
    if other == ["initialization"]:
        treated = state["initialization"] and state["initialization"][0] not in _UNTREATED
        return ("initialization",) if treated else None
    if other == ["rate"] and not run.learning_rate < base.learning_rate:
        return None
    return (other[0],)


def _same_run(table: DataFrame, run: Series) -> DataFrame:
    """Rows of ``table`` of this very run, by all parameters that both have."""
    same = Series(True, index=table.index)
    for field in dataclasses.fields(Run):
        if field.name in table and field.name in run:
            value = run[field.name]
            same &= table[field.name].isna() if pd.isna(value) else table[field.name] == value
    return table[same]
