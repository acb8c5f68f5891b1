"""What a file or a config cannot do: run code that nobody named."""

import ast
import copy
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import snakemake_here
import workflow_in_process
from gradient_atlas.errors import InputError

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


# What a shell, a path, or Snakemake would take for more than a name.
HOSTILE = "$(touch pwned) `touch pwned` '; touch pwned;' \" & {sweep} #"
DEFAULTS = PROJECT / "config/config.yaml"
# Whose keys are names that the user gives.
ENTRIES = ("sweeps", "variants", "problems", "escapes", "networks", "datasets", "panels")
NAMING = (*ENTRIES, "parameters", "grid", "base", "architecture_options")


def complete(config):
    """The config as the workflow uses it."""
    import configuration

    return configuration.complete(config, DEFAULTS, PROJECT / "workflow/schemas/config.schema.yaml")


def shortened():
    """The default config with one sweep of each kind, and what it leaves empty filled."""
    given = yaml.safe_load(DEFAULTS.read_text())
    kept = {"training": ["depth_series"], "networks": ["transformers"]}
    sweeps = {
        section: {"sweeps": {name: None for name in given[section]["sweeps"] if name not in names}}
        for section, names in kept.items()
    }
    assert all(set(names) <= set(given[section]["sweeps"]) for section, names in kept.items())
    return complete(
        sweeps
        | {"datasets": {"mine": "mine.npz"}, "panels": {"remedies": ["a"]}}
        | {"mirror": "here", "robustness": "robustness.parquet", "container": "atlas.sif"}
    )


def places(value, path=()):
    """The path of keys of everything in a config; of a list, and of what has names, the first."""
    if isinstance(value, list):
        members = list(enumerate(value))[:1]
    elif isinstance(value, dict):
        members = list(value.items())[: 1 if path and path[-1] in ENTRIES else None]
    else:
        return
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def at(config, path):
    """What stands at a path of keys."""
    for key in path:
        config = config[key]
    return config


def changed(config, path, key, value):
    """A copy in which the entry at a path is called ``key`` and is this."""
    config = copy.deepcopy(config)
    inside = at(config, path[:-1])
    if key != path[-1]:
        del inside[path[-1]]
    inside[key] = value
    return config


def passes(config):
    """Whether a config passes; if not, it must be told in one line that starts with the key."""
    try:
        complete(config)
    except InputError as error:
        assert re.fullmatch(r"config: [^\x00-\x1f]+|[a-z_.]+( .*)?: [^\x00-\x1f]+", str(error))
        return False
    return True


def test_a_string_that_is_no_name_is_refused_or_known_to_reach_no_shell_bare(monkeypatch):
    import configuration

    read = functools.cache(configuration._read)  # the defaults, once for some hundred configs
    monkeypatch.setattr(configuration, "_read", lambda file: copy.deepcopy(read(file)))
    config = shortened()
    passing = {"value": set(), "name": set()}
    for path in places(config):
        value, key = at(config, path), path[-1]
        if isinstance(value, str):
            for bad in (HOSTILE, f"{value}\n", f"--output={value}"):
                if passes(changed(config, path, key, bad)):
                    passing["value"].add((path[-2] if len(path) > 1 else "") or key)
        if len(path) > 1 and path[-2] in NAMING:
            for bad in (HOSTILE, f"{key}\n", f"--output={key}"):
                if passes(changed(config, path, bad, value)):
                    passing["name"].add(path[-2])
    # These travel as JSON, and the functions that they are for check them.
    assert passing["value"] == {"architecture_options"}
    assert passing["name"] == {"parameters"}


