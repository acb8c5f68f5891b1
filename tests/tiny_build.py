"""A build of seconds: five runs and their figure, in which a job can be told to misbehave.

One run's activation is ``faulty:tanh``, a user's own. It is tanh; but where the working directory
holds a file ``fault``, it does first what stands there. The file is no input of any job, so that
nothing but the fault itself differs from an undisturbed build.
"""

import json
import subprocess
from pathlib import Path

import yaml

from snakemake_here import snakemake

PROJECT = Path(__file__).parents[1]

FAULTY = '''"""tanh, unless the working directory says what goes wrong."""
from pathlib import Path

import torch


def tanh(z):
    fault = Path("fault")
    if fault.exists():
        exec(fault.read_text())
    return torch.tanh(z)
'''
RUN = {"dataset": "digits", "training_examples": 256, "depth": 3, "width": 8, "epochs": 1}
CONFIG = {
    "figures": ["training_loss"],
    "training": {
        "sweeps": {
            "training_loss": {
                "base": RUN,
                "grid": {"learning_rate": [0.05]},
                "variants": {
                    "sigmoid_standard": {},
                    "sigmoid_recommended": {},
                    "tanh_standard": {"activation": "faulty:tanh", "initialization": "standard"},
                    "tanh_recommended": {},
                    "relu_standard": {},
                    # Diverges at the first update.
                    "relu_recommended": {"initialization": "normal", "weight_std": 1e15},
                },
                "seeds": [0],
            }
        }
    },
}
FAULTY_RUN = "variant=tanh_standard"
RUNS = 6


def at_step(step: int, fault: str) -> str:
    """The fault, but only once the run's checkpoint says this step."""
    return f"""
import io
for file in Path("logs").glob("training/*/{FAULTY_RUN}/*.checkpoint"):
    content = io.BytesIO(file.read_bytes().partition(b"\\n")[2])
    if torch.load(content, weights_only=True)["state"]["step"] == {step}:
        {fault}
"""


def prepare(folder: Path) -> Path:
    """Put config and activation into a new folder; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "faulty.py").write_text(FAULTY)
    return folder


def command(*words: str, cores: int | None = 2, project: Path = PROJECT) -> list[str]:
    """The command that builds everything in the working directory."""
    snakefile = str(project / "workflow/Snakefile")
    # The words come first, since --configfile would take a target for a second file.
    line = ["snakemake", *words, "--nolock", "--snakefile", snakefile, "--configfile", "tiny.yaml"]
    return line + (["--cores", str(cores)] if cores else [])


def build(
    folder: Path, *words: str, cores: int | None = 2, project: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """Run that command to its end, whatever that is."""
    return snakemake(command(*words, cores=cores, project=project)[1:], folder)


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file of results and figures, by path: a file too many is a fault as well."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for top in ("results", "figures")
        for path in sorted((folder / top).rglob("*"))
        if path.is_file()
    }


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Everything that a build has printed."""
    return json.dumps([done.returncode, done.stdout, done.stderr]).replace("\\n", "\n")
