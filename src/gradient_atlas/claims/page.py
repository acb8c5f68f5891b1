"""The table of claims as a person reads it, and how it differs from a recorded one."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gradient_atlas.claims.verdict import (
    CONFIDENCE,
    IDENTITY,
    NOT_MEASURED,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
)

VERDICTS = (SUPPORTED, REFUTED, UNDECIDED, NOT_MEASURED)


def counted(frame: pd.DataFrame) -> str:
    """Return how many claims have each verdict, in words; identities apart."""
    counts = frame["verdict"].value_counts()
    words = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in VERDICTS)
    identities = counts.get(IDENTITY, 0)
    return words + (f"; {identities} identities, which hold by definition" if identities else "")


def changed_verdicts(frame: pd.DataFrame, recorded: Mapping[str, str]) -> list[str]:
    """Return one line for each claim whose verdict is not the recorded one, is new, or is gone."""
    found = dict(zip(frame["claim"], frame["verdict"], strict=True))
    lines = []
    for claim in sorted(set(found) | set(recorded)):
        now, before = found.get(claim, "absent"), recorded.get(claim, "absent")
        if now != before:
            row = frame[frame["claim"] == claim]
            detail = "" if row.empty else f"; {decided_by(row.iloc[0])}"
            lines.append(f"{claim}: {now}, recorded as {before}{detail}")
    return lines


def to_markdown(frame: pd.DataFrame) -> str:
    """Return the claims as a page: a count, a table, then each one in full."""
    lines = [
        "# Claims",
        "",
        counted(frame) + ".",
        "",
        "| claim | statement | verdict | measured | allowed |",
        "|---|---|---|---|---|",
    ]
    for _, row in frame.iterrows():
        measured, allowed = measured_text(row), allowed_text(row)
        statement = row["statement"].replace("|", r"\|")
        lines.append(
            f"| {row['claim']} | {statement} | **{row['verdict']}** | {measured} | {allowed} |"
        )
    for _, row in frame.iterrows():
        lines += [
            "",
            f"## {row['claim']}",
            "",
            f"> {row['statement']} ({row['source']})",
            "",
            f"- condition: {row['condition']}",
            f"- decided by: {row['quantity']} (figure `{row['figure']}`)",
            f"- verdict: **{row['verdict']}**: {decided_by(row)}",
        ]
        if flip := flipping_bounds(row):
            lines.append(f"- {flip}")
        if row["remark"]:
            lines.append(f"- {row['remark']}")
    return "\n".join(lines) + "\n"


def measured_text(row: pd.Series) -> str:
    """Return what was measured, with its unit.

    Of a claim about a mean that mean, with the standard deviation over seeds in brackets, named; of
    any other, whose cases decide one by one, their range.
    """
    if not row["samples"]:
        return "nothing"
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    if row["kind"] != "mean" and row["interval_low"] < row["interval_high"]:
        return f"{row['interval_low']:.4g} to {row['interval_high']:.4g}{unit}"
    spread = "" if math.isnan(row["spread"]) else f" (s.d. {row['spread']:.2g})"
    return f"{row['measured']:.4g}{unit}{spread}"


def allowed_text(row: pd.Series) -> str:
    """Return the interval that the sentence allows, as a reader says it."""
    # The number next to 0 stands for an open bound.
    if row["upper"] == np.nextafter(0.0, -1.0) and math.isinf(row["lower"]):
        return "less than 0"
    if row["lower"] == np.nextafter(0.0, 1.0) and math.isinf(row["upper"]):
        return "more than 0"
    if math.isinf(row["lower"]):
        return f"at most {row['upper']:.4g}"
    if math.isinf(row["upper"]):
        return f"at least {row['lower']:.4g}"
    return f"{row['lower']:.4g} to {row['upper']:.4g}"


def decided_by(row: pd.Series) -> str:
    """Return what was measured, the interval that decides, and the bounds, in one sentence."""
    if not row["samples"]:
        return "the config has no such run"
    span = f"{row['interval_low']:.4g} to {row['interval_high']:.4g}"
    if row["kind"] == "mean":
        how = f"; the mean lies in {span} ({100 * CONFIDENCE:g} % confidence)"
    else:
        how = f"; all values lie in {span}" if row["samples"] > 1 else ""
    text = f"measured {measured_text(row)} over {row['samples']} value(s){how}; "
    text += f"allowed {allowed_text(row)}"
    if row["verdict"] == UNDECIDED:
        seeds = row["seeds_to_decide"]
        text += (
            "; no number of seeds up to 10,000 would decide it"
            if math.isinf(seeds)
            else f"; {seeds:.0f} seeds would decide it"
        )
    return text


def flipping_bounds(row: pd.Series) -> str:
    """Return for which other bounds the verdict would be another; "" for two bounds or none."""
    if not row["samples"] or math.isfinite(row["lower"]) == math.isfinite(row["upper"]):
        return ""
    low, high = f"{row['interval_low']:.4g}", f"{row['interval_high']:.4g}"
    if math.isfinite(row["upper"]):
        return f"as an upper bound, {high} or more supports it and less than {low} refutes it"
    return f"as a lower bound, {low} or less supports it and more than {high} refutes it"
