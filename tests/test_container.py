"""The recipes of the container do what `make` does, and jobs are put into it.

No image is built here, which takes a registry of images: the recipe's commands run in a fresh
environment without its network, and a stub in Apptainer's place runs what it is given.
"""

import os
import re
import shutil
import subprocess
import sys
import venv

from tiny_build import PROJECT, build, prepare, said

FOLDER = PROJECT / "workflow/container"
REQUIREMENTS = PROJECT / "requirements.txt"
INSTALL = "python -m pip install --no-cache-dir --requirement "


def dockerfile():
    """The recipe's instructions, each with its words."""
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def test_both_recipes_install_the_requirements_and_nothing_else():
    steps = dockerfile()
    images = [words for step, words in steps if step == "FROM"]
    assert len(images) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", images[0])
    assert [words for step, words in steps if step in ("COPY", "ADD")] == ["requirements.txt ./"]
    installs = [words for step, words in steps if step == "RUN" and "install" in words]
    assert installs == [f"{INSTALL}requirements.txt $EXTRA"]
    assert ("ARG", 'EXTRA=""') in steps
    definition = (FOLDER / "atlas.def").read_text()
    assert f"From: {images[0]}\n" in definition
    assert definition.partition("%post\n")[2].split() == f"{INSTALL}/opt/requirements.txt".split()
    assert "    requirements.txt /opt/requirements.txt\n" in definition


def test_the_image_has_no_secret_and_no_root():
    steps = dockerfile()
    assert steps[-1] == ("USER", "1000:1000")
    for _, words in steps:
        assert not re.search(r"(?i)token|password|secret|_key|https?://", words)


def test_the_recipe_s_commands_do_their_work(tmp_path):
    # The image's folder /work, with the project mounted there afterwards.
    work, fresh = tmp_path / "work", tmp_path / "fresh"
    work.mkdir()
    shutil.copy(REQUIREMENTS, work)
    venv.create(fresh, symlinks=True)
    python = fresh / "bin/python"
    stub = tmp_path / "bin/python"
    stub.parent.mkdir()
    # pip says what it was asked for; everything else is done.
    stub.write_text(
        f"#!/bin/sh\n"
        f'if [ "$1 $2" = "-m pip" ]; then echo "$@" > {tmp_path}/asked; shift 5; cat "$1" > '
        f'{tmp_path}/installed; else exec {python} "$@"; fi\n'
    )
    stub.chmod(0o755)
    environment = {"PATH": f"{stub.parent}:{os.environ['PATH']}", "EXTRA": ""}
    for step, words in dockerfile():
        if step == "RUN":
            subprocess.run(["/bin/sh", "-c", words], cwd=work, env=environment, check=True)
    assert (tmp_path / "asked").read_text().split()[:2] == ["-m", "pip"]
    assert (tmp_path / "installed").read_text() == REQUIREMENTS.read_text()
    (work / "src").symlink_to(PROJECT / "src")
    found = subprocess.run(
        [python, "-c", "import gradient_atlas; print(gradient_atlas.__file__)"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert found == str(work / "src/gradient_atlas/__init__.py")


def test_every_job_runs_in_the_image_that_the_config_names(tmp_path, monkeypatch):
    # In Apptainer's place: it notes the image, and runs the command without one.
    stub = tmp_path / "bin/apptainer"
    stub.parent.mkdir()
    stub.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "if '--version' in sys.argv:\n"
        "    sys.exit(print('apptainer version 1.4.0'))\n"
        "shell = next(n for n, word in enumerate(sys.argv) if word in ('sh', 'bash'))\n"
        f"with open({str(tmp_path / 'images')!r}, 'a') as file:\n"
        "    file.write(sys.argv[shell - 1] + '\\n')\n"
        "os.execvp(sys.argv[shell], sys.argv[shell:])\n"
    )
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:{os.environ['PATH']}")
    folder = prepare(tmp_path / "build")
    (folder / "atlas.sif").touch()
    targets = ["results/datasets/digits/dataset.json", "results/theory/activations/part.parquet"]
    words = ["--software-deployment-method", "apptainer", "--config", "container=atlas.sif"]
    done = build(folder, *targets, *words)
    assert done.returncode == 0, said(done)
    assert (tmp_path / "images").read_text().split() == ["atlas.sif", "atlas.sif"]
    assert all((folder / target).exists() for target in targets)
