"""Read a prepared data set as standardised tensors."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradient_atlas.datasets.store import ARRAYS, DESCRIPTION, sha256
from gradient_atlas.errors import DamagedFileError, InputError

_ROWS = 1024


@dataclass(frozen=True)
class Data:
    """A data set, ready for training.

    Attributes:
        train_inputs: (N, d), pixels in [0, 1] minus ``mean`` over ``standard_deviation`` of
            dataset.json, each image flattened row by row (channels last).
        train_labels: (N,), int64, values 0 to ``classes`` - 1.
        test_inputs: (M, d), standardised with the numbers of the training images.
        test_labels: (M,), int64.
        classes: number of classes.
        sha256: one digest (hex) of the four stored arrays, whatever ``examples`` was.
    """

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    classes: int
    sha256: str

    @property
    def facts(self) -> dict[str, int]:
        """What a table made from these rows must say, so that nothing has to assume it."""
        return {
            "classes": self.classes,
            "training_rows": len(self.train_labels),
            "test_rows": len(self.test_labels),
        }


def load(folder: Path, dtype: torch.dtype, examples: int | None = None) -> Data:
    """Load the data set in ``folder``, its first ``examples`` training rows (None: all).

    The stored arrays are memory-mapped; only the rows asked for become tensors. Rows lie in a
    fixed random order, so the first ones are a random sample. Where dataset.json says a
    ``perturbation`` p, each input is multiplied by 1 + p u, u uniform in ±1, always the same: what
    is concluded from these data must not hang on it.

    Raises:
        InputError: the folder holds no whole data set, a file is not the one that was written, or
            there are fewer than ``examples`` training rows.
    """
    folder = Path(folder)
    description = _read_description(folder)
    arrays = {array: _map(folder / f"{array}.npy", description) for array in ARRAYS}
    available = len(arrays["train_labels"])
    if examples is not None and not 1 <= examples <= available:
        raise InputError(
            f"training_examples: {examples} is wrong; "
            f"{description['name']} has 1 to {available} training rows to give"
        )
    p = description.get("perturbation", 0.0)
    # A pixel has 256 values: a table of them, computed in float64, spares every large temporary.
    pixels = np.arange(256) / 255
    standardised = (pixels - description["mean"]) / description["standard_deviation"]
    table = torch.from_numpy(standardised).to(dtype).numpy()
    return Data(
        train_inputs=_standardise(arrays["train_images"][:examples], table, p),
        train_labels=torch.from_numpy(arrays["train_labels"][:examples].copy()),
        test_inputs=_standardise(arrays["test_images"], table, p),
        test_labels=torch.from_numpy(arrays["test_labels"].copy()),
        classes=description["classes"],
        sha256=hashlib.sha256(
            json.dumps(
                description["sha256"] | ({"perturbation": p} if p else {}), sort_keys=True
            ).encode()
        ).hexdigest(),
    )


def _standardise(images: np.ndarray, table: np.ndarray, perturbation: float) -> Tensor:
    rows = images.reshape(len(images), -1)
    inputs = np.empty(rows.shape, dtype=table.dtype)
    generator = np.random.default_rng(0)
    for start in range(0, len(rows), _ROWS):
        # NumPy makes eight bytes of each index: in blocks, that stays small beside the inputs.
        block = table[rows[start : start + _ROWS]]
        if perturbation:
            block = block * (1 + perturbation * generator.uniform(-1, 1, block.shape))
        inputs[start : start + _ROWS] = block
    return torch.from_numpy(inputs)


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        known = {"name", "classes", "mean", "standard_deviation", "sha256"} <= set(description)
    except FileNotFoundError:
        raise InputError(f"{path}: missing; write it with src/prepare_dataset.py") from None
    except (ValueError, OSError, TypeError) as error:
        reason = f"{path}: unreadable ({error}); prepare the data set again"
        raise DamagedFileError(reason, path) from None
    if not known:
        raise DamagedFileError(f"{path}: incomplete; prepare the data set again", path)
    return description


def _map(path: Path, description: dict[str, Any]) -> np.ndarray:
    """Memory-map an array after its bytes were compared with what was written.

    Comparing 55 MB (MNIST) takes 0.04 s; a pixel gone wrong would otherwise be trained on.
    """
    try:
        intact = sha256(path) == description["sha256"].get(path.name)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; prepare the data set again") from None
    if not intact:
        reason = f"{path}: not the bytes that were prepared; prepare the data set again"
        raise DamagedFileError(reason, path)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def image_shape(folder: Path) -> tuple[int, int, int]:
    """(channels, rows, columns) of a prepared data set."""
    shape = np.load(folder / "train_images.npy", mmap_mode="r", allow_pickle=False).shape[1:]
    return (*shape[2:], *shape[:2]) if len(shape) == 3 else (1, *shape)


def as_images(inputs: Tensor, shape: Sequence[int]) -> Tensor:
    """(N, d) of a loaded data set to (N, channels, rows, columns); ``shape`` of ``image_shape``."""
    channels, rows, columns = shape
    return inputs.reshape(-1, rows, columns, channels).movedim(-1, 1).contiguous()
