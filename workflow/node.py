"""How a cluster's node runs the members of a job: here, one after the other, each for itself.

Left alone, SLURM's executor starts a Snakemake of its own for every member, which takes seconds,
and the first member that fails ends the job.
"""

from typing import Any

from snakemake.settings.types import ExecutionSettings


def run_members_here(workflow: Any) -> None:
    """Have this Snakemake, which is inside a job, run all of the job's members itself."""
    workflow.global_resources["_cores"] = 1
    for rule in workflow.rules:
        workflow.localrules(rule.name)
        rule.group = None  # the job is the group
    # Snakemake hands --keep-going on to no node, and its settings are made only after this.
    ExecutionSettings.keep_going = property(lambda self: True, lambda self, given: None)  # type: ignore
