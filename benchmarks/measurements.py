"""What the benchmarks share: a row of their table, a command's cost, and what machine it was."""

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, column, table

PROJECT = Path(__file__).parents[1]
LIBRARIES = ("torch", "numpy", "snakemake")
# Everything runs on one thread, as the project's jobs do.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BUSY = 0.5  # load above which a machine is not idle

SCHEMA = table(
    "results/benchmarks.parquet",
    "a measurement (`make benchmark`)",
    [
        column("part", NAME, "which benchmark: the name of a page's section"),
        column("way", NAME, "who did it, or what was varied"),
        column("size", COUNT, "width of the network, or the value of what was varied"),
        column("turn", COUNT, "number of the turn; those of one turn were measured side by side"),
        column("quantity", NAME, "what was measured"),
        column("value", NUMBER, "the measurement; NaN: not measured", "see unit"),
        column("unit", NAME, "its unit"),
        column("remark", NAME, "why it was not measured"),
    ],
)


@dataclass(frozen=True)
class Row:
    """One measurement; the fields are the columns of ``SCHEMA``."""

    part: str
    way: str
    size: int
    turn: int
    quantity: str
    value: float
    unit: str
    remark: str = ""


@dataclass(frozen=True)
class Cost:
    """Seconds from start to end, processor seconds, MB of the largest process, and stdout."""

    seconds: float
    processor: float
    memory: float
    said: str


class FailedError(Exception):
    """A command ended with another status than 0; the last line that it wrote."""


def measured(
    command: Sequence[object], folder: Path, environment: Mapping[str, str] | None = None
) -> Cost:
    """Run a command to its end in ``folder``.

    Memory and processor time are of the process and of all that it started and waited for.

    Raises:
        FailedError: it did not end with status 0.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        words = [str(word) for word in command]
        start = time.perf_counter()
        process = subprocess.Popen(words, cwd=folder, stdout=out, stderr=err, env=environment)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said, complaint = out.read(), err.read()
    if process.returncode:
        lines = [line for line in (said + complaint).splitlines() if line.strip()]
        raise FailedError((lines or [f"{words[0]} ended with {process.returncode}"])[-1].strip())
    kilobyte = 1024 if sys.platform == "darwin" else 1
    memory = used.ru_maxrss / kilobyte / 1024
    return Cost(seconds, used.ru_utime + used.ru_stime, memory, said)


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, versions, and the load just now."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | versions,
        "load": os.getloadavg()[0],
    }


def _processor() -> str:
    """The processor's name, with its family and model, since many share a name."""
    facts: dict[str, str] = {}
    if (told := Path("/proc/cpuinfo")).is_file():
        for line in told.read_text().splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    elif sys.platform == "darwin":
        words = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(words, capture_output=True, text=True).stdout.strip()
    name = facts.get("model name", platform.processor() or "unknown processor")
    if "cpu family" in facts:
        name += f" (family {facts['cpu family']}, model {facts.get('model')})"
    return name


def write(rows: Iterable[Row], path: Path, facts: Mapping[str, Any]) -> None:
    """Write the table, with what is known of the machine in its metadata."""
    frame = pd.DataFrame([asdict(row) for row in rows], columns=SCHEMA.names)
    tables.write(SCHEMA, frame, path, {"machine": facts})


def read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table and what is known of the machine; both empty if there is no such file."""
    if not path.is_file():
        return pd.DataFrame(columns=SCHEMA.names), {}
    return tables.read(path), tables.metadata(path)["machine"]
