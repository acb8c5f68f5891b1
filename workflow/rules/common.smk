# What the rules share: the checked config, and where code, runs and tables are.
import dataclasses
import difflib
import functools
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath


def project_folder(rules):
    """The folder of the project whose rules/ this is.

    Of a module that is taken from a git address (github(...), git+file://...@ref) Snakemake reads
    each Snakefile out of the repository, but jobs run scripts: the commit is unpacked beside them.
    """
    repository = getattr(rules, "repo_path", None)
    if repository is None and hasattr(rules, "hosted_repo"):
        repository = rules.hosted_repo.repo_clone
    if repository is None:
        return Path(str(rules)).parent.parent
    git = ["git", "-C", str(repository)]
    commit = subprocess.check_output([*git, "rev-parse", f"{rules.ref}^{{commit}}"], text=True)
    folder = Path(".snakemake/gradient_atlas") / commit.strip()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        packed = subprocess.check_output([*git, "archive", "--format=tar", commit.strip()])
        with tempfile.TemporaryDirectory(dir=folder.parent) as unpacked:
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                # Early releases of Python 3.11 have no filter; what is unpacked is our own.
                safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                archive.extractall(f"{unpacked}/project", **safely)
            try:
                os.rename(f"{unpacked}/project", folder)
            except OSError:  # another process was first
                if not folder.exists():
                    raise
    return folder.resolve()


