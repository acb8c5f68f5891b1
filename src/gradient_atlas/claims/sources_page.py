"""Both sources sentence by sentence: one verdict each, rolled up from its parts, then the parts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import yaml

from gradient_atlas.claims.page import allowed_text, measured_text
from gradient_atlas.claims.verdict import (
    IDENTITY,
    NOT_MEASURED,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
)

SENTENCES = Path(__file__).with_name("sentences.yaml")
IN_PART, BY_DEFINITION, NO_DATA = "in part", "by definition", "no verdict"
ORDER = (SUPPORTED, IN_PART, REFUTED, UNDECIDED, NOT_MEASURED, BY_DEFINITION, NO_DATA)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a source: ``claims`` decide it, or ``reason`` says why no data does.

    ``key`` is source, number of the section and of the sentence: V1.2.
    """

    key: str
    source: str
    section: str
    text: str
    claims: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a sentence that has both a claim and a reason for having none, or neither."""
        if bool(self.claims) == bool(self.reason):
            raise ValueError(f"sentence {self.key}: claims or a reason, and not both")


def read_sentences(file: Path = SENTENCES) -> tuple[list[Sentence], list[str]]:
    """Return all sentences in the sources' order, and the claims that are beyond them."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    found = []
    for letter in ("V", "F"):
        source = content[letter]
        for number, (section, entries) in enumerate(source["sections"].items(), start=1):
            for position, entry in enumerate(entries, start=1):
                found.append(
                    Sentence(
                        f"{letter}{number}.{position}",
                        f"{letter}: {source['title']}",
                        str(section),
                        entry["text"],
                        tuple(entry.get("claims", ())),
                        entry.get("reason", ""),
                    )
                )
    return found, list(content["beyond"])


def names(pattern: str, claim: str) -> bool:
    """Whether a sentence's or the list's ``pattern`` means this claim, or the sentence it is of."""
    return fnmatchcase(claim, pattern) or fnmatchcase(claim.split("/")[0], pattern)


def unnamed(claims: Iterable[str], sentences: Iterable[Sentence], beyond: list[str]) -> list[str]:
    """Claims that no sentence names and that are not listed as beyond the sources."""
    patterns = [pattern for sentence in sentences for pattern in sentence.claims] + beyond
    return [claim for claim in claims if not any(names(pattern, claim) for pattern in patterns)]


def parts_of(sentence: Sentence, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the claims that decide the sentence."""
    return _named(sentence.claims, frame)


def _named(patterns: Iterable[str], frame: pd.DataFrame) -> pd.DataFrame:
    patterns = list(patterns)
    mine = [any(names(pattern, claim) for pattern in patterns) for claim in frame["claim"]]
    return frame[pd.Series(mine, index=frame.index, dtype=bool)]


def rolled_up(sentence: Sentence, verdicts: Iterable[str]) -> str:
    """One verdict of many.

    What was not measured, and what holds by definition, has no say beside a part that was decided;
    an open part leaves the sentence open, unless others show it both right and wrong.
    """
    if sentence.reason:
        return NO_DATA
    found = set(verdicts)
    if not found or found == {NOT_MEASURED}:
        return NOT_MEASURED
    found.discard(NOT_MEASURED)
    if found == {IDENTITY}:
        return BY_DEFINITION
    found.discard(IDENTITY)
    if {SUPPORTED, REFUTED} <= found:
        return IN_PART
    return next(iter(found)) if len(found) == 1 else UNDECIDED


def to_markdown(
    sentences: list[Sentence], beyond: list[str], frame: pd.DataFrame, pictures: str
) -> str:
    """Return the page: a count, then each source's sentences in order.

    Args:
        sentences: in the order of the sources.
        beyond: patterns of the claims that no sentence of the sources makes.
        frame: the table of claims.
        pictures: address of a figure's picture or page, as seen from this page, with {} for its
            name.
    """
    parts = [parts_of(sentence, frame) for sentence in sentences]
    verdicts = [
        rolled_up(sentence, rows["verdict"])
        for sentence, rows in zip(sentences, parts, strict=True)
    ]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in ORDER if one in verdicts)
    lines = [
        "# The sources, sentence by sentence",
        "",
        f'Of {len(sentences)} sentences: {counts}. "In part" means that some of what a sentence '
        "implies is supported and some refuted; a sentence without a verdict says why data cannot "
        "give one. Each part and its bounds: results/claims.md.",
    ]
    source = section = ""
    for sentence, rows, verdict in zip(sentences, parts, verdicts, strict=True):
        if sentence.source != source:
            source = sentence.source
            lines += ["", f"## {source}"]
        if sentence.section != section:
            section = sentence.section
            lines += ["", f"### {section}"]
        lines += ["", f"{sentence.key}. \u201c{sentence.text}\u201d", ""]
        lines += _decided(sentence, rows, verdict, pictures)
    extra = _named(beyond, frame)
    if len(extra):
        lines += ["", "## Beyond the sources", ""]
        lines += [f"- {row['statement']}: **{row['verdict']}**" for _, row in extra.iterrows()]
    return "\n".join(lines) + "\n"


def _decided(sentence: Sentence, rows: pd.DataFrame, verdict: str, pictures: str) -> list[str]:
    """The verdict, the figures, and a line a part."""
    if sentence.reason:
        return [f"**{verdict}**: {sentence.reason}."]
    if rows.empty:
        return [f"**{verdict}**: the configuration has no run that would show it."]
    figures = ", ".join(f"[{name}]({pictures.format(name)})" for name in dict.fromkeys(rows.figure))
    lines = [f"**{verdict}** ({_counted(rows)}); {figures}", ""]
    for _, row in rows.iterrows():
        quantity = re.sub(r"\s+", " ", row["quantity"])
        lines.append(
            f"- `{row['claim']}`: **{row['verdict']}**, {quantity}: {measured_text(row)}, allowed "
            f"{allowed_text(row)}"
        )
    return lines


def _counted(rows: pd.DataFrame) -> str:
    counts = rows["verdict"].value_counts(sort=False)
    return ", ".join(f"{many} {verdict}" for verdict, many in counts.items())
