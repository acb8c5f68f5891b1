"""Libraries are imported once for all scripts that compute, and never for one that draws."""

import shutil
from pathlib import Path

import pytest

import warm_imports
from test_warm_start import SOURCE, Build

# A script that says whether the libraries were there before it.
SCRIPT = """
import sys
HAD = "torch" in sys.modules
import os, warm_imports, warm_start
warm_start.hand_over(warm_imports.start)
import helper

def main():
    print(HAD, helper.VERSION, sys.argv[1:], os.path.basename(sys.modules["__main__"].__file__))
    exec(sys.argv[1])

warm_start.serve(main)
main()
"""


@pytest.fixture
def build(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    for module in ("warm_start.py", "warm_imports.py"):
        shutil.copy(SOURCE / module, source)
    # Libraries of the same names, which write down that they are imported.
    for name in ("gradient_atlas.arithmetic", *warm_imports.LIBRARIES):
        folder = source.joinpath(*name.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text("def pin(): pass\n")
    for package in ("gradient_atlas", "pyarrow", "scipy", "scipy/sparse"):
        (source / package / "__init__.py").touch()
    (source / "torch/__init__.py").write_text("open('imports', 'a').write('x')\n")
    (source / "helper.py").write_text("VERSION = 1\n")
    for script in ("measure_one.py", "predict_two.py", "draw_three.py"):
        (source / script).write_text(SCRIPT)
    build = Build(tmp_path)
    yield build
    build.end()


def job(build, script, action="pass"):
    build.script = build.place / "src" / script
    return build.job(action)


def test_libraries_are_imported_once_for_every_script_that_computes(build):
    for script in ("measure_one.py", "predict_two.py", "measure_one.py"):
        assert job(build, script) == [0, f"True 1 ['pass'] {script}\n", ""]
    assert job(build, "draw_three.py")[:2] == [0, "False 1 ['pass'] draw_three.py\n"]
    assert build.imports() == 1


def test_a_job_of_a_fork_ends_as_it_would_by_itself(build):
    assert job(build, "measure_one.py", "sys.exit('wrong')")[::2] == [1, "wrong\n"]
    status, _, errors = job(build, "predict_two.py", "1 / 0")
    assert status == 1
    assert "ZeroDivisionError" in errors


def test_edited_code_is_never_old(build):
    job(build, "measure_one.py")
    (build.place / "src/helper.py").write_text("VERSION = 2\n")
    for script in ("measure_one.py", "predict_two.py"):
        assert job(build, script)[1].split()[1] == "2"


def test_without_it_a_script_starts_as_it_always_did(build):
    Path(build.place, "src/torch/__init__.py").write_text("1 / 0\n")
    assert job(build, "measure_one.py")[:2] == [0, "False 1 ['pass'] measure_one.py\n"]
