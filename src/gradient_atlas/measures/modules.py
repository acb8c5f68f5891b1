"""Signals of a watched network, read off its table: a layer a module with a matrix."""

import math

import numpy as np
from pandas import DataFrame


def layers_of(table: DataFrame) -> DataFrame:
    """The rows whose signal is compared: modules with a matrix that were called, numbered anew.

    Normalisations scale the signal of the module before them and are no layer of their own.
    """
    rows = table[~table["kind"].str.contains("Norm") & table["error_signal_norm"].notna()]
    order = {layer: place for place, layer in enumerate(sorted(rows["layer"].unique()), start=1)}
    return rows.assign(place=rows["layer"].map(order))


def signals(table: DataFrame) -> DataFrame:
    """log10 of the error signal, a row a seed, a column a place; -inf where it is 0."""
    rows = layers_of(table)
    with np.errstate(divide="ignore"):
        rows = rows.assign(decades=np.log10(rows["error_signal_norm"].to_numpy(dtype=float)))
    return rows.pivot_table(index="seed", columns="place", values="decades", dropna=False)


def slopes(table: DataFrame) -> list[float]:
    """By seed, decades that the error signal gains per layer towards the input, by least squares.

    Between the second layer and the last but one, as ``measures.layers.factors``, where there are
    as many; nan where a signal is 0 or not finite.
    """
    found = []
    for _, seed in signals(table).iterrows():
        values = seed.to_numpy(dtype=float)
        values = values[1:-1] if len(values) > 4 else values
        known = len(values) > 1 and np.isfinite(values).all()
        found.append(
            -float(np.polyfit(np.arange(len(values)), values, 1)[0]) if known else math.nan
        )
    return found


def spans(table: DataFrame) -> list[float]:
    """By seed, decades between the layer nearest the input and the last but one; -inf of a 0."""
    values = signals(table)
    last = -2 if values.shape[1] > 2 else -1
    return [float(seed.iloc[0] - seed.iloc[last]) for _, seed in values.iterrows()]