# As much of it as a path may have; the working folder is called so too.
QUOTED = HOSTILE.replace("{sweep}", "")
OWN = """
from pathlib import Path

Path("imported").write_text("")


def build(input_shape, classes, **options):
    raise NotImplementedError


def loss(**parameters):
    raise NotImplementedError


def activation(z):
    return z * 1.0
"""
SHELL_CONFIG = {
    "tables": None,
    "mirror": QUOTED,
    "robustness": f"{QUOTED}.parquet",
    "datasets": {"mine": f"{QUOTED}.npz"},
    "theory": {"activations": ["tanh", "own:activation"]},
    "training": {
        "sweeps": {"depth_series": {"base": {"dataset": "mine", "activation": "own:activation"}}}
    },
    "networks": {
        "sweeps": {
            "transformers": {
                "base": {"dataset": "mine", "architecture": "own:build"},
                "variants": {"post_2": {"architecture_options": {"note": HOSTILE}}},
            }
        }
    },
    "dynamics": {
        "sharpness": {"architecture": "own:build", "architecture_options": {"note": HOSTILE}},
        "flow": {"problems": {"quadratic": {"loss": "own:loss", "parameters": {HOSTILE: HOSTILE}}}},
    },
}


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory):
    """A working folder of a hostile name, with the files that the config names."""
    folder = tmp_path_factory.mktemp("hostile") / QUOTED
    folder.mkdir()
    (folder / "own.py").write_text(OWN)
    (folder / f"{QUOTED}.parquet").write_text("")
    images = (np.arange(2000 * 16) % 256).astype(np.uint8).reshape(2000, 4, 4)
    np.savez(folder / f"{QUOTED}.npz", images=images, labels=np.arange(2000) % 5)
    (folder / "hostile.yaml").write_text(yaml.safe_dump(SHELL_CONFIG))
    return folder


@pytest.fixture(scope="module")
def hostile_plan(hostile_folder):
    return workflow_in_process.plan(
        SHELL_CONFIG, ["figures/bundle.zip", "report", "site"], hostile_folder
    )


def called_words(command, folder, tmp_path):
    """The words that a shell gives to Python, when it runs a job's command in this folder."""
    tmp_path.mkdir(exist_ok=True)
    said = tmp_path / "words.json"
    stub = tmp_path / "python"
    stub.write_text(
        f"#!{sys.executable} -IS\nimport json, sys\n"
        f"with open({str(said)!r}, 'x') as file:\n    json.dump(sys.argv[1:], file)\n"
    )
    stub.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; {command}"],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    words = json.loads(said.read_text())
    said.unlink()
    return words


def test_a_shell_gives_each_string_to_its_script_and_does_nothing_else(
    hostile_folder, hostile_plan, tmp_path
):
    # One job of each rule, and each job whose command has one of the strings.
    jobs = {job.rule: job for job in hostile_plan}
    chosen = {
        job.command: job for job in hostile_plan if "touch" in job.command or job in jobs.values()
    }
    assert {"prepare_dataset", "train_network", "measure_sharpness", "simulate_flow"} <= {
        job.rule for job in chosen.values() if "touch" in job.command
    }
    there = sorted(hostile_folder.rglob("*"))
    given = {}
    for command, job in chosen.items():
        for log in re.findall(r"logs/[^ ;|]+", command):
            (hostile_folder / log).parent.mkdir(parents=True, exist_ok=True)
        words = called_words(command, hostile_folder, tmp_path / "bin")
        assert words == [str(job.script), *job.arguments]
        given.setdefault(job.rule, []).extend(words)
    made = set(hostile_folder.rglob("*")) - set(there)
    assert {path.relative_to(hostile_folder).parts[0] for path in made} == {"logs"}
    assert {f"{QUOTED}.npz", "--mirror", QUOTED} <= set(given["prepare_dataset"])
    assert f"{QUOTED}.parquet" in given["check_claims"]
    for rule in ("train_network", "measure_sharpness", "simulate_flow"):
        told = [json.loads(word) for word in given[rule] if word.startswith("{")]
        assert any(json.dumps(HOSTILE) in json.dumps(settings) for settings in told)


def test_every_path_in_a_command_is_quoted():
    rules = [file.read_text() for file in sorted((PROJECT / "workflow/rules").glob("*.smk"))]
    commands = re.findall(r"\n    shell:\n((?: {8}.*\n)+)", "".join(rules))
    assert len(commands) > 30
    paths = re.findall(r"\{(?:input|output|log|wildcards)\b[^}]*\}", "".join(commands))
    assert {path for path in paths if not path.endswith(":q}")} == set()