# Inside a `module`, workflow.basedir is the importing paper's folder; current_basedir is ours.
PROJECT = project_folder(workflow.current_basedir)
WORKFLOW = PROJECT / "workflow"
SOURCE = PROJECT / "src"
for folder in (WORKFLOW, SOURCE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

import cheaper
import costs
import known
import warm_start
from bundles import bundles, minutes
from clock import take_back
from code_dependencies import literal, own_tables
from code_stamps import stamp
from configuration import HAS_LIBRARIES, check_panels, complete, drawing, training_runs
from gradient_atlas import arithmetic
from gradient_atlas.errors import InputError
from gradient_atlas.runs.cost import estimated_seconds
from gradient_atlas.runs.extension import is_extension, source_file
from gradient_atlas.runs.sweep import sweep_points
from gradient_atlas.runs.feedforward import format_run
from node import run_members_here
from planned import look_at_plan
from quick import FOLDER as QUICK_FOLDER, quick, work_in
from stopping import end_with_jobs

cheaper.collect_seldom()
known.keep_in(Path(".snakemake/gradient_atlas_known.json"))

try:
    config = complete(
        config, PROJECT / "config/config.yaml", WORKFLOW / "schemas/config.schema.yaml"
    )
    if config["quick"]:
        config = quick(config)
        work_in(workflow, QUICK_FOLDER)
except InputError as error:
    raise WorkflowError(str(error)) from None

# How scripts are started, on a cluster's node as here. It is a param, so that a changed arithmetic
# computes everything again.
PYTHON = f"{arithmetic.CHOICE}={config['arithmetic']} python"
if config["arithmetic"] == arithmetic.PORTABLE and not arithmetic.has_portable():
    logger.info(
        "arithmetic: native in place of portable, which x86-64 under Linux has: the last digits may "
        "differ from other machines' (docs/reproducibility.md)"
    )
SWEEPS = config["training"]["sweeps"]
# The file of each user's own activation or initialisation.
EXTENSIONS = {}
# Seconds that the longest job may take; none is started with a limit where this is empty. In the
# environment, since a changed limit computes nothing again.
os.environ[warm_start.SECONDS_LIMIT] = str(60 * (config["time_limit"] or 0))
# In the environment too, for the same reason.
minutes_between = config["checkpoint_minutes"]
os.environ[warm_start.CHECKPOINT_MINUTES] = str(
    "inf" if minutes_between is None else minutes_between
)
RUNS = {name: training_runs(name, sweep) for name, sweep in SWEEPS.items()}
for sweep_name, runs in RUNS.items():
    for run in runs.values():
        for key in ("activation", "initialization"):
            if is_extension(value := getattr(run, key)):
                try:
                    EXTENSIONS.setdefault(value, source_file(value, key))
                except InputError as error:
                    raise WorkflowError(f"config: training.sweeps.{sweep_name}: {error}") from None
ALL_FIGURES = sorted(path.stem for path in (SOURCE / "figures").glob("*.py"))
# A figure's name in paths, with the name that the config gives it: a user's own is module:function.
CONFIGURED = {name.rpartition(":")[2]: name for name in config["figures"]}
FIGURES = list(CONFIGURED)
# The file of each user's own figure.
OWN_FIGURES = {}
for figure, name in CONFIGURED.items():
    if is_extension(name):
        try:
            OWN_FIGURES[figure] = source_file(name, "figures")
            own_tables(OWN_FIGURES[figure], name)
        except InputError as error:
            raise WorkflowError(f"config: {error}") from None
    elif figure not in ALL_FIGURES:
        close = ", ".join(difflib.get_close_matches(figure, ALL_FIGURES, n=1) or ALL_FIGURES)
        raise WorkflowError(f"config: figures: {figure} is none; did you mean {close}?")
if len(FIGURES) < len(config["figures"]):
    raise WorkflowError("config: figures: two have the same name; files would overwrite each other")
try:
    check_panels(config["panels"], [*FIGURES, *ALL_FIGURES])
except InputError as error:
    raise WorkflowError(f"config: {error}") from None

if config["container"]:

    container: config["container"]


# Data sets of several files that are no training sweep: a stage adds its own here, as
# PARTITIONS["dynamics/sharpness"] = {"grid": {"learning_rate": [...]}}.
PARTITIONS = {}
# Where in the config stands what makes a data set, if the data set's name does not say it: a stage
# adds its own, as SECTIONS["dynamics/landscape"] = ("dynamics", "flow").
SECTIONS = {}

# Jobs of a quarter of a minute and more start first, so that at the end no core waits for one of
# them; before them the data sets that they read.
DATA_FIRST, LONGEST_FIRST = 2, 1


wildcard_constraints:
    sweep="[^/]+",
    figure="|".join(dict.fromkeys([*FIGURES, *ALL_FIGURES])),


def project_file(path):
    """A file of the project as an input, seen from the working directory where the project is in it.

    A cluster's node, or a later build, may find the two elsewhere. `local` keeps a module's prefix
    off it.
    """
    here = Path.cwd()
    return local(str(path.relative_to(here) if path.is_relative_to(here) else path))


@functools.cache
def code_of(script):
    """The file that stands for all code that a script (a path below src/) runs.

    `local` keeps a module's prefix off it; two modules of one paper may be of different commits.
    """
    prefix = workflow.modifier.path_modifier.prefix or ""
    folder = Path(".snakemake/gradient_atlas_code") / prefix
    return local(str(stamp(SOURCE, script, folder)))


def code(*scripts):
    """The first of these scripts (paths below src/), and what stands for all code that they run."""
    return [project_file(SOURCE / scripts[0]), *map(code_of, scripts)]


def as_argument(value):
    """A value as one JSON argument of a shell command, keys in the config's order.

    The order matters: a sweep's folders are nested in the order of its grid. Braces in a string are
    written by their numbers, since Snakemake would take them for a wildcard.
    """
    escaped = re.sub(
        r'"(?:[^"\\]|\\.)*"',
        lambda text: text[0].replace("{", r"\u007b").replace("}", r"\u007d"),
        json.dumps(value),
    )
    return shlex.quote(escaped)


def dataset_files(name):
    """The files of a prepared data set."""
    parts = ("train_images", "train_labels", "test_images", "test_labels")
    return [f"results/datasets/{name}/{part}.npy" for part in parts] + [
        f"results/datasets/{name}/dataset.json"
    ]


def run_of(wildcards):
    """The run that a path of a training job says."""
    try:
        return RUNS[wildcards.sweep][wildcards.run]
    except KeyError:
        raise WorkflowError(
            f"{wildcards.sweep}/{wildcards.run}: not a run of training.sweeps in the config"
        ) from None


@functools.cache
def seconds_of(sweep):
    """Estimated seconds of each run of a training sweep."""
    if not HAS_LIBRARIES:  # a plan alone, which no cluster is asked to run
        return dict.fromkeys(RUNS[sweep], 0.0)
    from gradient_atlas.datasets.prepare import training_rows

    seeds = len(SWEEPS[sweep]["seeds"])
    rows = functools.cache(lambda name: training_rows(config["datasets"].get(name, name)))
    return {
        path: estimated_seconds(run, rows(run.dataset), seeds) for path, run in RUNS[sweep].items()
    }


def cost_in_work(job):
    """The work of a job, in units of its kind (``costs``)."""
    if job.rule.name.endswith("train"):
        return seconds_of(job.wildcards_dict["sweep"])[job.wildcards_dict["run"]]
    return costs.work_of(job)


@functools.cache
def bundles_of(sweep):
    """The number of the cluster job that each run of a training sweep shares with others."""
    return bundles(seconds_of(sweep), config["runs_per_job"])


def shared_job(wildcards):
    """The cluster job of a training run: a group of the name `training` for `group-components`.

    None where nothing is submitted: a group costs planning its number of members squared.
    """
    run_of(wildcards)
    if not workflow.non_local_exec:
        return None
    name = f"{wildcards.sweep}_{bundles_of(wildcards.sweep)[wildcards.run]}"
    workflow.parent_groupids[name] = "training"
    return name


def own_files(files):
    """A user's files as inputs; `local` keeps a module's prefix off them."""
    return [local(os.path.relpath(file)) for file in files if file]


def extension_files(run):
    """The files of a user's own activation and initialisation, so that editing one retrains."""
    return own_files(EXTENSIONS.get(name) for name in (run.activation, run.initialization))


def stage_of(dataset):
    """The first two parts of a data set's name: training/depth of training/depth/metrics."""
    return PurePosixPath(*dataset.split("/")[:2]).as_posix()


def partition(dataset):
    """Grid and variants of a data set's files, or None for a single file."""
    stage = stage_of(dataset)
    members = SWEEPS.get(stage.removeprefix("training/")) or PARTITIONS.get(stage)
    if members is None and stage.startswith("training/"):
        raise WorkflowError(
            f"config: training.sweeps.{stage.removeprefix('training/')}: missing, and networks.sweeps "
            "has none of that name, but a figure of the list `figures` needs it; add the sweep or leave "
            "the figure out"
        )
    if members is None:
        return None
    return {
        "grid": members.get("grid") or {},
        "variants": {variant: {} for variant in members.get("variants") or {}},
    }


def section_of(dataset):
    """Where in the config stands what makes a data set, as a path of keys."""
    stage, name = stage_of(dataset).split("/")
    sweeps = [("training", "sweeps", name), ("networks", "sweeps", name)]
    sections = [(section, name) for section in (stage, *config)]
    for place in [*sweeps, (name,), *sections]:
        if at(config, place) is not None:
            return place
    return SECTIONS.get(f"{stage}/{name}") or ((stage,) if stage in config else None)


def at(settings, place):
    """What stands at a path of keys, or None."""
    for key in place:
        settings = settings.get(key) if isinstance(settings, dict) else None
    return settings


def config_of(figure):
    """The part of the config that a figure's tables are made by."""
    found = {}
    for dataset in datasets_of(figure):
        place = section_of(dataset)
        if place is None:
            raise WorkflowError(f"{dataset}: SECTIONS does not say what of the config makes it")
        inner = found
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
        inner[place[-1]] = at(config, place)
    return found


@functools.cache
def tables_of(figure):
    """The data sets that a figure names, each by the name that the figure gives it."""
    if figure in OWN_FIGURES:
        return own_tables(OWN_FIGURES[figure], CONFIGURED[figure])
    return literal(SOURCE / f"figures/{figure}.py", "TABLES")


def datasets_of(figure):
    """The data sets that a figure names, by stage and name."""
    return [dataset.partition("?")[0] for dataset in tables_of(figure).values()]


def drawing_code(figure):
    """The files that draw a figure; a colour among them decides no claim again."""
    if figure in OWN_FIGURES:
        return code("draw_figure.py") + own_files([OWN_FIGURES[figure]])
    return code("draw_figure.py", f"figures/{figure}.py")


def claims_code(*figures):
    """The files that decide these figures' claims; a remark among them redraws nothing."""
    own = own_files(OWN_FIGURES[figure] for figure in figures if figure in OWN_FIGURES)
    modules = [f"gradient_atlas/claims/{name}.py" for name in figures if name not in OWN_FIGURES]
    return code("check_claims.py", *modules) + own


def table_files(*figures):
    """Every table that these figures read."""
    files = []
    for dataset in sorted({dataset for figure in figures for dataset in datasets_of(figure)}):
        members = partition(dataset)
        if members is None:
            files.append(f"results/{dataset}/part.parquet")
        else:
            files += [
                f"results/{dataset}/{path}/part.parquet" for path, _, _ in sweep_points(members)
            ]
    return files


def all_tables(wildcards):
    """Every table of the build, as an input of whatever needs them all.

    Asked for by name, they are thousands of files that Snakemake sets up for each such rule.
    """
    return table_files(*FIGURES)


def partitions_of(*figures):
    """The partitions of these figures' data sets, as the scripts take them."""
    found = {}
    for dataset in sorted({dataset for figure in figures for dataset in datasets_of(figure)}):
        if members := partition(dataset):
            found[stage_of(dataset)] = members
    return found


def refused_when_quick():
    """Refuse what others take for the full build's; false where this is one."""
    if config["quick"]:
        raise WorkflowError("config: quick: an archive is of a full build; take `quick` out")
    return False


def results_folder(paths):
    """The folder of all tables, with whatever prefix a `module` has put before it."""
    path = str(paths[0])
    return path[: path.rindex("results/") + len("results")]


def recurrent_run_of(wildcards):
    """The run that a path of a recurrent job says, as one JSON argument."""
    if wildcards.run not in RECURRENT_RUNS:
        raise WorkflowError(f"{wildcards.run}: not a run of recurrent in the config")
    return as_argument(dataclasses.asdict(RECURRENT_RUNS[wildcards.run]))


def network_run_of(wildcards):
    """The run that a path of a network's job says."""
    try:
        return NETWORK_RUNS[wildcards.sweep][wildcards.run]
    except KeyError:
        raise WorkflowError(
            f"{wildcards.sweep}/{wildcards.run}: not a run of networks.sweeps in the config"
        ) from None


def architecture_files(settings):
    """The file of a user's own network, so that editing it computes again."""
    name = settings.get("architecture", "")
    return own_files([source_file(name, "architecture")]) if is_extension(name) else []


def parts(settings, *keys):
    """These parts of a section of the config, so that a job runs again for no other."""
    return {key: settings[key] for key in keys}


def category_of(wildcards):
    """The stage that a figure's first data set comes from."""
    return datasets_of(wildcards.figure)[0].partition("/")[0]


def loss_files(settings):
    """The files of a user's own losses, so that editing one simulates again."""
    problems = [*settings["problems"].values(), *settings["escapes"].values()]
    names = sorted({problem["loss"] for problem in problems if is_extension(problem["loss"])})
    return own_files(source_file(name, "dynamics.flow: loss") for name in names)


def check_planned(figures):
    """Refuse a figure of the plan that does not fit its page."""

    def fit():
        from gradient_atlas.drawing.style import style_from
        from pages import check_pages

        check_pages(config, SOURCE / "figures", figures, style_from(config["style"]))
        return True

    if HAS_LIBRARIES:
        # Looked at again where anything has changed that it follows from.
        known.known("pages", [json.dumps([config, figures]), *drawing()], fit)
    known.save()


def known_targets():
    """What a misspelt target may have meant."""
    pages = ["results/claims.parquet", "results/claims.md", "results/report.html"]
    names = sorted({*FIGURES, *ALL_FIGURES})
    drawn = expand("figures/{name}.{ending}", name=names, ending=["pdf", "svg", "png", "tex"])
    files = [*drawn, "figures/bundle.zip", *pages, *table_files(*FIGURES)]
    rules = ("claims", "report", "site", "archive")
    return [workflow.modifier.modify_rulename(rule) for rule in rules] + [
        PREFIX + file for file in files
    ]
