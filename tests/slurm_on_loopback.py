"""A SLURM cluster of one node on this machine's loopback, for a test: started, used, stopped.

It needs root and Debian's packages slurmctld, slurmd, slurm-client and munge, and neither systemd
nor control groups nor a database. Its configuration must be /etc/slurm/slurm.conf: a step inside a
job looks nowhere else. A machine that has one already is left alone.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
CONFIGURATION = Path("/etc/slurm/slurm.conf")
_MARK = "# Written by a test of Gradient Atlas, which removes it.\n"


def missing() -> str:
    """Why there can be no such cluster here; empty if there can."""
    if os.geteuid():
        return "starting SLURM needs root"
    if absent := [name for name in PROGRAMS if not shutil.which(name, path=_path())]:
        return f"no {absent[0]} here (Debian: slurmctld slurmd slurm-client munge)"
    if CONFIGURATION.exists() and not CONFIGURATION.read_text().startswith(_MARK):
        return f"{CONFIGURATION} is this machine's own"
    return ""


def _path() -> str:
    return os.environ["PATH"] + ":/usr/sbin:/sbin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configuration(folder: Path, host: str) -> str:
    """The text of slurm.conf for a cluster whose files lie in ``folder``."""
    return _MARK + "\n".join(
        [
            "ClusterName=test",
            f"SlurmctldHost={host}(127.0.0.1)",
            "SlurmUser=root",
            "SlurmdUser=root",
            f"SlurmctldPort={_free_port()}",
            f"SlurmdPort={_free_port()}",
            "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
            "AuthType=auth/munge",
            "CryptoType=crypto/munge",
            f"AuthInfo=socket={folder}/munge.socket",
            f"StateSaveLocation={folder}/state",
            f"SlurmdSpoolDir={folder}/spool",
            f"SlurmctldPidFile={folder}/slurmctld.pid",
            f"SlurmdPidFile={folder}/slurmd.pid",
            f"SlurmctldLogFile={folder}/slurmctld.log",
            f"SlurmdLogFile={folder}/slurmd.log",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "JobAcctGatherType=jobacct_gather/none",
            "AccountingStorageType=accounting_storage/none",
            "MpiDefault=none",
            "SwitchType=switch/none",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core",
            "SchedulerType=sched/backfill",
            "SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0",
            "ReturnToService=2",
            "InactiveLimit=0",
            "KillWait=5",
            "MinJobAge=600",
            f"NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} "
            "RealMemory=4000 State=UNKNOWN",
            "PartitionName=test Nodes=node1 Default=YES MaxTime=INFINITE State=UP",
            "",
        ]
    )


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Start munge, slurmctld and slurmd, wait until the node is idle, and stop them in the end."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    (folder / "key").write_bytes(secrets.token_bytes(128))
    (folder / "key").chmod(0o400)
    host = socket.gethostname().split(".")[0]
    CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
    CONFIGURATION.write_text(configuration(folder, host))
    files = ("key", "socket", "pid", "log", "seed")
    places = {"key": "key", "socket": "munge.socket", "pid": "munged.pid", "log": "munged.log"}
    words = [
        f"--{name}-file={folder}/{places.get(name, name)}" for name in files if name != "socket"
    ]
    commands = [
        ["munged", "--force", f"--socket={folder}/munge.socket", *words],
        ["slurmctld", "-c", "-f", str(CONFIGURATION)],
        ["slurmd", "-f", str(CONFIGURATION)],
    ]
    try:
        for command in commands:
            _run(command)
        # srun waits for the node, sinfo would only tell that it is not there yet.
        _run(["srun", "--immediate=60", "--time=1", "true"])
        yield
    finally:
        for name in ("slurmd", "slurmctld", "munged"):
            _stop(folder / f"{name}.pid")
        CONFIGURATION.unlink()


def _run(command: list[str]) -> None:
    environment = os.environ | {"PATH": _path()}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=90)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


def _stop(file: Path) -> None:
    """End the process whose number this file holds, and wait until it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        number = int(file.read_text())
        handle = os.pidfd_open(number)
        os.kill(number, 15)
        import select

        select.select([handle], [], [], 30)
        os.close(handle)