def build(folder, config, *targets):
    """Build these files in this folder; nothing is imported before Snakemake begins."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = ["snakemake", "--snakefile", str(PROJECT / "workflow/Snakefile"), "--cores", "1"]
    words += ["--configfile", config, "--", *targets]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_job_that_is_given_such_strings_does_its_work_and_no_more(hostile_folder):
    words = ["--snakefile", PROJECT / "workflow/Snakefile", "--cores", "1", "--configfile"]
    words += ["hostile.yaml", "--", "results/datasets/mine/dataset.json"]
    done = snakemake_here.snakemake(words, hostile_folder)
    assert done.returncode == 0, done.stderr
    said = json.loads((hostile_folder / "results/datasets/mine/dataset.json").read_text())
    assert said["name"] == "mine"
    assert not list(hostile_folder.rglob("pwned*"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mirror": "a{b}"}, "config: mirror: 'a{b}'"),
        ({"mirror": "--output=a"}, "config: mirror: '--output=a'"),
        ({"container": "a.sif;b"}, "config: container: 'a.sif;b'"),
        ({"container": "a b.sif"}, "config: container: 'a b.sif'"),
        ({"tables": "a\0b"}, r"config: tables: 'a\x00b'"),
        ({"robustness": "a\nb"}, r"config: robustness: 'a\nb'"),
        ({"datasets": {"a": "b.npz\n"}}, r"config: datasets.a: 'b.npz\n'"),
        ({"datasets": {"a\n": "b.npz"}}, r"config: datasets: 'a\n'"),
        ({"panels": {"remedies": ["a\n"]}}, r"config: panels.remedies.0: 'a\n'"),
        ({"theory": {"activations": ["--help"]}}, "config: theory.activations.0: '--help'"),
        ({"training": {"sweeps": {"a\n": {}}}}, r"config: training.sweeps: 'a\n'"),
        ({"a\x1b[2J": 1}, r"config: a\x1b[2J: unknown key"),
    ],
)
def test_a_string_that_breaks_a_path_or_a_command_is_refused_by_its_key(changes, said):
    with pytest.raises(InputError) as raised:
        complete(changes)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_a_value_that_cannot_name_a_folder_is_refused():
    sweep = {"base": {"dataset": "digits"}, "seeds": [0]}
    sweep["grid"] = {"architecture_options": [{"depth": 3}]}
    with pytest.raises(InputError, match=r"networks.sweeps.a.grid.architecture_options: .*folder"):
        complete({"networks": {"sweeps": {"a": sweep}}})


def test_planning_runs_no_code_of_the_config(hostile_folder, hostile_plan):
    assert hostile_plan
    assert not (hostile_folder / "imported").exists()


# Names that Python, its library, ours and the scripts are looked for by.
SHADOWING = (
    "random",
    "typing",
    "argparse",
    "numpy",
    "yaml",
    "torch",
    "command_line",
    "warm_start",
    "warm_imports",
)
SHADOWING += ("configuration", "costs", "gradient_atlas", "snakemake", "mine")


@pytest.fixture
def shadowed(tmp_path):
    """A working folder full of modules that nobody names; each leaves a file if it is imported."""
    for name in SHADOWING:
        (tmp_path / f"{name}.py").write_text(f"open('ran_{name}', 'w')\nraise SystemExit(3)\n")
    return tmp_path


def test_only_the_module_that_the_config_names_is_imported(shadowed):
    (shadowed / "own.py").write_text(OWN)
    (shadowed / "own.yaml").write_text("theory: {activations: ['own:activation']}\ntables: null\n")
    done = build(shadowed, "own.yaml", "results/theory/activations/part.parquet")
    assert done.returncode == 0, done.stderr
    assert (shadowed / "imported").exists()
    assert not list(shadowed.glob("ran_*"))


def test_the_command_line_imports_nothing_of_the_working_folder(shadowed):
    (shadowed / "gradient_atlas.py").unlink()  # Python itself would run it in our place
    words = [sys.executable, "-m", "gradient_atlas", "check-figure", "none.pdf"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
    done = subprocess.run(words, cwd=shadowed, env=environment, capture_output=True, text=True)
    assert not list(shadowed.glob("ran_*")), done.stderr
    assert "none.pdf" in done.stderr
