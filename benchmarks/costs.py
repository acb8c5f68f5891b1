"""Write workflow/costs.yaml: what each kind of job of the default build took, for time estimates.

    make figures                 # on a machine that does nothing else, in a folder without results
    python benchmarks/costs.py   # in that folder

Times are those that each job's ``benchmark`` left below logs/; the work that a job's seconds are
divided by is what the workflow says of it. A job without a time is left out, and named.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)

WORKFLOW = Path(__file__).resolve().parents[1] / "workflow"
sys.path[:0] = [str(WORKFLOW), str(WORKFLOW.parent / "src")]

import costs  # noqa: E402


def jobs() -> list[tuple[str, float, Path]]:
    """Kind, work and file of times of each job of the default build."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api,
    ):
        planned = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config={"tables": None}),
            snakefile=WORKFLOW / "Snakefile",
            workdir=Path(folder),
        )
        planned.dag(dag_settings=DAGSettings()).printrulegraph()
        workflow: Any = planned._workflow
        work = workflow.globals["cost_in_work"]
        return [
            (costs.kind_of(job), work(job), Path(str(job.benchmark)))
            for job in workflow.dag.jobs
            if job.benchmark
        ]


def main() -> None:
    """Read every time, add them up by kind, calibrate, write."""
    here = Path.cwd()
    kinds: dict[str, dict[str, float]] = defaultdict(lambda: {"jobs": 0, "seconds": 0, "work": 0})
    missing, shortest = 0, float("inf")
    with contextlib.redirect_stdout(io.StringIO()):  # the plan that Snakemake prints
        found = jobs()
    for kind, work, file in found:
        if not (here / file).is_file():
            missing += 1
            continue
        seconds = float((here / file).read_text().splitlines()[1].split("\t")[0])
        shortest = min(shortest, seconds)
        for name in dict.fromkeys([kind, kind.partition("/")[0]]):
            kinds[name]["jobs"] += 1
            kinds[name]["seconds"] += seconds
            kinds[name]["work"] += work
    done = subprocess.run(
        [sys.executable, WORKFLOW / "calibration.py"], capture_output=True, text=True, check=True
    )
    rounded = {
        kind: {key: float(f"{value:.4g}") for key, value in numbers.items()}
        for kind, numbers in sorted(kinds.items())
    }
    facts = {"calibration": json.loads(done.stdout), "start": shortest, "kinds": rounded}
    said = "# Written by benchmarks/costs.py from the times of a default build: seconds.\n"
    costs.RECORDED.write_text(said + yaml.safe_dump(facts, sort_keys=False))
    total = sum(numbers["seconds"] for name, numbers in kinds.items() if "/" not in name)
    print(f"{costs.RECORDED}: {len(found) - missing} jobs, {total:.0f} s; {missing} without a time")


if __name__ == "__main__":
    main()
