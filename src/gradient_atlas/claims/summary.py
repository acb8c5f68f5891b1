"""A few lines at the end of a build: how the claims were decided, and what is new about it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gradient_atlas.claims.page import counted

MOST_CHANGES = 10  # that are named
MOST_NAMES = 3  # of figures; more are counted


def read_verdicts(path: Path) -> dict[str, str] | None:
    """Return the verdicts that a build left, by claim; None where there was none."""
    if not path.exists():
        return None
    table = pd.read_csv(path)
    return dict(zip(table["claim"], table["verdict"], strict=True))


def new_verdicts(before: Mapping[str, str], claims: pd.DataFrame) -> list[str]:
    """Return what became of each claim of both builds whose verdict is another now."""
    now = dict(zip(claims["claim"], claims["verdict"], strict=True))
    both = [claim for claim in now if claim in before]
    return [f"{name}: {before[name]} → {now[name]}" for name in both if before[name] != now[name]]


def build_summary(
    figures: Sequence[str],
    claims: pd.DataFrame | None,
    changed: list[str] | None,
    report: Path | None,
) -> str:
    """Return the lines that end a build.

    Args:
        figures: names of those that are drawn.
        claims: the table of claims; None if the build was not asked for it.
        changed: as ``new_verdicts`` returns it; None if there was no build before.
        report: the page with everything, if it was asked for.
    """
    lines = []
    if figures:
        names = ", ".join(figures) if len(figures) <= MOST_NAMES else str(len(figures))
        lines.append(f"figures: {names} in figures/ (.pdf .svg .png .tex)")
    if claims is None:
        lines.append("claims:  not asked for; make claims decides them")
    else:
        lines.append(f"claims:  {counted(claims)} (results/claims.md)")
    if changed is not None:
        more = f"; and {len(changed) - MOST_CHANGES} more" if len(changed) > MOST_CHANGES else ""
        said = "; ".join(changed[:MOST_CHANGES]) + more
        lines.append(f"changed since the last build: {said or 'no verdict'}")
    lines.append(f"report:  {report or 'make report writes results/report.html'}")
    return "\n".join(lines)
