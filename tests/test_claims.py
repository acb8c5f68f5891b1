"""Verdicts: a wrong one is worse than none."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gradient_atlas.claims.claim import Claim, to_frame
from gradient_atlas.claims.page import allowed_text, changed_verdicts, measured_text, to_markdown
from gradient_atlas.claims.verdict import (
    CONFIDENCE,
    ENOUGH,
    KINDS,
    interval,
    seeds_to_decide,
    verdict,
)

INF, NAN = math.inf, math.nan


def claim(values, lower=-math.inf, upper=1.0, **more):
    return Claim("id", "V1", "It stays below one.", "always", "it", values, lower, upper, **more)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1, 0.11, 0.12, 0.1, 0.11], "supported"),
        ([2.0, 2.01, 2.02, 2.0, 2.01], "refuted"),
        ([0.9, 1.1, 1.0, 0.95, 1.05], "undecided"),  # the interval holds the bound
        ([0.1, 0.9], "undecided"),  # two seeds leave 318 standard errors of room
        ([INF, INF], "refuted"),  # diverged: larger than any bound
        ([INF, 0.1, 0.1], "undecided"),
        ([-INF, -INF, -INF], "undecided"),  # what is not finite never supports a sentence
        ([], "not measured"),
        ([0.1], "undecided"),  # a single seed
        ([NAN, NAN], "not measured"),
        ([0.1, 0.1, NAN], "undecided"),  # a missing seed
        ([1.0, 1.0], "supported"),  # a bound belongs to its interval
    ],
)
def test_the_interval_of_the_mean_decides(values, expected):
    assert claim(values).verdict == expected


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("exact", [0.5], "supported"),
        ("exact", [], "not measured"),
        ("exact", [INF], "refuted"),
        ("identity", [0.5], "identity"),
        ("identity", [1.5], "refuted"),
        ("every", [0.5] * ENOUGH, "supported"),
        ("every", [0.5] * (ENOUGH - 1), "undecided"),
        ("every", [0.5] * ENOUGH + [1.5], "refuted"),
        ("some", [0.5, 0.9], "supported"),
        ("some", [0.5], "undecided"),
        ("some", [0.5, 1.5], "undecided"),  # another seed does not show it
        ("some", [1.5, 1.5], "refuted"),
    ],
)
def test_each_kind_has_its_own_rule(kind, values, expected):
    assert claim(values, kind=kind).verdict == expected


def test_the_interval_is_students():
    values = [0.3, 0.7, 1.1, 0.2]
    expected = stats.t.interval(CONFIDENCE, 3, np.mean(values), stats.sem(values))
    assert interval("mean", values) == pytest.approx(expected)


values_of_seeds = st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=2, max_size=8)


@given(values_of_seeds, st.floats(-5, 5), st.integers(2, 5), st.sampled_from(KINDS))
def test_more_seeds_of_the_same_kind_always_decide_more(values, bound, times, kind):
    found = verdict(kind, values, -INF, bound)
    assert verdict(kind, values * times, -INF, bound) in (
        {found} if found != "undecided" else {"undecided", "supported", "refuted"}
    )


@given(values_of_seeds, st.floats(-5, 5))
def test_the_seeds_that_would_decide_do(values, bound):
    if verdict("mean", values, -INF, bound) != "undecided":
        return
    needed = seeds_to_decide("mean", values, -INF, bound)
    if math.isinf(needed):
        return
    middle, deviation = np.mean(values), np.std(values, ddof=1)
    signs = np.resize([1.0, -1.0], int(needed) + int(needed) % 2)
    more = middle + signs * deviation * math.sqrt((len(signs) - 1) / len(signs))
    assert verdict("mean", more, -INF, bound) != "undecided"


@given(st.lists(st.floats(allow_nan=True), max_size=6), st.floats(-5, 5), st.floats(-5, 5))
def test_a_verdict_is_never_against_its_values(values, one, other):
    lower, upper = sorted((one, other))
    for kind in KINDS:
        found = verdict(kind, values, lower, upper)
        inside = [lower <= value <= upper for value in values]
        if found in ("supported", "identity"):
            assert any(inside) and not any(math.isinf(v) for v in values)
            # An identity says nothing of a run that is not there.
            assert found == "identity" or not any(math.isnan(v) for v in values)
        if found == "refuted":
            assert not all(inside)


def test_a_claim_that_nothing_could_refute_is_none():
    with pytest.raises(ValueError, match="refute"):
        claim([1.0], upper=INF)
    with pytest.raises(ValueError, match="nothing"):
        claim([1.0], lower=2.0, upper=1.0)
    with pytest.raises(ValueError, match="kind"):
        claim([1.0], kind="perhaps")


def test_rows_hold_what_was_measured_and_how_near_it_is_to_flipping():
    row = to_frame({"figure": [claim([0.1, 0.3], kind="every")]}).iloc[0]
    assert (row.measured, row.samples, row.verdict) == (pytest.approx(0.2), 2, "undecided")
    assert row.spread == pytest.approx(0.1 * math.sqrt(2))
    assert (row.interval_low, row.interval_high) == (0.1, 0.3)
    assert (row.margin, row.seeds_to_decide) == (pytest.approx(0.7), ENOUGH)
    refuted = claim([2.0, 2.5], kind="some").row("f")
    assert refuted["margin"] == pytest.approx(1.0)
    assert claim([INF, 1.0]).row("f")["measured"] == INF
    with pytest.raises(ValueError, match="twice"):
        to_frame({"figure": [claim([0.1]), claim([0.2])]})


def test_a_changed_new_or_lost_verdict_is_told():
    frame = to_frame({"figure": [claim([0.1], kind="exact")]})
    assert changed_verdicts(frame, {"id": "supported"}) == []
    (line,) = changed_verdicts(frame, {"id": "refuted"})
    assert "supported, recorded as refuted" in line
    assert "measured 0.1" in line
    assert len(changed_verdicts(frame, {"gone": "refuted"})) == 2


def test_the_page_holds_sentence_bounds_flips_and_remark():
    frame = to_frame({"figure": [claim([2.0, 2.1, 2.0, 2.1], remark="It grows instead.")]})
    page = to_markdown(frame)
    for words in (
        "0 supported, 1 refuted",
        "It stays below one.",
        "at most 1",
        "99.8 % confidence",
        "less than 1.755 refutes it",
        "It grows instead",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (-INF, np.nextafter(0.0, -1.0), "less than 0"),
        (np.nextafter(0.0, 1.0), INF, "more than 0"),
        (-INF, 0.0, "at most 0"),
        (0.5, INF, "at least 0.5"),
        (0.0, 1.0, "0 to 1"),
    ],
)
def test_bounds_are_written_as_one_reads_them(lower, upper, said):
    assert allowed_text(pd.Series({"lower": lower, "upper": upper})) == said


def test_a_page_shows_the_range_of_what_its_cases_decide_one_by_one():
    """Two rates of one claim had a mean and a standard deviation, which is of no seeds."""
    shared = {"source": "s", "statement": "t", "condition": "c", "quantity": "q", "lower": 2.0}
    cases = [
        Claim(claim=kind, values=[73.0, 5000.0], kind=kind, **shared) for kind in ("exact", "mean")
    ]
    exact, mean = (row for _, row in to_frame({"figure": cases}).iterrows())
    assert measured_text(exact) == "73 to 5000"
    assert measured_text(mean) == "2536 (s.d. 3.5e+03)"


def test_equal_values_have_no_spread_whatever_their_rounding():
    """The standard deviation of three values of 0.8 is 1.4e-16."""
    assert verdict("mean", [0.8] * 3, -INF, 0.8) == "supported"
    assert interval("mean", [0.8] * 3) == (0.8, 0.8)


def test_an_identity_holds_of_the_runs_that_are_there():
    assert verdict("identity", [0.0, NAN, 0.0], -INF, 0.0) == "identity"
    assert verdict("identity", [0.0, 1.0], -INF, 0.0) == "refuted"  # then the code is wrong
    assert verdict("every", [0.0, NAN, 0.0], -INF, 0.0) == "undecided"
