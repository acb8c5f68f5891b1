"""One warm process a script, so that a build's jobs start in milliseconds.

Importing torch or matplotlib takes one or two seconds, which is most of what a small job does. A
build that sets the environment variable ``FOLDER`` names a folder; there the first job of a script
leaves a process behind that has imported all the script imports, and each job is a fork of it: its
own process with its own arguments, output streams and end, whose crash hurts no other. A job is
whatever ``python src/train.py ...`` would have been: same imports, same environment, same folder.

A warm process takes no further job once a file of ``src/`` has changed, and ends after a minute
without one; it and its jobs end at once when the build is gone, however that happened, and a job
ends with the process that asked for it. Where none can be had, a script starts as it always did.
"""

import array
import atexit
import contextlib
import fcntl
import gc
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

FOLDER = "GRADIENT_ATLAS_WARM"  # set by a build: the folder of its sockets
LISTENER = "GRADIENT_ATLAS_WARM_LISTENER"  # set for a warm process: its listening socket
SECONDS_LIMIT = "GRADIENT_ATLAS_SECONDS_LIMIT"  # set by a build: how long a job may take; 0: ever
# Set by a build: minutes from one writing of a run's checkpoint to the next; inf: none is written.
CHECKPOINT_MINUTES = "GRADIENT_ATLAS_CHECKPOINT_MINUTES"
ALIVE = "alive"  # a pipe in the folder that the build, and nobody else, holds open for writing
IDLE_SECONDS = 60

Start = Callable[[str, socket.socket], None]  # of a script and its listening socket

_SOURCE = Path(__file__).resolve().parent
started = time.time()
_STATUS = struct.Struct("!i")
_LENGTH = struct.Struct("!Q")


def offer() -> None:
    """Let the jobs that this process starts share warm processes, as long as it lives."""
    if sys.platform == "darwin":
        return  # a fork of a process that has loaded Apple's frameworks may crash
    try:
        folder = tempfile.mkdtemp(prefix="gradient-atlas-")  # nobody else's to read
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.mkfifo(Path(folder, ALIVE))
        os.open(Path(folder, ALIVE), os.O_RDWR | os.O_NONBLOCK)  # the system closes it in the end
    except OSError:
        return  # jobs start as they always did
    os.environ[FOLDER] = folder


def hand_over(begin: Start | None = None) -> None:
    """Have a warm process do this process's work and exit as it does; return if there is none.

    ``begin`` starts one that serves at a socket, by default this module's ``start``.
    """
    folder, script = os.environ.get(FOLDER), getattr(sys.modules["__main__"], "__file__", None)
    if not folder or LISTENER in os.environ or not script:
        return
    script = str(Path(script).resolve())
    if Path(script).parent != _SOURCE:
        return
    for _ in range(2):  # a warm process may just have ended, or know an older version of the code
        try:
            connection = _connection(Path(folder), script, begin or start)
            _ask(connection)
        except OSError:
            continue
        _exit_like(connection)


def _connection(folder: Path, script: str, begin: Start) -> socket.socket:
    """A connection to the warm process of this script, started if need be."""
    parts = [script, sys.executable, str(Path.cwd()), repr(sys.flags), sorted(os.environ.items())]
    place = folder / hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return connect(place, lambda listener: begin(script, listener))


def connect(place: Path, begin: Callable[[socket.socket], None]) -> socket.socket:
    """A connection to who serves at this socket; ``begin`` starts a process that does."""
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(place))
        except OSError:
            place.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(place))
                listener.listen(128)
                begin(listener)
            connection.connect(str(place))
    return connection


def start(script: str, listener: socket.socket) -> None:
    """Start a process that serves jobs of this script at ``listener``."""
    launch([sys.executable, script], listener)


