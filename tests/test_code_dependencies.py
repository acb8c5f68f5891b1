"""Code dependencies are computed; the oracle is what Python really imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from code_dependencies import literal, source_files

SOURCE = Path(__file__).parents[1] / "src"
SCRIPTS = sorted(
    path.name
    for path in SOURCE.glob("*.py")
    if path.name not in ("command_line.py", "warm_imports.py", "warm_start.py")
)
FIGURES = sorted(path.name for path in (SOURCE / "figures").glob("*.py"))
SHOW_IMPORTS = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(*(m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)), sep="\\n")
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def imported(*modules):
    """The project's files, and all modules, that a fresh Python has after these imports."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW_IMPORTS, str(SOURCE), *modules],
        capture_output=True,
        text=True,
        check=True,
    )
    files = {file for file in done.stdout.splitlines() if file.startswith(str(SOURCE))}
    return files, set(done.stderr.splitlines())


# Each script in a child of one process, which has imported once what takes seconds and is not ours.
SHOW_FILES_OF_EACH = """
import importlib, os, sys
import jinja2, matplotlib.pyplot, pandas, pyarrow.dataset, pyarrow.parquet, tueplots.bundles, yaml
import scipy.integrate, scipy.optimize, scipy.stats, torch, torch.func
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    if not os.fork():
        importlib.import_module(name)
        files = (getattr(module, "__file__", None) for module in sys.modules.values())
        print(name, *(file for file in files if file), sep="\\t", flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def files_of_each():
    """The project's files that each script imports, by the script."""
    names = [Path(script).stem for script in SCRIPTS]
    command = [sys.executable, "-c", SHOW_FILES_OF_EACH, str(SOURCE), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {f"{row[0]}.py": {file for file in row if file.startswith(str(SOURCE))} for row in rows}


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_script_imports_is_declared(script, files_of_each):
    assert files_of_each[script]
    assert files_of_each[script] <= set(source_files(SOURCE, script))
    assert source_files(SOURCE, script)[0] == str(SOURCE / script)


def test_drawing_imports_no_torch_and_no_training():
    names = [f"figures.{Path(figure).stem}" for figure in FIGURES]
    files, modules = imported("draw_figure", "check_claims", *names)
    assert "torch" not in modules
    figures = [f"figures/{name}" for name in FIGURES]
    declared = source_files(SOURCE, "draw_figure.py", "check_claims.py", *figures)
    assert files <= set(declared)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_names_its_tables_and_depends_on_its_style(figure):
    tables = literal(SOURCE / "figures" / figure, "TABLES")
    assert tables
    assert all(len(dataset.split("/")) >= 2 for dataset in tables.values())
    files = source_files(SOURCE, "draw_figure.py", f"figures/{figure}")
    assert str(SOURCE / "gradient_atlas/drawing/style.py") in files
    assert not any("/training/" in file for file in files)


def test_training_does_not_depend_on_how_figures_look():
    files = source_files(SOURCE, "train.py")
    assert str(SOURCE / "gradient_atlas/training/probe.py") in files
    assert not any(file.endswith(("drawing/style.py", "caption.py", "claim.py")) for file in files)


def test_the_library_knows_neither_workflow_nor_arguments():
    for path in (SOURCE / "gradient_atlas").rglob("*.py"):
        text = path.read_text()
        assert "argparse" not in text or path.name == "__main__.py", path
        assert "import snakemake" not in text, path


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_small(script):
    assert len((SOURCE / script).read_text().splitlines()) <= 60
