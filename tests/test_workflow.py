"""The real workflow on the smoke config: builds, stands still, rebuilds exactly what changed."""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import polars
import pyarrow.dataset
import pytest
import yaml

import snakemake_here

PROJECT = Path(__file__).parents[1]
FIGURES = yaml.safe_load((PROJECT / "config/config.yaml").read_text())["figures"]
# These figures together need a job of every rule; all of them take twice as long.
FEW = ["activation_derivatives", "quadratic_trajectories", "escaping_slow_regions"]
FEW += ["flow_and_adaptive_steps", "warmup", "width_and_learning_rate", "central_flow"]
FEW += ["edges_of_other_optimizers", "edge_of_stability", "phase_diagram", "finite_width"]
FEW += ["half_precision", "jacobian_spectrum", "residual_networks", "trainable_depth"]
FEW += ["recurrent_gradient_norms"]


def snakemake(project, folder, *words):
    """Run the project's workflow in a folder; returns the finished process."""
    command = ["--snakefile", project / "workflow/Snakefile", *words]
    if "--configfile" not in words:
        command += ["--configfile", project / "config/few.yaml"]
    return snakemake_here.snakemake(command, folder)


def planned(project, folder, *words):
    """Rules that would run, each with its number of jobs."""
    done = snakemake(project, folder, *words, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in (done.stdout + done.stderr).splitlines()]
    jobs = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    return {rule: number for rule, number in jobs.items() if rule not in ("total", "all")}


