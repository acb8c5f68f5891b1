"""Verdicts under what must not matter: another arithmetic, other seeds, inputs a hair apart.

A claim flips under a perturbation if it was decided (or an identity) without it and has not the
same verdict with it. A claim that flips is undecided: what the data says of it hangs on something
that the sentence does not speak of.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from gradient_atlas.claims.page import counted
from gradient_atlas.claims.verdict import IDENTITY, REFUTED, SUPPORTED, UNDECIDED

NONE = "none"  # the row of a claim without a perturbation
_DECIDED = (SUPPORTED, REFUTED, IDENTITY)
_SHOWN = ("claim", "perturbation", "measured", "interval_low", "interval_high", "verdict")


def tabulate(claims: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the table ``robustness`` from the tables of claims by perturbation, ``NONE`` first."""
    frames = [frame.assign(perturbation=name)[list(_SHOWN)] for name, frame in claims.items()]
    return pd.concat(frames, ignore_index=True)


def perturbations(table: pd.DataFrame) -> list[str]:
    """The perturbations of a table ``robustness``, in its order."""
    return [name for name in table["perturbation"].unique() if name != NONE]


def flips(table: pd.DataFrame) -> dict[str, list[str]]:
    """Under which perturbations each claim flips; claims that never do are left out."""
    verdicts = table.pivot(index="claim", columns="perturbation", values="verdict")
    verdicts = verdicts[verdicts[NONE].isin(_DECIDED)]
    found = {
        str(claim): [name for name in perturbations(table) if row[name] != row[NONE]]
        for claim, row in verdicts.iterrows()
    }
    return {claim: names for claim, names in found.items() if names}


def reasons_of(found: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The result of ``flips`` in words."""
    return {claim: f"flips under {', '.join(names)}" for claim, names in found.items()}


def downgraded(frame: pd.DataFrame, reasons: Mapping[str, str]) -> pd.DataFrame:
    """Return the table of claims with those of ``reasons`` undecided, the reason in the remark."""
    frame = frame.copy()
    for row in frame.index[frame["claim"].isin(reasons) & frame["verdict"].isin(_DECIDED)]:
        reason = f"The verdict {frame.loc[row, 'verdict']} {reasons[frame.loc[row, 'claim']]}."
        frame.loc[row, "remark"] = f"{frame.loc[row, 'remark']} {reason}".strip()
        frame.loc[row, "verdict"] = UNDECIDED
    return frame


def survived(table: pd.DataFrame) -> dict[str, str]:
    """For each claim how many perturbations leave its verdict ("8 of 8"), and under what it flips.

    "" for a claim that has no verdict to lose.
    """
    names, found = perturbations(table), flips(table)
    reasons, before = reasons_of(found), table[table["perturbation"] == NONE]
    return {
        claim: f"{len(names) - len(found.get(claim, []))} of {len(names)}"
        + (f"; {reasons[claim]}" if claim in found else "")
        if verdict in _DECIDED
        else ""
        for claim, verdict in zip(before["claim"], before["verdict"], strict=True)
    }


def page(table: pd.DataFrame) -> str:
    """Return the table as a page: counts, and every flip with what was measured."""
    names, found = perturbations(table), flips(table)
    rows = table.set_index(["perturbation", "claim"])
    decided = sum(text != "" for text in survived(table).values())
    lines = [
        "# Robustness of the verdicts",
        "",
        "Written by `make robustness`: every claim decided again under what must not matter. A",
        "claim that flips is undecided (`robustness` in config/README.md).",
        "",
        f"{decided} claims with a verdict, {len(names)} perturbations, "
        f"{sum(map(len, found.values()))} flips of {len(found)} claims.",
        "",
        "| perturbation | verdicts | flips |",
        "|---|---|---|",
    ]
    for name in [NONE, *names]:
        flipped = sum(name in under for under in found.values())
        lines.append(f"| {name} | {counted(table[table['perturbation'] == name])} | {flipped} |")
    if found:
        lines += ["", "| claim | perturbation | without | with |", "|---|---|---|---|"]
    for claim, under in found.items():
        without = _measured(rows.loc[(NONE, claim)])
        for name in under:
            lines.append(f"| {claim} | {name} | {without} | {_measured(rows.loc[(name, claim)])} |")
    return "\n".join(lines) + "\n"


def _measured(row: pd.Series) -> str:
    span = f"{row['interval_low']:.4g} to {row['interval_high']:.4g}"
    return f"{row['verdict']}: {row['measured']:.4g} ({span})"
