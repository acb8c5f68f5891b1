"""Small data sets in the formats of the published ones, for tests."""

import hashlib
import io
import struct
import tarfile
from dataclasses import replace

import numpy as np

from gradient_atlas.datasets.fetch import Patience, RawFile
from gradient_atlas.datasets.formats import CIFAR10_ARCHIVE, IDX_FILES
from gradient_atlas.datasets.published import CIFAR10, MNIST, Published

AT_ONCE = Patience(silence=5, attempts=3, back_off=0, total=60)


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">i", n) for n in array.shape)
    return header + array.tobytes()


def small_mnist() -> tuple[Published, dict[str, bytes]]:
    """MNIST with 40 training and 10 test images of random pixels: description and raw files."""
    generator = np.random.default_rng(1)
    arrays = [
        generator.integers(0, 256, (40, 28, 28), dtype=np.uint8),
        np.arange(40, dtype=np.uint8) % 10,
        generator.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        np.arange(10, dtype=np.uint8),
    ]
    raw = {name: idx_bytes(array) for name, array in zip(IDX_FILES, arrays, strict=True)}
    files = tuple(RawFile(n, len(b), hashlib.sha256(b).hexdigest()) for n, b in raw.items())
    return replace(MNIST, files=files, train_examples=40, test_examples=10, package=None), raw


def python_2_batch(rows: np.ndarray, labels: list[int]) -> bytes:
    """A CIFAR-10 batch as Python 2 and its NumPy pickled it (protocol 2, byte strings)."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        b"(K\x01" + integer(rows.shape[0]) + integer(rows.shape[1]) + b"\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + struct.pack("<i", rows.size) + rows.tobytes() + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    entries = text(b"batch_label") + text(b"a batch") + text(b"labels") + numbers
    return b"\x80\x02}(" + entries + text(b"data") + array + b"u."


def archive_of(batches: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def small_cifar10() -> tuple[Published, bytes, np.ndarray]:
    """CIFAR-10 with 5 batches of 10 and a test batch of 10: description, archive, all rows."""
    rows = np.random.default_rng(2).integers(0, 256, (60, 3072), dtype=np.uint8)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    content = archive_of(
        {
            name: python_2_batch(rows[10 * i : 10 * i + 10], list(range(10)))
            for i, name in enumerate(names)
        }
    )
    digest = hashlib.sha256(content).hexdigest()
    file = RawFile(CIFAR10_ARCHIVE, len(content), digest, gzipped=False)
    return replace(CIFAR10, files=(file,), train_examples=50, test_examples=10), content, rows
