"""Progress lines of a long job, for people who watch its log; never part of an output."""

import sys
import time
from collections.abc import Callable
from typing import TextIO


class Progress:
    """One line at the start, about one every ``interval`` seconds, and one at the end.

    ``first_step`` is more than 0 where a run goes on from its checkpoint.
    ``clock`` returns seconds and ``stream`` (stderr) takes the lines; tests replace both.
    """

    def __init__(
        self,
        label: str,
        total_steps: int,
        first_step: int = 0,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        self.label = label
        self.total_steps = total_steps
        self.first_step = first_step
        self.interval = interval
        self._clock = clock
        self._stream = sys.stderr if stream is None else stream
        self._start = self._last = clock()
        begins = f"goes on at step {first_step} of" if first_step else "start,"
        self._write(f"{begins} {total_steps} steps")

    def is_due(self) -> bool:
        """Whether ``interval`` seconds have passed since the last line."""
        return self._clock() - self._last >= self.interval

    def report(self, step: int, loss: float) -> None:
        """Write step, loss and the time left at the mean speed so far."""
        self._last = self._clock()
        elapsed = self._last - self._start
        done = step - self.first_step
        left = f"{elapsed / done * (self.total_steps - step):.0f} s" if done else "?"
        self._write(f"step {step} of {self.total_steps}, loss {loss:.4g}, {left} left")

    def finish(self, step: int, status: str) -> None:
        """Write the last line: steps done, status (``ok`` or ``diverged``), seconds taken."""
        self._write(f"{status} after {step} steps, {self._clock() - self._start:.0f} s")

    def _write(self, text: str) -> None:
        print(f"{self.label}: {text}", file=self._stream, flush=True)
