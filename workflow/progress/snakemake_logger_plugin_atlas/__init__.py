"""What `make` shows of a build: one line of progress, and of a failed job its own error, once.

A logger plugin of Snakemake, which finds it by its name on PYTHONPATH. The log file below
.snakemake/log keeps everything that Snakemake has to say.
"""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import snakemake
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

SECONDS_BETWEEN = 20.0  # two lines where the output is no terminal
EXPERIENCE = 60.0  # seconds for which the first estimate stands against what is seen
MOST_LINES = 20  # of a failed job's log
# What Snakemake says of a failure besides the job's own error.
_KNOWN = (
    "At least one job did not complete successfully",
    "Exiting because a job execution failed",
    "Shutting down, this might take some time",
    "Job failed, going on with independent jobs",
)


class LogHandler(LogHandlerBase):
    """Counts jobs, keeps one line up to date, and prints errors above it."""

    def __post_init__(self) -> None:
        """Start counting."""
        self.started = time.monotonic()
        self.shown = self.done = self.total = 0
        # Estimated seconds of each job that is to be done, where the workflow has said them.
        self.costs: dict[Any, float] = {}
        self.cost, self.cost_left, self.cores = 0.0, 0.0, 1
        self.last = -SECONDS_BETWEEN
        self.failed: set[Any] = set()
        self.said: set[str] = set()
        self.terminal = sys.stderr.isatty()
        self.width = 0

    @property
    def writes_to_stream(self) -> bool:
        """A dry run is printed by Snakemake itself."""
        return not self.common_settings.dryrun

    @property
    def writes_to_file(self) -> bool:
        """No: the log file is Snakemake's."""
        return False

    @property
    def has_filter(self) -> bool:
        """Yes: every record is looked at here."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Yes: the lines are made here."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """No."""
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record; never stop a build because of it."""
        if self.common_settings.dryrun:
            return
        try:
            self._note(record, getattr(record, "event", None))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Leave the last line complete."""
        if self.terminal and self.width:
            sys.stderr.write("\n")
            self.width = 0
        super().close()

    def _note(self, record: logging.LogRecord, event: Any) -> None:
        facts = vars(record)
        if event == LogEvent.PROGRESS:
            self.done, self.total = facts["done"], facts["total"]
            self._progress()
        elif event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            self._failure(facts)
        elif event in (None, LogEvent.ERROR) and record.levelno >= logging.WARNING:
            message = record.getMessage().strip()
            if facts.get("exception") == "WorkflowError":
                message = _said_to_the_user(message)
            known = not message or message == "None" or any(part in message for part in _KNOWN)
            if not known and message not in self.said and not message.startswith("Error in"):
                self.said.add(message)
                self._print(message)
        elif event is None and record.levelno == logging.INFO and not _is_snakemakes(record):
            if "costs" in facts:
                self.costs, self.cores = dict(facts["costs"]), facts["cores"]
                self.cost = self.cost_left = sum(self.costs.values())
                self.started = time.monotonic()
            self._print(record.getMessage())
        elif event == LogEvent.JOB_FINISHED:
            self.cost_left -= self.costs.pop(facts["job_id"], 0.0)

    def _progress(self) -> None:
        now = time.monotonic()
        if not self.terminal and now - self.last < SECONDS_BETWEEN and self.done < self.total:
            return
        self.last = now
        elapsed, left = now - self.started, None
        if self.cost:
            left = time_left(self.cost - self.cost_left, self.cost_left, self.cores, elapsed)
        line = progress_line(self.done, self.total, elapsed, time.time(), left)
        if self.failed:
            line += f", {len(self.failed)} failed"
        if self.terminal:
            sys.stderr.write("\r" + line.ljust(self.width))
            self.width = len(line)
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def _failure(self, facts: dict[str, Any]) -> None:
        job = facts.get("jobid", facts.get("groupid"))
        if job in self.failed:  # told again at the end
            return
        self.failed.add(job)
        logs = [Path(str(log)) for log in facts.get("log") or []]
        made = ", ".join(str(file) for file in list(facts.get("output") or [])[:1])
        name = facts.get("rule_name", "a group of jobs")
        where = f"; log: {logs[0]}" if logs else ""
        self._print(f"failed: {name} for {made}{where}" if made else f"failed: {name}{where}")
        # A job on this machine has shown its log by itself.
        if "external_jobid" in (facts.get("aux") or {}) or ">&2" not in str(facts.get("shellcmd")):
            for log in logs:
                if log.is_file() and (lines := log.read_text(errors="replace").splitlines()):
                    self._print("\n".join(lines[-MOST_LINES:]))

    def _print(self, text: str) -> None:
        before = "\r" + " " * self.width + "\r" if self.terminal and self.width else ""
        sys.stderr.write(f"{before}{text}\n")
        self.width = 0
        sys.stderr.flush()


def _is_snakemakes(record: logging.LogRecord) -> bool:
    """Whether Snakemake says it by itself, and not the workflow."""
    return Path(snakemake.__file__).parent in Path(record.pathname).parents


def _said_to_the_user(message: str) -> str:
    """A refusal's own words, without Snakemake's heading and the lines of code that refused."""
    lines = message.splitlines()
    own = [line for line in lines[lines[0].startswith("WorkflowError") :] if "  File " not in line]
    return "\n".join(own) or message


def time_left(done: float, left: float, cores: int, elapsed: float) -> float:
    """Return how long the jobs left take, by estimates that are mended as the build goes on.

    Args:
        done: estimated seconds of the jobs that are done.
        left: the same of those that are not.
        cores: how many jobs run beside each other.
        elapsed: seconds since the first began.
    """
    # Jobs that have begun are not done: what is said first counts as some seconds of experience.
    pace = (elapsed + EXPERIENCE) / (done / cores + EXPERIENCE)
    return max(0.0, pace * left / cores)


def progress_line(
    done: int, total: int, elapsed: float, now: float, left: float | None = None
) -> str:
    """Return how far a build is, and when it ends.

    Without ``left``, its seconds: if the jobs left take as long as those done.
    """
    line = f"{done} of {total} jobs done, {total - done} left"
    if done == total:
        return f"{line}, after {_duration(elapsed)}"
    if not done and left is None:
        return line
    left = elapsed * (total - done) / done if left is None else left
    end = time.strftime("%H:%M", time.localtime(now + left))
    return f"{line}; about {_duration(left)} more, until {end}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