def launch(words: list[str], listener: socket.socket) -> None:
    """Start a process of its own with the listening socket."""
    subprocess.Popen(
        words,
        env=os.environ | {LISTENER: str(listener.fileno())},
        pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _ask(connection: socket.socket) -> None:
    """Send arguments and output streams; ConnectionError if nobody takes them."""
    request = json.dumps(sys.argv).encode()
    streams = array.array("i", [0, 1, 2])
    connection.sendmsg(
        [_LENGTH.pack(len(request))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
    )
    connection.sendall(request)
    if not connection.recv(1):
        raise ConnectionError


def _exit_like(connection: socket.socket) -> NoReturn:
    """Wait for the job and end as it ended."""
    answer = connection.recv(_STATUS.size, socket.MSG_WAITALL)
    # Without an answer somebody killed the process that would have given it.
    status = _STATUS.unpack(answer)[0] if len(answer) == _STATUS.size else -signal.SIGKILL
    if status < 0:
        print(f"error: ended by {signal.Signals(-status).name}", file=sys.stderr, flush=True)
    os._exit(status if status >= 0 else 128 - status)


def serve(main: Callable[[], None], warm_up: Callable[[], object] | None = None) -> None:
    """In a warm process, run ``main`` in a fork for every job; elsewhere return at once.

    Before a second job, ``warm_up`` does once what every fork would otherwise do for itself: a
    build of a single job is over by then.
    """
    if LISTENER not in os.environ:
        return
    listener = socket.socket(fileno=int(os.environ.pop(LISTENER)))
    alive = os.open(Path(os.environ[FOLDER], ALIVE), os.O_RDONLY | os.O_NONBLOCK)
    gc.collect()
    gc.freeze()  # a collection in a fork would write to, and so copy, all that was imported
    files, jobs = source_files(), 0
    while readable([listener.fileno()], alive, IDLE_SECONDS) and files == source_files():
        connection, _ = listener.accept()
        jobs += 1
        if jobs == 2 and warm_up:
            warm_up()
            gc.collect()
            gc.freeze()
        if os.fork() == 0:
            listener.close()
            _begin(connection, alive)
            _run(main)
        connection.close()
        reap()
    os._exit(0)


def reap() -> None:
    """Take note of forks that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(main: Callable[[], None]) -> NoReturn:
    """End this process as an interpreter would after ``main``, but at once.

    What ends with an interpreter belongs to the warm process, and taking modules apart takes long.
    """
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


def source_files() -> list[tuple[object, ...]]:
    """What shows that a file of the project was changed: time, size and number of each.

    A file that is younger than this process may have been read before it was changed: with it, no
    two answers are the same.
    """
    found: list[tuple[object, ...]] = []
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name and _SOURCE in Path(name).parents:
            facts = Path(name).stat()
            found.append((name, facts.st_ctime_ns, facts.st_mtime_ns, facts.st_size, facts.st_ino))
            if facts.st_ctime > started:
                found.append((object(),))
    return found


def readable(descriptors: list[int], alive: int, seconds: float | None) -> bool:
    """Wait until one of these can be read; False when time is over, or the build."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.register(alive, 0)  # its end is reported anyway
    events = poll.poll(None if seconds is None else seconds * 1000)
    if alive in dict(events):
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
        return False
    return bool(events)


def _begin(connection: socket.socket, alive: int) -> None:
    """Take the job, fork it, and return in the fork; this process reports how that ends."""
    header, ancillary, _, _ = connection.recvmsg(_LENGTH.size, socket.CMSG_SPACE(3 * 4))
    streams = array.array("i", ancillary[0][2])
    arguments = json.loads(connection.recv(_LENGTH.unpack(header)[0], socket.MSG_WAITALL))
    connection.sendall(b"+")
    ended, held = os.pipe()
    job = os.fork()
    if job == 0:
        os.setsid()
        os.close(ended)
        os.close(alive)
        connection.close()
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        sys.argv = arguments
        return
    for descriptor in (held, *streams):
        os.close(descriptor)
    readable([connection.fileno(), ended], alive, None)
    # Nothing but the job's end, the asking process's, or the build's wakes us.
    if not select.select([ended], [], [], 0)[0]:
        os.killpg(job, signal.SIGKILL)
    _, status = os.waitpid(job, 0)
    connection.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)
