"""Which runs share a cluster job: all of them, in order, as many as time or number allows."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bundles import LARGEST, SAFETY, SECONDS_A_JOB, START_SECONDS, bundles, minutes
from gradient_atlas.runs.cost import estimated_seconds
from gradient_atlas.runs.feedforward import Run

seconds_of_runs = st.lists(st.floats(0, 2000), min_size=1, max_size=60).map(
    lambda seconds: {f"run={number}": value for number, value in enumerate(seconds)}
)


@given(seconds_of_runs, st.one_of(st.none(), st.integers(1, 100)))
def test_bundles_follow_each_other_and_each_is_full(seconds, runs_per_job):
    found = bundles(seconds, runs_per_job)
    numbers = list(found.values())
    assert list(found) == list(seconds)
    assert numbers[0] == 0
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(numbers))
    sizes = [numbers.count(number) for number in range(numbers[-1] + 1)]
    if runs_per_job:
        assert set(sizes[:-1]) <= {runs_per_job}
        assert sizes[-1] <= runs_per_job
    for number, size in enumerate(sizes):
        members = [seconds[run] for run in found if found[run] == number]
        if not runs_per_job and size > 1:
            assert sum(members) + size * START_SECONDS <= SECONDS_A_JOB * (1 + 1e-6)


def test_a_thousand_short_runs_are_few_jobs_and_long_ones_a_job_each():
    assert max(bundles({str(n): 0.05 for n in range(1000)}, None).values()) == 1000 / LARGEST - 1
    assert list(bundles({"a": 400.0, "b": 400.0}, None).values()) == [0, 1]


def test_a_cluster_is_asked_for_at_least_a_minute_and_for_more_than_the_estimate():
    assert minutes(0.01) == 1
    assert minutes(600) * 60 >= SAFETY * 600 / 1.01


def test_an_estimate_grows_with_what_is_computed():
    run = {"dataset": "digits", "depth": 20, "width": 64, "epochs": 5}
    base = estimated_seconds(Run(**run), 4000, 1)
    assert estimated_seconds(Run(**run), 4000, 3) == 3 * base
    for key, more in {"depth": 40, "width": 128, "epochs": 10, "precision": "float64"}.items():
        assert estimated_seconds(Run(**(run | {key: more})), 4000, 1) > base
    for key, less in {"max_steps": 10, "training_examples": 200, "epochs": 0}.items():
        assert estimated_seconds(Run(**(run | {key: less})), 4000, 1) < base
