"""Which runs of a sweep share one job of a cluster, and how long it asks for."""

import math
from collections.abc import Mapping

# Long enough that waiting in a queue and starting Snakemake twice do not matter, short enough that
# a sweep spreads over many nodes.
SECONDS_A_JOB = 300
LARGEST = 250  # runs in a job, since Snakemake's time for a group grows with its square
START_SECONDS = 0.2  # of a run beside others in one job
# What an estimate may be wrong by, with a slower processor.
SAFETY = 10


def bundles(seconds: Mapping[str, float], runs_per_job: int | None) -> dict[str, int]:
    """Return the number of the job that each run belongs to.

    Runs stay in the sweep's order. A run's bundle depends on the sweep alone, not on which of its
    runs are still to be computed: those that are done are left out of their job.

    Args:
        seconds: how long each run takes.
        runs_per_job: how many to a job; None: as many as take ``SECONDS_A_JOB``, at most
            ``LARGEST``.
    """
    found: dict[str, int] = {}
    number, filled = 0, 0.0
    for run, needed in seconds.items():
        share = max((needed + START_SECONDS) / SECONDS_A_JOB, 1 / LARGEST)
        share = 1 / runs_per_job if runs_per_job else share
        if filled and filled + share > 1 + 1e-9:
            number, filled = number + 1, 0.0
        found[run] = number
        filled += share
    return found


def minutes(seconds: float) -> int:
    """Whole minutes to ask a cluster for, for a run that is estimated to take so long."""
    return max(1, math.ceil(SAFETY * seconds / 60))
