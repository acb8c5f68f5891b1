"""Planning needs nothing but Snakemake; the workflow as a module out of a git repository."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from code_dependencies import PACKAGE, _imports, source_files
from snakemake_here import snakemake, users

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src"


def needed_by(name, found=None):
    """A distribution and what it requires, transitively."""
    found = {} if found is None else found
    key = canonicalize_name(name)
    if key not in found:
        found[key] = distribution(name)
        for line in found[key].requires or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                needed_by(wanted.name, found)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder of packages with nothing but Snakemake and what it requires."""
    folder = tmp_path_factory.mktemp("packages")
    for made in needed_by("snakemake").values():
        for top in {file.parts[0] for file in made.files} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(made.locate_file(top))
    return folder


def python_alone(alone, *words):
    # -S: without the packages of the environment that runs the tests.
    return subprocess.run(
        [sys.executable, "-S", *map(str, words)],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(alone)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "words",
    [["--lint"], ["--dry-run"], ["--dry-run", "--configfile", ".test/config/config.yaml"]],
)
def test_lint_and_dry_run_with_nothing_but_snakemake(tmp_path, alone, words):
    where = [] if words == ["--lint"] else ["--directory", tmp_path / "build"]
    done = python_alone(alone, "-m", "snakemake", *words, *where)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("library", ["grimp", "numpy", "matplotlib", "pandas", "torch"])
def test_there_is_nothing_else(alone, library):
    done = python_alone(alone, "-c", f"import {library}")
    assert f"No module named '{library}'" in done.stderr


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(PACKAGE, cache_dir=None)


@pytest.mark.parametrize(
    "script",
    sorted(
        str(p.relative_to(SOURCE)) for p in [*SOURCE.glob("*.py"), *SOURCE.glob("figures/*.py")]
    ),
)
def test_the_import_walk_finds_what_grimp_finds(script, graph):
    """The walk's modules are the closure in grimp's graph of those that the script names."""
    found = {Path(file) for file in source_files(SOURCE, script)}
    modules = set()
    for file in found:
        inside = file.relative_to(SOURCE)
        if inside.parts[0] == PACKAGE:
            name = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
            modules.add(name)
    closed = set(modules)
    for name in modules:
        closed |= graph.find_upstream_modules(name)
    parents = {name.rsplit(".", n)[0] for name in closed for n in range(name.count(".") + 1)}
    assert modules == closed | parents


def test_each_module_imports_what_grimp_says(graph):
    for name in sorted(graph.modules):
        walked = _imports(SOURCE, name)
        direct = graph.find_modules_directly_imported_by(name)
        # The walk also names the package that a module is imported from.
        packages = {module.rpartition(".")[0] for module in direct}
        assert direct <= walked <= direct | packages, name


@pytest.mark.long
def test_a_module_taken_from_a_bare_repository(tmp_path):
    # What Snakemake would fetch from there is taken from the bare repository instead.
    bare, paper = tmp_path / "hosted/owner/atlas", tmp_path / "paper"
    paper.mkdir()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    # The working tree as it is, committed beside the real history.
    work = tmp_path / "work"
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, text=True
    )
    for name in filter(lambda name: (PROJECT / name).is_file(), listed.splitlines()):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes((PROJECT / name).read_bytes())
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"], ["tag", "v1.0.0"]):
        subprocess.run([*git, *words], cwd=work, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True)
    (paper / "Snakefile").write_text(
        "module atlas:\n"
        '    snakefile: github("owner/atlas", path="workflow/Snakefile", tag="v1.0.0")\n'
        '    config: {"figures": ["quadratic_convergence_rate"]}\n'
        '    prefix: "atlas"\n'
        "use rule * from atlas as atlas_*\n"
        "import os\nonsuccess:\n    print('warm:', os.environ.get('GRADIENT_ATLAS_WARM'))\n"
    )
    bare_repository = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path}/hosted/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
    }
    words = ["--cores", "1", "--scheduler", "greedy"]
    words.append("atlas/figures/quadratic_convergence_rate.pdf")
    done = snakemake(words, paper, users() | bare_repository)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (paper / "atlas/figures/quadratic_convergence_rate.pdf").read_bytes()[:4] == b"%PDF"
    assert "warm: /" in done.stdout  # the module's jobs share warm processes, too
    (unpacked,) = (paper / ".snakemake/gradient_atlas").iterdir()
    assert (unpacked / "src/draw_figure.py").exists()
