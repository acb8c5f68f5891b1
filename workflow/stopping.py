"""How a build ends that is told to: on SIGTERM as on Ctrl-C, and its jobs with it.

Left alone, Snakemake takes SIGTERM, which supervisors and time limits send, for the wish to wait
until all running jobs are done; tells local jobs of neither signal, which a terminal sends to them
as well, but nobody else; and cancels of a cluster's jobs those only that it is not just asking
the status of.
"""

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import psutil
from snakemake.executors.local import Executor as LocalExecutor
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.shell import shell
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


def end_with_jobs() -> None:
    """Have Snakemake's scheduler end at once when it is told to, with every job it has started."""
    if getattr(JobScheduler, "ends_with_jobs", False):
        return  # a module besides this Snakefile
    JobScheduler.ends_with_jobs = True
    JobScheduler.exit_gracefully = _interrupt
    wait_for_local_jobs = LocalExecutor.cancel
    note_submission = RemoteExecutor.report_job_submission

    def cancel_local(executor: Any) -> None:
        _end_if_told(_children)
        wait_for_local_jobs(executor)

    def submitted(executor: Any, job_info: Any, register_job: bool = True) -> None:
        vars(executor).setdefault("all_submitted", {})[job_info.job] = job_info
        note_submission(executor, job_info, register_job=register_job)

    def cancel_submitted(executor: Any) -> None:
        every = vars(executor).get("all_submitted", {})
        running = executor.workflow.scheduler.running
        if left := [job_info for job, job_info in every.items() if job in running]:
            executor.cancel_jobs(left)
        _end_if_told(_shells)
        executor.shutdown()

    LocalExecutor.cancel = cancel_local
    RemoteExecutor.report_job_submission = submitted
    RemoteExecutor.cancel = cancel_submitted


def _interrupt(scheduler: Any, *_: object) -> NoReturn:
    """Do on SIGTERM what Ctrl-C does, once: a sender may mean make and its children."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise KeyboardInterrupt


def _end_if_told(local_jobs: Callable[[], Iterable[psutil.Process]]) -> None:
    if not isinstance(sys.exception(), KeyboardInterrupt):
        return  # Snakemake ends for an error of its own, and says for which
    threading.Thread(target=_end, args=[local_jobs], daemon=True).start()
    logger.warning("stopped: what was running has been told to end; the same command goes on")
    logging.disable()  # that each of the jobs has failed is no news


def _children() -> list[psutil.Process]:
    return psutil.Process().children()


def _shells() -> list[psutil.Process]:
    """Of the children those that are jobs, and no commands to submit or to cancel one."""
    known = {process.pid for process in list(shell._processes.values())}
    return [process for process in _children() if process.pid in known]


def _end(local_jobs: Callable[[], Iterable[psutil.Process]]) -> NoReturn:
    """Tell them, as long as this process lives: one may be about to start."""
    while True:
        for job in local_jobs():
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in [job, *job.children(recursive=True)]:
                    process.terminate()
        time.sleep(0.1)
