"""How a data set lies on disk: four .npy arrays and dataset.json, the same bytes on every run."""

import hashlib
import json
import math
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from gradient_atlas.errors import InputError

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
DESCRIPTION = "dataset.json"
_SEED = 0  # of every split and shuffle: a data set is one fixed thing, no parameter of a run
_ROWS = 1024  # of images worked on at a time


@dataclass(frozen=True)
class Images:
    """Labelled images, divided into training and test rows.

    Attributes:
        train_images: (N, H, W) or (N, H, W, C), uint8.
        train_labels: (N,), int64, values 0 to classes - 1.
        test_images: (M, H, W) or (M, H, W, C), uint8.
        test_labels: (M,), int64.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def shuffle_training_rows(images: Images) -> Images:
    """Return the images with the training rows in a fixed random order.

    The first n rows are then a random sample of the training set, whatever order its source has.
    """
    order = np.random.default_rng(_SEED).permutation(len(images.train_labels))
    return Images(
        images.train_images[order],
        images.train_labels[order],
        images.test_images,
        images.test_labels,
    )


def split(images: np.ndarray, labels: np.ndarray) -> Images:
    """Divide labelled images into four fifths for training and one fifth for testing.

    The split is fixed and stratified: of the n rows of a class, n / 5 rounded to the nearest
    integer are drawn for testing. Test rows keep their order, training rows are shuffled.

    Raises:
        InputError: no class has the three rows that make one test row.
    """
    generator = np.random.default_rng(_SEED)
    is_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        is_test[generator.permutation(rows)[: test_rows_of(len(rows))]] = True
    if not is_test.any():
        raise InputError(f"labels: {len(labels)} rows are too few; a class must have at least 3")
    return shuffle_training_rows(
        Images(images[~is_test], labels[~is_test], images[is_test], labels[is_test])
    )


def test_rows_of(rows: int) -> int:
    """How many of a class's rows ``split`` draws for testing: a fifth, to the nearest integer."""
    return (2 * rows + 5) // 10


def pixel_statistics(images: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of all pixel values of uint8 images, scaled to [0, 1].

    Computed from the histogram in integers: exact before the last rounding, in any row order.
    """
    histogram = np.zeros(256, dtype=np.int64)
    for start in range(0, len(images), _ROWS):  # bincount makes eight bytes of each pixel
        histogram += np.bincount(images[start : start + _ROWS].reshape(-1), minlength=256)
    counts = [int(count) for count in histogram]
    n = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    total_of_squares = sum(value * value * count for value, count in enumerate(counts))
    mean = Fraction(total, 255 * n)
    variance = Fraction(n * total_of_squares - total * total, (255 * n) ** 2)
    return float(mean), math.sqrt(variance)


def write(name: str, source: str, images: Images, folder: Path, perturbation: float = 0.0) -> None:
    """Write the data set into ``folder``; it appears whole or not at all and replaces an old one.

    ``source`` says in words what the data are. It names no address or path: the bytes are the same
    wherever the files were fetched from. ``perturbation`` is for ``load``, which see; the images
    themselves are stored as they are.

    Raises:
        InputError: the training images have a single pixel value, so cannot be standardised.
    """
    mean, standard_deviation = pixel_statistics(images.train_images)
    if standard_deviation == 0:
        raise InputError(f"{name}: every training pixel has the same value; they must differ")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        whole = Path(temporary) / "new"
        whole.mkdir()
        for array in ARRAYS:
            np.save(whole / f"{array}.npy", np.ascontiguousarray(getattr(images, array)))
        description = {
            "name": name,
            "source": source,
            "classes": int(images.train_labels.max()) + 1,
            "image_shape": list(images.train_images.shape[1:]),
            "mean": mean,
            "standard_deviation": standard_deviation,
            "sha256": {f"{array}.npy": sha256(whole / f"{array}.npy") for array in ARRAYS},
        }
        if perturbation:
            description["perturbation"] = perturbation
        text = json.dumps(description, indent=2, sort_keys=True) + "\n"
        (whole / DESCRIPTION).write_text(text, encoding="utf-8")
        if folder.is_dir() and not folder.is_symlink():
            folder.rename(Path(temporary) / "old")  # a rename cannot replace a filled folder
        elif folder.exists():
            raise InputError(f"{folder}: is no folder; the data set needs a folder of its own")
        whole.rename(folder)


def sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
