"""Instruction sets are settled before numpy and torch are imported, recorded, and not mixed."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gradient_atlas import arithmetic
from gradient_atlas.errors import InputError
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.dynamics import THRESHOLD

SOURCE = Path(__file__).parents[1] / "src"
# Modules that scripts share, and a page that is made without computing anything.
NO_SCRIPTS = {
    "command_line.py",
    "warm_imports.py",
    "warm_start.py",
    "figure_modules.py",
    "describe_tables.py",
}
SCRIPTS = sorted(path.name for path in SOURCE.glob("*.py") if path.name not in NO_SCRIPTS)


def python(code, **environment):
    """A fresh Python, in which nothing is set."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [sys.executable, "-c", code], env=given | environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_settles_the_arithmetic_before_anything_else(script):
    body = ast.parse((SOURCE / script).read_text()).body
    first = next(node for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    assert isinstance(first, ast.ImportFrom) and first.module == "command_line"


def test_the_settling_itself_imports_no_library():
    code = "import command_line, sys; print({'numpy', 'torch', 'pandas'} & set(sys.modules))"
    assert python(code).stdout == "set()\n"


def test_every_library_has_taken_the_pins():
    code = """
import command_line, numpy, torch, json, os
from numpy._core._multiarray_umath import __cpu_features__ as features
from threadpoolctl import threadpool_info
print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
print(features["X86_V3"], features["X86_V4"])
print(*{p["architecture"] for p in threadpool_info() if p["internal_api"] == "openblas"})
print(os.environ["MKL_CBWR"])
"""
    # Somebody's own settings are no match for it.
    done = python(code, ATEN_CPU_CAPABILITY="default", NPY_DISABLE_CPU_FEATURES="X86_V3")
    assert done.stdout.split("\n") == ["AVX2 1", "True False", "Haswell", "COMPATIBLE", ""]


def test_a_library_imported_before_is_refused_in_one_line():
    done = python("import numpy, command_line")
    assert done.returncode == 1
    assert done.stderr.startswith("error: arithmetic: numpy was imported before")
    assert len(done.stderr.splitlines()) == 1


def test_a_library_imported_before_is_no_matter_where_the_environment_says_the_same():
    assert python("import numpy, command_line", **arithmetic.SETTINGS["portable"]).returncode == 0


def test_an_unknown_setting_is_refused_in_one_line():
    done = python("import command_line", GRADIENT_ATLAS_ARITHMETIC="fast")
    assert done.returncode == 1
    assert "'fast' is unknown; use portable, native" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_native_setting_takes_the_pins_out_of_the_environment():
    code = "import command_line, os; print(os.environ.get('NPY_ENABLE_CPU_FEATURES'))"
    native = python(code, GRADIENT_ATLAS_ARITHMETIC="native", NPY_ENABLE_CPU_FEATURES="X86_V3")
    assert native.stdout == "None\n"


@pytest.mark.parametrize("setting", arithmetic.SETTINGS)
def test_every_setting_can_be_computed_with(setting):
    code = "import command_line, numpy, torch; print(float((torch.ones(2, 2) @ torch.ones(2))[0]))"
    done = python(code, GRADIENT_ATLAS_ARITHMETIC=setting)
    if arithmetic._NEEDED.get(setting, set()) <= arithmetic._processor_flags():
        assert done.stdout == "2.0\n", done.stderr
    else:
        assert done.returncode == 1 and "needs an x86-64 processor" in done.stderr


def test_a_processor_without_what_a_setting_needs_is_said_in_one_line(monkeypatch, tmp_path):
    old = tmp_path / "cpuinfo"
    old.write_text("processor : 0\nflags : fpu sse sse2 avx\n")
    monkeypatch.setattr(arithmetic, "_PROCESSORS", old)
    with pytest.raises(InputError, match=r"'portable' needs .* with avx2, .* use native"):
        arithmetic.pin()


@pytest.mark.parametrize(("machine", "native"), [("arm64", True), ("x86_64", False)])
def test_native_takes_the_place_of_portable_where_there_is_none(machine, native):
    code = f"""
import platform
platform.machine = lambda: {machine!r}
import command_line
from gradient_atlas import arithmetic
print(arithmetic.in_use()["setting"], arithmetic.native_instead())
"""
    expected = "native True" if native else "portable False"
    assert python(code).stdout.strip() == expected


def test_an_archive_s_tables_are_read_where_none_can_be_made(tmp_path, monkeypatch):
    one, other = (tmp_path / f"dynamics/{name}/part.parquet" for name in ("one", "other"))
    write(one, "portable", monkeypatch)
    write(other, "native", monkeypatch)
    monkeypatch.setattr(arithmetic, "_instead", True)
    assert len(tables.gather({"a": "dynamics/one"}, tmp_path, {})["a"]) == 1
    with pytest.raises(InputError, match=r"other/part\.parquet: made with arithmetic 'native'"):
        tables.gather({"a": "dynamics/one", "b": "dynamics/other"}, tmp_path, {})


def test_torchs_roots_are_rounded_as_ieee_says():
    code = """
import command_line, numpy, torch
from gradient_atlas.arithmetic import prepare_torch
prepare_torch()
for dtype in (torch.float32, torch.float64):
    x = torch.rand(1000, dtype=dtype)
    right = torch.from_numpy(numpy.sqrt(x.numpy()))
    ways = [x.sqrt(), x.clone().sqrt_(), torch.sqrt(x, out=torch.empty(0, dtype=dtype))]
    again = [x.clone()]
    torch._foreach_sqrt_(again)
    ways += [*torch._foreach_sqrt([x]), *again]
    print(*(torch.equal(way, right) for way in ways))
print(torch.autograd.gradcheck(torch.sqrt, x[:3].clone().add_(1).requires_grad_()))
print(torch.sqrt(torch.tensor(4)), torch.sqrt(torch.tensor([-1.0, 0.0])))
"""
    done = python(code)
    expected = ["True " * 5] * 2 + ["True", "tensor(2.) tensor([nan, 0.])"]
    assert [line.strip() for line in done.stdout.splitlines()] == [e.strip() for e in expected]
    assert done.stderr == ""


def write(path, setting, monkeypatch):
    monkeypatch.setattr(arithmetic, "_in_use", setting)
    values = {field.name: [1.0] for field in THRESHOLD}
    tables.write(THRESHOLD, pd.DataFrame(values), path, {})


def test_a_table_says_its_arithmetic(tmp_path, monkeypatch):
    write(tmp_path / "part.parquet", "portable", monkeypatch)
    made = tables.metadata(tmp_path / "part.parquet")["arithmetic"]
    assert made == {"setting": "portable", "pins": arithmetic.SETTINGS["portable"]}


def test_tables_of_another_arithmetic_are_refused(tmp_path, monkeypatch):
    one, other = (tmp_path / f"dynamics/{name}/part.parquet" for name in ("one", "other"))
    write(one, "portable", monkeypatch)
    write(other, "native", monkeypatch)
    names = {"a": "dynamics/one", "b": "dynamics/other"}
    with pytest.raises(InputError, match=r"one/part\.parquet: made with arithmetic 'portable'"):
        tables.gather(names, tmp_path, {})
    monkeypatch.setattr(arithmetic, "_in_use", "portable")
    with pytest.raises(InputError, match=r"other/part\.parquet: made with arithmetic 'native'"):
        tables.gather(names, tmp_path, {})
    assert len(tables.gather({"a": "dynamics/one"}, tmp_path, {})["a"]) == 1


def test_a_changed_pin_is_another_arithmetic():
    made = {"setting": "portable", "pins": {"MKL_CBWR": "AVX2"}}
    assert "another version" in arithmetic.difference(made, arithmetic.in_use())


def test_every_rule_starts_its_script_with_the_configs_arithmetic():
    rules = (Path(__file__).parents[1] / "workflow/rules").glob("*.smk")
    started = [
        shell.split()[0].lstrip('"')
        for file in rules
        for shell in file.read_text().split("shell:\n")[1:]
    ]
    assert started and set(started) == {"{params.python}"}
