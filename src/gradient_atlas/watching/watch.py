"""Watch anybody's network while anybody's loop trains it: three lines, the project's own tables.

    with watch(model, (inputs, labels), path="watched", every=10) as watching:
        for ...:                    # your loop, with your optimizer
            watching.step()         # after each update

The table ``watched/modules.parquet`` is written when the block is left, also by an error.
"""

import math
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.modules import MODULES
from gradient_atlas.training import norms
from gradient_atlas.watching.probe import Loss, ModuleProbe


class watch:  # noqa: N801  it is used like a function
    """Measures a network before the first update and then after every so many.

    Attributes:
        rows: what was measured, a row a module and logged step (columns: ``MODULES``).
    """

    def __init__(
        self,
        model: nn.Module,
        batch: tuple[Any, Tensor],
        loss: Loss = functional.cross_entropy,
        path: str | Path | None = None,
        every: int = 10,
        seed: int = 0,
    ) -> None:
        """Watch ``model`` on the fixed ``batch`` of inputs and labels.

        Args:
            model: the network, in the mode (``train`` or ``eval``) in which it is trained.
            batch: what it is measured on; its size bounds the memory that watching needs.
            loss: of outputs and labels, a mean over the examples.
            path: folder to write ``modules.parquet`` into; None: ``table()`` is all there is.
            every: updates between two measurements.
            seed: what the column ``seed`` says.

        Raises:
            InputError: there is no weight to watch.
            ValueError: ``every`` below 1.
        """
        if every < 1:
            raise ValueError(f"every: {every} is wrong; it must be 1 or more")
        inputs, labels = batch
        self._probe = ModuleProbe(model, inputs, labels, loss)
        self._path, self._every, self._seed = path, every, seed
        self._made = 0
        self._before: dict[str, Tensor] = {}
        self.rows: list[dict[str, Any]] = []

    def __enter__(self) -> "watch":
        """Measure the network as it is."""
        self._measure()
        return self

    def step(self) -> None:
        """Say that an update was made."""
        self._made += 1
        if self._before:
            self._note_update()
        if self._made % self._every == 0:
            self._measure()

    def go_on(self, made: int, rows: list[dict[str, Any]]) -> None:
        """Say that the model is one after so many updates, before which ``rows`` were measured.

        To be called inside the block, where a training goes on from its checkpoint.
        """
        self._made, self.rows = made, rows
        if made % self._every:
            self._before = {}  # no update is to be noted, unlike after the measurement on entering

    def table(self) -> pd.DataFrame:
        """The rows so far, with the columns of ``MODULES``."""
        return pd.DataFrame(self.rows, columns=MODULES.names)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the table, whatever ended the loop."""
        if self._path is not None:
            made_by = {"run": {"every": self._every, "seed": self._seed}, "data": {}}
            write(MODULES, self.table(), Path(self._path) / "modules.parquet", made_by)

    def _measure(self) -> None:
        here = {"seed": self._seed, "step": self._made, "update_ratio": math.nan}
        self.rows += [here | row for row in self._probe.measure()]
        self._before = {name: w.detach().clone() for name, w in self._probe.weights.items()}

    @torch.no_grad()
    def _note_update(self) -> None:
        """What the update that was just made changed, in the rows measured before it."""
        rows = {row["module"]: row for row in self.rows if row["step"] == self._made - 1}
        for name, before in self._before.items():
            moved = self._probe.weights[name].to(torch.float64) - before.to(torch.float64)
            size, change = norms.norm(before), norms.norm(moved)
            rows[name]["update_ratio"] = change / size if size else math.nan
        self._before = {}


def lightning_callback(
    batch: tuple[Any, Tensor],
    loss: Loss = functional.cross_entropy,
    path: str | Path = "watched",
    every: int = 10,
) -> Any:
    """A Lightning callback that watches the module being fitted; options as for ``watch``.

    Lightning (``lightning.pytorch`` or ``pytorch_lightning``) must be installed for this alone.
    """
    try:
        from lightning.pytorch import Callback
    except ModuleNotFoundError:
        from pytorch_lightning import Callback

    class Watching(Callback):  # type: ignore[misc]
        """Begins with the fit, counts batches as updates, writes at the end or at an error."""

        def on_fit_start(self, trainer: Any, pl_module: nn.Module) -> None:
            device = next(pl_module.parameters()).device
            inputs, labels = batch
            moved = inputs.to(device) if isinstance(inputs, Tensor) else inputs
            self.watching = watch(pl_module, (moved, labels.to(device)), loss, path, every)
            self.watching.__enter__()

        def on_train_batch_end(self, *arguments: Any, **more: Any) -> None:
            self.watching.step()

        def on_fit_end(self, trainer: Any, pl_module: nn.Module) -> None:
            self.watching.__exit__(None, None, None)

        def on_exception(self, trainer: Any, pl_module: nn.Module, exception: Exception) -> None:
            self.watching.__exit__(type(exception), exception, None)

    return Watching()
