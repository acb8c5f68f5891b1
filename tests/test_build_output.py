"""What a build shows: one line of progress, a failed job's own error once, a summary at its end."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gradient_atlas.claims.summary import build_summary, new_verdicts
from tiny_build import build

PROJECT = Path(__file__).parents[1]
sys.path.append(str(PROJECT / "workflow/progress"))
from snakemake_logger_plugin_atlas import _said_to_the_user, progress_line, time_left  # noqa: E402

RULES = """
from snakemake.logging import logger
logger.info("what the workflow has to say")
rule all:
    input: "good.txt", "bad.txt"
rule good:
    output: "good.txt"
    shell: "echo all went well >&2; touch {output}"
rule bad:
    output: "bad.txt"
    log: "logs/bad.log"
    shell: "COMMAND"
"""


def built(folder, command, *words):
    (folder / "Snakefile").write_text(RULES.replace("COMMAND", command))
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "workflow/progress")}
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "1", "--logger", "atlas"]
    return subprocess.run(
        [*snakemake, "--keep-going", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "command",
    [
        "echo what is wrong >{log:q}; (cat {log:q} >&2; exit 1)",
        "echo what is wrong >{log}; exit 1",
    ],
)
def test_a_failed_job_shows_its_own_error_once(tmp_path, command):
    done = built(tmp_path, command)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said.count("what is wrong") == 1
    assert [line for line in said if line.startswith("failed: ")] == [
        "failed: bad for bad.txt; log: logs/bad.log"
    ]
    assert len(said) <= 8, said
    assert "all went well" in said


def test_progress_is_said_and_a_dry_run_is_snakemake_s(tmp_path):
    done = built(tmp_path, "touch {output}")
    assert done.returncode == 0
    assert "3 of 3 jobs done, 0 left, after" in done.stderr
    assert "rule good" not in done.stderr
    assert done.stderr.count("what the workflow has to say") == 1
    assert "Building DAG" not in done.stderr
    (tmp_path / "good.txt").unlink()
    dry = built(tmp_path, "touch {output}", "--dry-run")
    assert "rule good" in dry.stdout + dry.stderr


def test_expected_end():
    # Two of ten after 30 s: eight more take 120 s.
    assert "8 left; about 2 min more, until " in progress_line(2, 10, 30.0, 0.0)
    assert progress_line(0, 10, 0.0, 0.0) == "0 of 10 jobs done, 10 left"
    assert progress_line(10, 10, 7200.0, 0.0) == "10 of 10 jobs done, 0 left, after 2.0 h"


def test_expected_end_by_the_costs_of_the_jobs():
    assert "8 left; about 5 s more, until " in progress_line(2, 10, 30.0, 0.0, 5.0)
    assert "10 left; about 5 s more, until " in progress_line(0, 10, 0.0, 0.0, 5.0)
    # As estimated; and at half that speed, the more surely the longer it goes on.
    assert time_left(200, 400, 2, 100) == 200
    assert time_left(0, 400, 2, 0) == 200
    assert 200 < time_left(20, 400, 2, 20) < time_left(200, 400, 2, 200) < 400
    assert time_left(1e6, 400, 2, 1e6) == pytest.approx(400, rel=1e-3)


COSTS = """
from snakemake.logging import logger
onstart:
    costs = {job.jobid: 600.0 if job.rule.name == "long" else 1.0 for job in workflow.dag.jobs}
    logger.info("as estimated", extra={"costs": costs, "cores": 1})
rule all:
    input: "short.txt", "long.txt"
rule short:
    output: "short.txt"
    shell: "touch {output}"
rule long:
    input: "short.txt"
    output: "long.txt"
    shell: "touch {output}"
"""


def test_what_is_left_is_what_the_jobs_left_cost(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "RULES", COSTS)
    said = built(tmp_path, "").stderr.splitlines()
    assert said.index("as estimated") == 0
    (first,) = [line for line in said if line.startswith("1 of 3 jobs done")]
    # By numbers two thirds of no time would be left, and by costs ten minutes.
    assert re.search("about (9|10) min more", first)


def test_summary_names_what_changed():
    claims = pd.DataFrame(
        {"claim": ["a", "b", "c"], "verdict": ["supported", "refuted", "refuted"]}
    )
    changed = new_verdicts({"a": "supported", "b": "undecided", "gone": "refuted"}, claims)
    assert changed == ["b: undecided → refuted"]
    said = build_summary(["x", "y"], claims, changed, None)
    assert "figures: x, y in figures/" in said
    assert "1 supported" in said and "2 refuted" in said
    assert "changed since the last build: b: undecided → refuted" in said
    assert "make report" in said
    assert "no verdict" in build_summary([], claims, [], Path("results/report.html"))
    assert "changed" not in build_summary([], claims, None, None)
    few = build_summary(list("abcd"), None, None, None)
    assert "figures: 4 in figures/" in few and "claims:  not asked for" in few


def test_an_older_table_of_claims_is_not_spoken_of(tmp_path, undisturbed):
    folder = shutil.copytree(undisturbed[0], tmp_path / "build")
    (folder / "results/claims.parquet").write_text("of another build")
    (folder / "figures/training_loss.pdf").unlink()
    done = build(folder, "figures/training_loss.pdf")
    assert done.returncode == 0, done.stderr
    assert "figures: training_loss in figures/" in done.stdout
    assert "claims:  not asked for" in done.stdout


def test_a_refusal_is_its_own_words():
    shown = 'WorkflowError in file "a.smk", line 3:\nconfig: x: wrong\n  File "a.smk", line 3, in f'
    assert _said_to_the_user(shown) == "config: x: wrong"
    assert _said_to_the_user("no heading: x\nmore") == "no heading: x\nmore"
