"""What is refused once it is known which files a build is asked for, before any of them is made."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snakemake.exceptions import InputFunctionException, WorkflowError

from gradient_atlas.errors import InputError


def look_at_plan(
    workflow: Any,
    known: Callable[[], list[str]],
    drawing_rule: str,
    check: Callable[[list[str]], None],
    before_jobs: Callable[[], None],
) -> None:
    """Have Snakemake refuse misspelt targets, figures that do not fit, and another build's folder.

    Snakemake reads the targets after the Snakefile; what it calls to make its plan is wrapped here.

    Args:
        workflow: Snakemake's.
        known: gives what a misspelt target may have meant.
        drawing_rule: the rule that draws a figure; its name in the workflow.
        check: is given the figures of the plan; raises InputError for one that cannot be drawn.
        before_jobs: called when all is well and jobs of this machine come next: what ``onstart``
            is for, which Snakemake calls of a main Snakefile only and not of a paper's module.
    """
    plan = workflow._build_dag

    def looked_at() -> None:
        if workflow.is_main_process:
            _refuse_unknown(workflow, known)
        try:
            plan()
        except InputFunctionException as error:
            # What an input function of ours says is meant for the user as it stands.
            if type(said := error.__context__) is WorkflowError:
                raise WorkflowError(str(said)) from None
            raise
        if not workflow.is_main_process:
            return
        jobs = [job for job in workflow.dag.jobs if job.rule.name == drawing_rule]
        try:
            check(sorted(job.wildcards_dict["figure"] for job in jobs))
        except InputError as error:
            raise WorkflowError(f"config: {error}") from None
        settings = workflow.execution_settings  # None where a plan is only looked at
        if settings is None or workflow.dryrun:
            return
        if settings.lock and workflow.persistence.locked:
            raise WorkflowError(
                f"{Path.cwd()}: another build is at work in this folder: wait until it is done, or "
                "stop it; if none runs, one was killed: `snakemake --unlock` frees the folder"
            )
        if not workflow.non_local_exec:
            before_jobs()

    workflow._build_dag = looked_at


def _refuse_unknown(workflow: Any, known: Callable[[], list[str]]) -> None:
    if workflow.storage_settings and workflow.storage_settings.default_storage_provider:
        return  # a file is called by its address there, and Snakemake says what nothing makes
    for target in sorted(workflow.dag_settings.targets):
        if (
            workflow.is_rule(target)
            or Path(target).exists()
            or any(rule.is_producer(target) for rule in workflow.rules)
        ):
            continue
        close = difflib.get_close_matches(target, known(), n=1)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else "`snakemake --list-target-rules` names what can be asked for"
        )
        raise WorkflowError(f"{target}: nothing makes this; {hint}")
