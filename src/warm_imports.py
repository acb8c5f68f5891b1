"""One process that has imported the numerical libraries; scripts' warm processes are forks of it.

A build has some twenty scripts of which each does one job, and importing torch takes longer than a
few of them compute. The first asks for this process, which stays as long as the build does; each
script's warm process (``warm_start``) begins as a fork of it. Of drawing it knows nothing: it has
torch, and drawing has none. Where it cannot be had, a warm process starts by itself.
"""

import array
import contextlib
import gc
import hashlib
import importlib
import json
import os
import runpy
import socket
import sys
import time
from pathlib import Path

import warm_start

LIBRARIES = (
    "torch",
    "pandas",
    "pyarrow.parquet",
    "scipy.integrate",
    "scipy.optimize",
    "scipy.sparse.linalg",
)
# What the names of scripts begin with that compute.
COMPUTING = ("measure", "predict", "scan", "simulate", "tabulate", "train")

_SOURCE = Path(__file__).resolve().parent
_CODE = "import sys; sys.path[0] = sys.argv[1]; import warm_imports; warm_imports.serve()"


def start(script: str, listener: socket.socket) -> None:
    """Have a process begin that serves jobs of this script at ``listener``."""
    if Path(script).stem.split("_")[0] in COMPUTING:
        with contextlib.suppress(OSError), _connection() as connection:
            fds = array.array("i", [listener.fileno()])
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)
            connection.sendmsg([json.dumps(script).encode()], [rights])
            if connection.recv(1):
                return
    warm_start.start(script, listener)


def _connection() -> socket.socket:
    """A connection to the process of this environment, started if need be."""
    parts = [str(_SOURCE), sys.executable, str(Path.cwd()), sorted(os.environ.items())]
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    place = Path(os.environ[warm_start.FOLDER], f"imports-{key}")
    words = [sys.executable, "-c", _CODE, str(_SOURCE)]
    return warm_start.connect(place, lambda listener: warm_start.launch(words, listener))


def serve() -> None:
    """Import, and fork for every script that is asked for, until the build is over."""
    listener = socket.socket(fileno=int(os.environ.pop(warm_start.LISTENER)))
    alive = os.open(
        Path(os.environ[warm_start.FOLDER], warm_start.ALIVE), os.O_RDONLY | os.O_NONBLOCK
    )
    importlib.import_module("gradient_atlas.arithmetic").pin()
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()
    files = warm_start.source_files()
    while warm_start.readable([listener.fileno()], alive, None):
        connection, _ = listener.accept()
        if files != warm_start.source_files():
            break  # who asks starts by itself
        message, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(4))
        (descriptor,) = array.array("i", ancillary[0][2])
        if os.fork() == 0:
            os.setsid()
            listener.close()
            connection.close()
            os.close(alive)
            os.environ[warm_start.LISTENER] = str(descriptor)
            warm_start.started = time.time()  # what the script imports is read from now on
            script = json.loads(message)
            sys.argv = [script]
            try:
                runpy.run_path(script, run_name="__main__")
            finally:
                os._exit(1)  # it serves until it ends by itself
        os.close(descriptor)
        connection.sendall(b"+")
        connection.close()
        warm_start.reap()
    os._exit(0)
