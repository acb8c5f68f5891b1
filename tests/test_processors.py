"""The same bytes on other processors, with other threads, and for other users' settings.

Every kind of job of ``processors.yaml`` runs here as it is, and emulated by qemu as a processor of
another maker or generation. Emulated processors have AVX2 and not AVX-512, caches of their own, and
arithmetic by the emulator and not by the silicon.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gradient_atlas.datasets.prepare import prepare
from snakemake_here import snakemake

PROJECT = Path(__file__).parents[1]
CONFIGS = [PROJECT / "config/smoke.yaml", PROJECT / "tests/processors.yaml"]
PROCESSORS = ("Haswell", "Skylake-Server", "EPYC-Rome")
EMULATOR = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
pytestmark = pytest.mark.long
DRAWN = ("quadratic_convergence_rate",)
# Scripts in an order in which each finds what it reads.
ORDER = ("prepare_dataset", "tabulate_activations", "predict_norms", "predict_modules", "train")
ORDER += ("train_network", "train_recurrent")
ORDER += ("simulate_quadratic", "simulate_flow", "measure_sharpness", "simulate_central_flow")
ORDER += ("measure_optimizer_edges", "simulate_catapult", "simulate_limits")
ORDER += ("measure_warmup", "scan_widths")
ORDER += ("draw_figure",)


def wanted():
    """What the workflow is asked for."""
    config = yaml.safe_load(CONFIGS[1].read_text())
    sweeps, named = config["training"]["sweeps"], config["networks"]["sweeps"]["named"]
    files = [f"training/processors/metrics/variant={v}" for v in sweeps["processors"]["variants"]]
    files += [f"training/wide/metrics/precision={p}" for p in sweeps["wide"]["grid"]["precision"]]
    files += [f"training/named/modules/variant={variant}" for variant in named["variants"]]
    files += [
        "theory/activations",
        "theory/predicted",
        "theory/named",
        "dynamics/quadratic",
        "dynamics/flow",
    ]
    files += ["dynamics/central_flow", "dynamics/flow_sharpness/activation=tanh"]
    files += ["dynamics/optimizer_edges", "dynamics/catapult", "dynamics/limits"]
    files += ["dynamics/warmup", "dynamics/width", "dynamics/coordinates"]
    files += ["dynamics/sharpness/activation=tanh/learning_rate=0.5"]
    files += ["theory/jacobian", "ensembles/jacobian/variant=tanh_orthogonal"]
    files += ["theory/finite_width", "ensembles/finite_width/width=16"]
    files += ["theory/phase_diagram", "ensembles/phase_diagram"]
    files += ["theory/half_precision", "ensembles/half_precision/variant=sigmoid_standard"]
    for variant in ("rnn_above_clipped", "lstm_chrono", "gru_bias_0"):
        files.append(f"training/recurrent/signals/variant={variant}")
    figures = [f"figures/{figure}.pdf" for figure in DRAWN]
    return [f"results/{file}/part.parquet" for file in files] + figures


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """The workflow's own commands, as ``run_jobs.py`` takes them."""
    folder = tmp_path_factory.mktemp("plan")
    # The project's own profile would leave the commands out.
    command = ["--dry-run", "--printshellcmds", "--cores", "1", "--workflow-profile", "none"]
    command += ["--nolock", "--snakefile", PROJECT / "workflow/Snakefile"]
    done = snakemake([*command, *wanted(), "--configfile", *CONFIGS], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found = []
    for line in (done.stdout + done.stderr).splitlines():
        if line.startswith("Shell command: "):
            words = shlex.split(line)
            words = words[words.index("python") + 1 :]
            ends = [i for i, word in enumerate(words) if word in ("2>", "2>&1", "||", "|")]
            found.append([Path(words[0]).stem, *words[1 : min(ends)]])
    # A script that is not in the order reads no table, and only the drawing reads its.
    found.sort(key=lambda job: ORDER.index(job[0]) if job[0] in ORDER else len(ORDER) - 1.5)
    assert found
    return found


@pytest.fixture(scope="module")
def run(jobs, tmp_path_factory):
    """Run the jobs in a folder of their own: ``run(before, **environment)`` to bytes by path."""
    datasets = tmp_path_factory.mktemp("datasets")
    for name in ("digits", "mnist_5k"):
        prepare(name, datasets / name, None)
    # Data sets are unpacked and split, and nothing is computed: once is enough.
    needed = [job for job in jobs if job[0] != "prepare_dataset"]

    def run(before=(), umask=0o022, **environment):
        folder = tmp_path_factory.mktemp("build")
        (folder / "results").mkdir()
        (folder / "results/datasets").symlink_to(datasets)
        (folder / "jobs.json").write_text(json.dumps(needed))
        # As in a shell of somebody who has set nothing.
        given = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        given["PYTHONPATH"] = str(PROJECT / "src")
        command = [*before, sys.executable, str(PROJECT / "tests/run_jobs.py"), "jobs.json"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=given | environment,
            capture_output=True,
            text=True,
            umask=umask,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        endings = {".parquet", ".pdf", ".svg", ".png", ".tex", ".md", ".csv", ".json"}
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for top in ("results", "figures")
            for path in sorted((folder / top).rglob("*"))
            if path.suffix in endings and path.is_file()
        }

    return run


@pytest.fixture(scope="module")
def here(run):
    """The build on this processor."""
    return run()


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    different = [name for name in ours if ours[name] != theirs[name]]
    assert not different, f"{len(different)} of {len(ours)} files differ: {different}"


def test_every_kind_of_file_is_compared(here):
    endings = {Path(name).suffix for name in here}
    assert {".parquet", ".pdf", ".svg", ".png"} <= endings
    megabytes = sum(map(len, here.values())) / 1e6
    digest = hashlib.sha256(b"".join(here[name] for name in sorted(here))).hexdigest()
    print(f"{len(here)} files, {megabytes:.1f} MB, sha256 {digest}")


@pytest.mark.skipif(EMULATOR is None, reason="no qemu-x86_64 (Debian's package qemu-user)")
@pytest.mark.parametrize("processor", PROCESSORS)
def test_other_processors_give_the_same_bytes(processor, run, here):
    assert_same(here, run([EMULATOR, "-cpu", processor]))


def test_other_threads_locales_time_zones_and_masks_give_the_same_bytes(run, here):
    other = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    other |= {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo"}
    other |= {"PYTHONHASHSEED": "7", "ATEN_CPU_CAPABILITY": "default", "MPLBACKEND": "svg"}
    assert_same(here, run(umask=0o077, **other))