def outputs(folder):
    """Bytes of every table and figure, by path."""
    endings = (".parquet", ".pdf", ".png", ".svg", ".tex", ".md", ".csv", ".html")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for top in ("results", "figures")
        for path in sorted((folder / top).rglob("*"))
        if path.suffix in endings
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project that a test may edit."""
    copy = tmp_path_factory.mktemp("project") / "gradient_atlas"
    for part in ("config", "src", "workflow", "tests", "environment.yml"):
        source = PROJECT / part
        target = copy / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    few = yaml.safe_load((copy / "config/smoke.yaml").read_text()) | {"figures": FEW}
    (copy / "config/few.yaml").write_text(yaml.safe_dump(few))
    return copy


@pytest.fixture(scope="module")
def built(project, tmp_path_factory):
    """A folder in which the few figures of the smoke config stand, built on one core."""
    folder = tmp_path_factory.mktemp("built")
    done = snakemake(project, folder, "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return folder


@pytest.fixture(scope="module")
def whole(project, tmp_path_factory):
    """A folder in which the whole smoke build stands, built on two cores."""
    folder = tmp_path_factory.mktemp("whole")
    smoke = ("--configfile", project / "config/smoke.yaml")
    done = snakemake(project, folder, "--cores", "2", *smoke)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return folder


of_few_and_of_all = pytest.mark.parametrize(
    ("build", "figures"),
    [
        pytest.param("built", FEW, id="few"),
        pytest.param("whole", FIGURES, id="all", marks=pytest.mark.long),
    ],
)


@pytest.fixture
def edited(project):
    """Edit a file of the copy for one test: ``edited(path, old, new)``."""
    originals = {}

    def edit(path, old, new):
        file = project / path
        originals.setdefault(file, file.read_text())
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    yield edit
    for file, text in originals.items():
        file.write_text(text)


def test_the_few_figures_need_a_job_of_every_rule(project, tmp_path):
    smoke = ("--configfile", project / "config/smoke.yaml")
    assert planned(project, tmp_path).keys() == planned(project, tmp_path, *smoke).keys()


@of_few_and_of_all
def test_every_figure_and_every_claim_is_there(build, figures, request):
    built = request.getfixturevalue(build)
    for figure in figures:
        for ending in ("pdf", "png", "svg", "tex", "md", "csv"):
            assert (built / f"figures/{figure}.{ending}").stat().st_size > 0, f"{figure}.{ending}"
        assert "[[" not in (built / f"figures/{figure}.md").read_text()
    claims = pd.read_parquet(built / "results/claims.parquet")
    assert set(claims["figure"]) <= set(figures)
    assert set(claims["verdict"]) <= {
        "supported",
        "refuted",
        "undecided",
        "not measured",
        "identity",
    }


@of_few_and_of_all
def test_every_table_of_the_page_is_read_by_each_library_as_one_hive_data_set(
    build, figures, request
):
    built = request.getfixturevalue(build)
    folders = {file.parent for file in built.glob("results/**/part.parquet")}
    while deeper := {folder for folder in folders if "=" in folder.name}:
        folders = folders - deeper | {folder.parent for folder in deeper}
    sets = {str(f.relative_to(built)): f for f in folders}
    sets["results/claims.parquet"] = built / "results/claims.parquet"
    page = (PROJECT / "results/README.md").read_text()
    for place in re.findall("^## (.*)$", page, re.MULTILINE):
        # What is named after what varies is the layout of the data set's own folders.
        name = re.sub("(/<what varies>|(/[a-z_]+=<[a-z]+>)+)/$", "", place).rstrip("/")
        pattern = re.sub("<[^>]*>", "[^/]+", name)
        if place == "results/robustness.parquet":
            continue  # no part of a build; one file as claims.parquet is
        assert figures is FEW or any(re.fullmatch(pattern, folder) for folder in sets), place
    for name, folder in sets.items():
        files = str(folder if folder.suffix else folder / "**/*.parquet")
        query = f"SELECT * FROM read_parquet('{files}', hive_partitioning=true)"
        found = {
            "pandas": pd.read_parquet(folder),
            "pyarrow": pyarrow.dataset.dataset(folder, partitioning="hive").to_table().to_pandas(),
            "duckdb": duckdb.sql(query).df(),
            "polars": polars.read_parquet(files, hive_partitioning=True),
        }
        assert len({frozenset(frame.columns) for frame in found.values()}) == 1, name
        assert len({len(frame) for frame in found.values()}) == 1, name


def test_a_second_run_finds_nothing_to_do(project, built):
    assert planned(project, built) == {}


@pytest.mark.long
def test_one_core_in_a_clean_folder_gives_the_same_bytes(whole, built):
    first, second = outputs(whole), outputs(built)
    assert len([path for path in second if path.endswith(".pdf")]) == len(FEW)
    # The whole build has the claims of more figures.
    claims = [pd.read_parquet(folder / "results/claims.parquet") for folder in (whole, built)]
    of_few = claims[0][claims[0]["figure"].isin(FEW)].sort_values(["figure", "claim"])
    other = claims[1].sort_values(["figure", "claim"])
    pd.testing.assert_frame_equal(of_few.reset_index(drop=True), other.reset_index(drop=True))
    same = [path for path in second if not path.startswith("results/claims.")]
    assert [path for path in same if first[path] != second[path]] == []
    for content in first.values():
        assert str(PROJECT.parent).encode() not in content


def test_an_edited_style_redraws_and_computes_nothing_again(project, built, edited):
    edited(
        "src/gradient_atlas/drawing/style.py", '"legend.frameon": False', '"legend.frameon": True'
    )
    jobs = planned(project, built)
    assert jobs.pop("draw_figure") == len(FEW)
    # What is drawn is checked again, and nothing before the drawing is touched.
    assert jobs.keys() <= {"check_figure", "check_claims", "report"}


def test_another_venue_redraws_and_computes_nothing_again(project, built):
    jobs = planned(project, built, "--config", 'style={"venue": "icml"}')
    assert jobs.pop("draw_figure") == len(FEW)
    assert jobs.keys() <= {"check_figure", "report"}


def test_an_edited_training_loop_retrains_and_simulates_nothing_again(project, built, edited):
    edited(
        "src/gradient_atlas/training/loop.py",
        "_PROGRESS_CHECK = 20 ",
        "_PROGRESS_CHECK = 21 ",
    )
    jobs = planned(project, built)
    # Networks by name have another loop.
    smoke = yaml.safe_load((PROJECT / "config/smoke.yaml").read_text())
    own = set(smoke["networks"]["sweeps"])
    folders = [
        folder for folder in (built / "results/training").iterdir() if folder.name not in own
    ]
    files = [file for folder in folders for file in folder.rglob("metrics/**/part.parquet")]
    assert jobs["train"] == len(files)
    assert not jobs.keys() & {"prepare_dataset", "simulate_quadratic", "simulate_flow"}


def test_a_changed_value_runs_exactly_what_it_touches(project, built, tmp_path):
    changed = {"training": {"sweeps": {"trainable_depth": {"base": {"epochs": 3}}}}}
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(changed))
    jobs = planned(
        project,
        built,
        "--configfile",
        str(project / "config/few.yaml"),
        str(tmp_path / "changed.yaml"),
    )
    folder = built / "results/training/trainable_depth/metrics"
    assert jobs["train"] == len(list(folder.rglob("part.parquet")))


def test_one_figure_builds_alone(project, tmp_path):
    jobs = planned(project, tmp_path, "figures/quadratic_trajectories.pdf")
    assert "train" not in jobs
    assert jobs["draw_figure"] == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("figurs=[]", "figurs: unknown key; did you mean figures?"),
        (
            'training={"sweeps": {"training_loss": {"base": {"depth": -3}}}}',
            "training.sweeps.training_loss",
        ),
        (
            'training={"sweeps": {"depth_series": {"base": {"activation": "rleu"}}}}',
            "rleu",
        ),
        ('figures=["training_los"]', "training_los"),
    ],
)
def test_a_wrong_config_is_one_clear_error_before_any_work(project, tmp_path, given, words):
    done = snakemake(project, tmp_path, "--cores", "1", "--config", given)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert not (tmp_path / "results").exists()


def test_an_unreachable_data_set_is_one_clear_line_and_leaves_nothing(project, tmp_path):
    (tmp_path / "empty").mkdir()
    config = {"mirror": str(tmp_path / "empty")}
    done = snakemake(
        project,
        tmp_path,
        "--cores",
        "1",
        "results/datasets/cifar10/dataset.json",
        "--config",
        *[f"{key}={json.dumps(value)}" for key, value in config.items()],
    )
    assert done.returncode != 0
    assert "error: " in done.stdout + done.stderr
    assert not list((tmp_path / "results").rglob("*.npy"))


OWN_FIGURE = '''"""Two parameters of descent, one against the other."""

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number

TABLES = {"phase_plot": {"paths": "dynamics/quadratic"}}
COLOR = "black"


def phase_plot(tables, style):
    figure, (axes,) = style.new_figure(1)
    for _, path in tables["paths"].groupby("learning_rate"):
        start = path[path["step"] < 50]
        axes.plot(start["theta_1"], start["theta_2"], color=COLOR, linewidth=0.8)
    axes.set(xlabel="first parameter", ylabel="second parameter", ylim=(-2, 2))
    return figure


def phase_plot_caption(tables):
    rates = tables["paths"]["learning_rate"].nunique()
    return Caption("Descent at [[rates]] rates.", {"rates": Number(rates)})


def phase_plot_claims(tables):
    start = tables["paths"].query("step == 0")["distance"].to_list()
    return [Claim("own", "mine", "it starts away from 0", "", "distance", start, 0.1, kind="every")]
'''


def test_a_figure_of_ones_own_is_drawn_checked_and_redrawn_when_it_is_edited(project, tmp_path):
    own = tmp_path / "my_figures.py"
    own.write_text(OWN_FIGURE)
    asked = ("--config", 'figures=["my_figures:phase_plot"]')
    done = snakemake(project, tmp_path, "--cores", "1", *asked)
    assert done.returncode == 0, done.stderr[-6000:]
    assert "Descent at $3$ rates." in (tmp_path / "figures/phase_plot.md").read_text()
    claims = pd.read_parquet(tmp_path / "results/claims.parquet")
    assert claims[["figure", "claim"]].to_numpy().tolist() == [["phase_plot", "own"]]
    assert planned(project, tmp_path, *asked) == {}
    own.write_text(OWN_FIGURE.replace('"black"', '"red"'))
    jobs = planned(project, tmp_path, *asked)
    assert jobs.keys() == {"draw_figure", "check_figure", "check_claims"}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("my_figure:phase_plot", OWN_FIGURE, "no module 'my_figure'"),
        ("my_figures:phase_plots", OWN_FIGURE, "did you mean phase_plot?"),
        ("my_figures:phase_plot", OWN_FIGURE.replace("TABLES", "SETS"), "must say TABLES"),
        (
            "my_figures:phase_plot",
            OWN_FIGURE.replace("phase_plot_caption", "caption"),
            "phase_plot_caption is missing",
        ),
        (
            "my_figures:phase_plot",
            OWN_FIGURE.replace("dynamics/quadratic", "training/absent/metrics"),
            "training.sweeps.absent: missing",
        ),
    ],
)
def test_a_wrong_figure_of_ones_own_is_one_clear_error(project, tmp_path, name, text, words):
    (tmp_path / "my_figures.py").write_text(text)
    done = snakemake(project, tmp_path, "--cores", "1", "--config", f'figures=["{name}"]')
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert not (tmp_path / "results").exists()


def test_an_edited_remark_redraws_nothing(project, built, edited):
    edited("src/gradient_atlas/claims/trainable_depth.py", "remark=", "  remark=")
    assert planned(project, built).keys() == {"check_claims"}


def test_an_edited_colour_decides_no_claim_again(project, built, edited):
    edited("src/gradient_atlas/drawing/style.py", "#4477AA", "#4477AB")
    jobs = planned(project, built)
    assert jobs.keys() == {"draw_figure", "check_figure"}
