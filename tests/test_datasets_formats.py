"""A user's .npz file and the published formats: what is read, and what is refused."""

import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_fixtures import archive_of, idx_bytes, python_2_batch
from gradient_atlas.datasets.formats import CIFAR10_ARCHIVE, decode_cifar10, parse_idx
from gradient_atlas.datasets.load import load
from gradient_atlas.datasets.prepare import prepare, read_npz, training_rows
from gradient_atlas.errors import InputError


def test_npz_of_bytes_and_of_floats(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (20, 5, 5, 3), dtype=np.uint8)
    labels = np.arange(20, dtype=np.int16) % 2
    np.savez(tmp_path / "bytes.npz", images=pixels, labels=labels)
    np.savez_compressed(tmp_path / "floats.npz", images=pixels / np.float32(255), labels=labels)
    for name in ("bytes", "floats"):
        prepare(str(tmp_path / f"{name}.npz"), tmp_path / name)
    a, b = (load(tmp_path / name, torch.float64) for name in ("bytes", "floats"))
    assert torch.equal(a.train_inputs, b.train_inputs) and a.sha256 == b.sha256
    assert a.train_inputs.shape == (16, 75) and sorted(a.test_labels.tolist()) == [0, 0, 1, 1]
    assert json.loads((tmp_path / "bytes" / "dataset.json").read_text())["name"] == "bytes"


IMAGES = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
LABELS = np.arange(10) % 2


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"images": IMAGES}, "two arrays.*labels is missing"),
        ({"x": IMAGES, "labels": LABELS}, "two arrays.*images is missing"),
        ({"images": IMAGES[0], "labels": LABELS}, r"\(N, H, W\)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, r"\(N, H, W\)"),
        ({"images": IMAGES.astype(np.int64), "labels": LABELS}, "uint8, or floats"),
        ({"images": IMAGES.astype(float), "labels": LABELS}, "0 to 1"),
        ({"images": IMAGES * np.nan, "labels": LABELS}, "0 to 1"),
        ({"images": IMAGES, "labels": LABELS[:9]}, r"\(10,\) integers"),
        ({"images": IMAGES, "labels": LABELS.astype(float)}, "integers"),
        ({"images": IMAGES, "labels": LABELS - 1}, "0 to K - 1"),
        ({"images": IMAGES, "labels": LABELS * 5}, "0 to K - 1"),
        ({"images": IMAGES, "labels": LABELS * 0}, "0 to K - 1"),
        ({"images": IMAGES, "labels": np.array([print] * 10)}, "numbers"),
    ],
)
def test_npz_that_is_wrong(tmp_path: Path, arrays: dict[str, np.ndarray], reason: str) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"mine.npz: .*{reason}"):
        prepare(str(tmp_path / "mine.npz"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]
    if "0 to 1" not in reason:  # what all pixels are is not looked at while a build is planned
        with pytest.raises(InputError, match=f"mine.npz: .*{reason}"):
            training_rows(str(tmp_path / "mine.npz"))


def test_npz_cannot_take_the_name_of_another_data_set(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", images=IMAGES, labels=LABELS)
    with pytest.raises(InputError, match="another data set's name"):
        prepare(str(tmp_path / "mine.npz"), tmp_path / "mnist")


def test_npz_with_too_few_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", images=IMAGES[:4], labels=LABELS[:4])
    with pytest.raises(InputError, match="at least 3"):
        prepare(str(tmp_path / "mine.npz"), tmp_path / "out")


@settings(max_examples=60)
@given(data=st.data())
def test_npz_of_damaged_bytes_is_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=IMAGES, labels=LABELS)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        images, labels = read_npz(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert images.dtype == np.uint8 and labels.dtype == np.int64


@given(shape=st.lists(st.integers(0, 4), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_idx_gives_back_what_was_written(shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(parse_idx(idx_bytes(array), "a"), array)
    with pytest.raises(InputError, match="do not fit"):
        parse_idx(idx_bytes(array) + b"x", "a")


@given(head=st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03"]), tail=st.binary(max_size=40))
def test_idx_of_any_bytes_is_an_array_or_an_input_error(head: bytes, tail: bytes) -> None:
    try:
        array = parse_idx(head + tail, "a")
    except InputError:
        return
    assert array.nbytes + 4 + 4 * array.ndim == len(head + tail)


def test_cifar10_pickles_build_arrays_alone(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    evil = b"\x80\x02cpathlib\nPath\nX" + struct.pack("<i", len(str(touched)))
    evil += str(touched).encode() + b"\x85R."
    array = pickle.dumps({"labels": [1], "data": np.zeros((1, 3071), dtype=np.uint8)}, 2)
    for batch, reason in (
        (evil, "no place in a data set"),
        (array, "no place in a data set"),  # Python 3 writes other names than the published file
        (python_2_batch(np.zeros((1, 5), dtype=np.uint8), [1]), r"must be uint8 \(N, 3072\)"),
        (b"\x80\x02}.", "data"),
        (b"\x80\x02]q", "data_batch_1"),
        (b"", "data_batch_1"),
    ):
        content = archive_of({"data_batch_1": batch})
        with pytest.raises(InputError, match=reason):
            decode_cifar10({CIFAR10_ARCHIVE: content})
    with pytest.raises(InputError, match="must hold data_batch_1"):
        decode_cifar10({CIFAR10_ARCHIVE: archive_of({})})
    with pytest.raises(InputError, match="must hold data_batch_1"):
        decode_cifar10({CIFAR10_ARCHIVE: b"no archive"})
