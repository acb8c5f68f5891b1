"""Every sentence of the sources has a verdict or a reason, and every claim stands under one."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from gradient_atlas.claims.claim import Claim, to_frame
from gradient_atlas.claims.sources_page import (
    Sentence,
    names,
    parts_of,
    read_sentences,
    rolled_up,
    to_markdown,
    unnamed,
)
from gradient_atlas.claims.verdict import IDENTITY, NOT_MEASURED, REFUTED, SUPPORTED, UNDECIDED

ROOT = Path(__file__).parents[1]
SENTENCES, BEYOND = read_sentences()


def sentence(*claims, reason=""):
    return Sentence("V1.1", "V: a title", "1. a section", "It grows.", claims, reason)


def claim(name, values, **more):
    return Claim(name, "V", "it grows", "here", "growth", values, **({"lower": 0.0} | more))


def recorded():
    with (ROOT / "tests/recorded_verdicts.csv").open(newline="") as file:
        return [row["claim"] for row in csv.DictReader(file)]


def test_sentences_stand_in_order_with_a_key_each():
    keys = [one.key for one in SENTENCES]
    assert len(set(keys)) == len(keys) > 90
    assert [key[0] for key in keys] == sorted([key[0] for key in keys], reverse=True)
    assert len({one.text for one in SENTENCES}) == len(keys)


def test_every_recorded_claim_is_of_some_sentence():
    assert unnamed(recorded(), SENTENCES, BEYOND) == []
    assert unnamed(["of-nothing/part"], SENTENCES, BEYOND) == ["of-nothing/part"]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([SUPPORTED, SUPPORTED], SUPPORTED),
        ([SUPPORTED, NOT_MEASURED], SUPPORTED),
        ([REFUTED], REFUTED),
        ([REFUTED, SUPPORTED, UNDECIDED], "in part"),
        ([SUPPORTED, UNDECIDED], UNDECIDED),
        ([IDENTITY, IDENTITY], "by definition"),
        ([IDENTITY, REFUTED], REFUTED),
        ([NOT_MEASURED], NOT_MEASURED),
        ([], NOT_MEASURED),
    ],
)
def test_one_verdict_of_many(verdicts, expected):
    assert rolled_up(sentence("a"), verdicts) == expected
    assert rolled_up(sentence(reason="a definition"), verdicts) == "no verdict"


def test_a_sentence_has_claims_or_a_reason():
    for wrong in ({"claims": ()}, {"claims": ("a",), "reason": "a definition"}):
        with pytest.raises(ValueError, match=r"V1\.1"):
            Sentence("V1.1", "V", "1", "It grows.", **wrong)


def test_names_of_claims():
    assert names("a", "a") and names("a", "a/b") and names("a/b", "a/b") and names("a/b-*", "a/b-c")
    assert not names("a/b", "a/c") and not names("a", "ab/c") and not names("a/b", "a")


def test_the_page_shows_the_verdict_first_and_the_parts_below():
    frame = to_frame({"growth": [claim("a/x", [1.0, 1.1]), claim("b", [1.0]), claim("a/y", [])]})
    sentences = [sentence("a", "c"), sentence(reason="a definition"), sentence("c")]
    page = to_markdown(sentences, ["b"], frame, "gallery/{}.png")
    assert list(parts_of(sentences[0], frame).claim) == ["a/x", "a/y"]
    assert page.index("[growth](gallery/growth.png)") < page.index("- `a/x`")
    for part in (
        "Of 3 sentences",
        "**no verdict**: a definition.",
        "the configuration has no run",
        "## Beyond the sources",
    ):
        assert part in page
    assert to_markdown(sentences, [], frame.iloc[:0], "gallery/{}.png")
    assert isinstance(frame, pd.DataFrame)
