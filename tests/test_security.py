"""What a file or a config cannot do: run code that nobody named."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
FILES = [
    file
    for top in ("src", "workflow")
    for file in sorted((PROJECT / top).rglob("*.py"))
    if "__pycache__" not in file.parts
]
# The published CIFAR-10 is pickled: its digest is compared first, and a reader of its own builds
# arrays alone (tests/test_datasets_formats.py).
PICKLED = "src/gradient_atlas/datasets/formats.py"


def called(node):
    """The dotted name of what a call calls, as far as it is written out."""
    return ast.unparse(node.func)


def unsafe(text):
    """Each way in which this program lets a file run code of its own."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.partition(".")[0] for alias in node.names}
            names.add((getattr(node, "module", None) or "").partition(".")[0])
            found += sorted(names & {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"})
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"):
            found.append(name)
        if name.endswith(("np.load", "numpy.load")) and words.get("allow_pickle") != "False":
            found.append(name)
        if name.endswith("torch.load") and words.get("weights_only") != "True":
            found.append(name)
        if name.endswith("read_pickle") or name in ("eval", "exec", "os.system", "os.popen"):
            found.append(name)
        if words.get("shell") == "True":
            found.append(f"{name} with a shell")
        if name.endswith("extractall") and "filter" not in words:
            found.append(name)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PROJECT).as_posix())
def test_no_file_is_read_in_a_way_that_runs_what_it_says(file):
    found = unsafe(file.read_text(encoding="utf-8"))
    if file.relative_to(PROJECT).as_posix() == PICKLED:
        assert found == ["pickle"]
    else:
        assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import pickle", ["pickle"]),
        ("from pickle import loads", ["pickle"]),
        ("import joblib.parallel", ["joblib"]),
        ("yaml.load(x, Loader=y)", ["yaml.load"]),
        ("yaml.safe_load(x)", []),
        ("np.load(x)", ["np.load"]),
        ("np.load(x, allow_pickle=True)", ["np.load"]),
        ("np.load(x, allow_pickle=False)", []),
        ("torch.load(x)", ["torch.load"]),
        ("torch.load(x, weights_only=False)", ["torch.load"]),
        ("torch.load(x, weights_only=True)", []),
        ("pd.read_pickle(x)", ["pd.read_pickle"]),
        ("eval(x)", ["eval"]),
        ("subprocess.run(x, shell=True)", ["subprocess.run with a shell"]),
        ("archive.extractall(x)", ["archive.extractall"]),
    ],
)
def test_the_search_finds_what_it_looks_for(text, found):
    assert unsafe(text) == found
