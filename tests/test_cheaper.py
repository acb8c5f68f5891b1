"""A cheaper plan is the same plan."""

import gc
import inspect

import pytest
from snakemake.api import SnakemakeApi
from snakemake.jobs import Job
from snakemake.settings.types import DAGSettings, OutputSettings, Quietness, ResourceSettings

import cheaper

# Five files that the rule `make` could make, of which two come out of `take`.
SNAKEFILE = """
import cheaper

rule all:
    input: [f"out/{n}.txt" for n in range(N)]

rule take:
    output: "list.txt", taken=["out/1.txt", "out/2.txt"]
    shell: "touch {output}"

def source(wildcards):
    asked_of.append(int(wildcards.n))
    return "list.txt"

rule make:
    input: source
    output: "out/{n}.txt"
    log: "logs/{n}.log"
    group: lambda wildcards: None
    resources: runtime=lambda wildcards, attempt: 10 * attempt + int(wildcards.n), mem_mb=100
    params:
        first=lambda wildcards, input: f"{input[0]} for {wildcards.n}",
        rest=lambda wildcards, output, **others: sorted(others),
    shell: "echo {params} > {output}"

"""
IN_ORDER = "ruleorder: take > make\n"
CHEAPER = "cheaper.note_parameters(workflow.rules)\n"
ONE_MAKER = 'cheaper.only_maker(workflow.get_rule("take"), workflow.rules)\n'


def plan(folder, number, end):
    """What is known of each job, and the files whose making was looked at."""
    text = f"N, asked_of = {number}, []\n{SNAKEFILE}{end}"
    (folder / "Snakefile").write_text(text)
    with SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api:
        flow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            snakefile=folder / "Snakefile",
            workdir=folder,
        )
        flow.dag(dag_settings=DAGSettings(targets=set())).printrulegraph()
        jobs = sorted(flow._workflow.dag.jobs, key=lambda job: (job.rule.name, *job.output))
        facts = [
            (
                job.rule.name,
                sorted(job.input),
                list(job.output),
                list(job.params),
                [*job.resources.items(), job.shellcmd],
                sorted(dependency.rule.name for dependency in flow._workflow.dag.dependencies[job]),
            )
            for job in jobs
        ]
        return facts, set(flow._workflow.globals["asked_of"])


def test_the_jobs_are_the_same_and_fewer_are_set_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain, looked_at = plan(tmp_path, 5, IN_ORDER)
    assert [job[0] for job in plain] == ["all", "make", "make", "make", "take"]
    assert looked_at == {0, 1, 2, 3, 4}
    found, looked_at = plan(tmp_path, 5, CHEAPER + ONE_MAKER)
    assert found == plain
    assert looked_at == {0, 3, 4}


def test_a_function_is_inspected_once_however_many_jobs_ask(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inspected = []
    real = inspect.signature

    def counting(function, **options):
        if getattr(function, "__name__", "") in ("<lambda>", "source"):
            inspected.append(function)
        return real(function, **options)

    monkeypatch.setattr(inspect, "signature", counting)
    plan(tmp_path, 20, IN_ORDER + CHEAPER)
    # All but the group's, which is asked for where jobs are submitted.
    assert len(inspected) == len(set(inspected)) == 4


@pytest.mark.parametrize(
    ("quiet", "described"),
    [({Quietness.RULES}, 0), ({Quietness.PROGRESS}, 5), (set(), 5), ({Quietness.ALL}, 5)],
)
def test_a_job_that_is_printed_is_described(tmp_path, monkeypatch, quiet, described):
    monkeypatch.chdir(tmp_path)
    jobs = []
    monkeypatch.setattr(cheaper, "_DESCRIBE", lambda job, *options, **named: jobs.append(job))
    monkeypatch.setattr(Job, "log_info", Job.log_info)  # and back to it afterwards
    text = f"N, asked_of = 5, []\n{SNAKEFILE}{IN_ORDER}cheaper.describe_what_is_heard()\n"
    (tmp_path / "Snakefile").write_text(text)
    with SnakemakeApi(OutputSettings(dryrun=True, quiet=quiet)) as api:
        flow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            snakefile=tmp_path / "Snakefile",
            workdir=tmp_path,
        )
        flow.dag(dag_settings=DAGSettings()).execute_workflow(executor="dryrun")
    assert len(jobs) == described


@pytest.mark.parametrize("before", [700, 0])
def test_collection_is_made_rare_and_not_turned_on(before):
    kept = gc.get_threshold()
    try:
        gc.set_threshold(before, *kept[1:])
        cheaper.collect_seldom()
        assert gc.get_threshold()[0] == (cheaper._OBJECTS if before else 0)
    finally:
        gc.set_threshold(*kept)
