"""The state of an unfinished run, in a file from which the same command goes on.

A loop asks before each step whether its state is due to be written, and writes all that the rest of
the run hangs on: the step, tensors, the optimizer, generators and the rows recorded so far. What
goes on from there computes bit for bit what would have been computed without an end.

The file is a line with the sha256 of what follows, and then what ``torch.save`` writes of tensors,
numbers, texts, lists and mappings alone: ``torch.load`` reads it without running anything. It is
not used if it is damaged, or was written for another run or by other code, libraries or arithmetic.
"""

import contextlib
import hashlib
import io
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from gradient_atlas.runs.extension import source_digests
from gradient_atlas.tables.files import left_by_killed_writers, written_whole
from gradient_atlas.tables.provenance import describe
from gradient_atlas.training.optimizers import Optimizer


class Checkpoint:
    """Keeps one run's state; as a context it removes the file once the block has done its work."""

    def __init__(
        self,
        file: Path | None = None,
        seconds: float = math.inf,
        made_by: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            file: where the state is kept; None: nowhere.
            seconds: from the start to the first writing, and from each to the next; inf: never.
            made_by: everything that makes the run's tables what they are: parameters (the files of
                a user's own functions among them are found by name), seeds, data.
            clock: returns seconds.
        """
        self._file, self._seconds, self._clock = file, seconds, clock
        self._due = math.inf if file is None else clock() + seconds
        self._made_by: dict[str, str] = {}
        if file is not None:
            self._made_by = describe(made_by or {}) | source_digests(made_by or {})

    def __enter__(self) -> "Checkpoint":
        """The block trains and writes the tables."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the file, unless an error ended the block."""
        if self._file is not None and kind is None:
            with contextlib.suppress(OSError):  # it is valid for this very run, and so does no harm
                for file in (self._file, *left_by_killed_writers(self._file)):
                    file.unlink(missing_ok=True)

    def is_due(self) -> bool:
        """Whether the state is to be written now."""
        return self._clock() >= self._due

    def read(self) -> dict[str, Any]:
        """The state to go on from; empty where there is none, said in a line if it is of no use."""
        if self._file is None or not self._file.exists():
            return {}
        try:
            digest, _, content = self._file.read_bytes().partition(b"\n")
            if hashlib.sha256(content).hexdigest().encode() != digest:
                raise ValueError("it is damaged")
            kept = torch.load(io.BytesIO(content), weights_only=True)
            made_by, state = kept["made_by"], kept["state"]
            if others := [key for key in self._made_by if made_by.get(key) != self._made_by[key]]:
                raise ValueError(f"it was written with other {', '.join(others)}")
        except Exception as error:  # whatever is wrong with it, the run can do without
            self._say(f"not used, the run starts anew: {' '.join(str(error).split())}")
            return {}
        self._say("the run goes on from this checkpoint")
        return dict(state)

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the file's state by this one; a disk that is full ends no run."""
        if self._file is None:
            return
        content = io.BytesIO()
        torch.save({"made_by": self._made_by, "state": dict(state)}, content)
        try:
            with written_whole(self._file) as temporary:
                digest = hashlib.sha256(content.getbuffer()).hexdigest()
                temporary.write_bytes(digest.encode() + b"\n" + content.getbuffer())
        except OSError as error:
            self._say(f"no checkpoint was written: {error.strerror}")
        self._due = self._clock() + self._seconds

    def _say(self, text: str) -> None:
        print(f"{self._file}: {text}", file=sys.stderr, flush=True)


NONE = Checkpoint()  # keeps nothing


def tensors_of(network: nn.Module) -> list[Tensor]:
    """All that a network keeps from one step to the next: parameters and buffers."""
    return [*network.parameters(), *network.buffers()]


def state_of(tensors: Sequence[Tensor], optimizer: Optimizer) -> dict[str, Any]:
    """What every loop keeps: these tensors, the optimizer, and torch's generator."""
    return {
        "tensors": [tensor.detach() for tensor in tensors],
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }


@torch.no_grad()
def put_back(state: Mapping[str, Any], tensors: Sequence[Tensor], optimizer: Optimizer) -> None:
    """Put what ``state_of`` gave into the same tensors and optimizer of a new process."""
    for tensor, kept in zip(tensors, state["tensors"], strict=True):
        tensor.copy_(kept)
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
