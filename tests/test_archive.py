"""Archives of tables: what is in them comes out as it was, and only what is asked for is taken."""

import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
import token
import tokenize
from pathlib import Path

import pytest
import yaml

from archives import DEFAULT, located
from asked import code_digest, program
from gradient_atlas.errors import InputError
from gradient_atlas.tables.archive import read_index, take, write_archive

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src"
NAMES = ("theory/a/part.parquet", "training/s/gradients/x=1/part.parquet")


@pytest.fixture
def results(tmp_path):
    for position, name in enumerate(NAMES):
        (tmp_path / "results" / name).parent.mkdir(parents=True)
        (tmp_path / "results" / name).write_bytes(bytes(range(position, 200)))
    return tmp_path / "results"


@pytest.fixture
def archive(results, tmp_path):
    write_archive({name: {"code": name} for name in NAMES}, results, tmp_path / "tables.tar.xz")
    return tmp_path / "tables.tar.xz"


def test_tables_come_out_as_they_went_in_and_only_those_asked_for(archive, results, tmp_path):
    assert {name: entry["asked"] for name, entry in read_index(archive).items()} == {
        name: {"code": name} for name in NAMES
    }
    take(archive, NAMES[1:], tmp_path / "other")
    found = [path for path in (tmp_path / "other").rglob("*") if path.is_file()]
    assert found == [tmp_path / "other" / NAMES[1]]
    assert found[0].read_bytes() == (results / NAMES[1]).read_bytes()


def test_same_tables_same_archive(archive, results, tmp_path):
    os.utime(results / NAMES[0], (0, 0))
    asked = {name: {"code": name} for name in reversed(NAMES)}
    write_archive(asked, results, tmp_path / "again.tar.xz")
    assert (tmp_path / "again.tar.xz").read_bytes() == archive.read_bytes()


def test_a_table_that_is_not_there_is_named(archive, tmp_path):
    with pytest.raises(InputError, match="holds no theory/b"):
        take(archive, ["theory/b/part.parquet"], tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"no archive", "cut"])
def test_what_is_no_archive_is_refused(archive, tmp_path, content):
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(archive.read_bytes()[:40] if content == "cut" else content)
    with pytest.raises(InputError, match=r"broken[.]tar[.]xz"):
        read_index(broken)


def repacked(target, members):
    with tarfile.open(target, "w:xz") as opened:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    return target


def test_a_table_with_other_bytes_than_the_index_says_is_refused(tmp_path):
    index = json.dumps({NAMES[0]: {"sha256": hashlib.sha256(b"right").hexdigest()}}).encode()
    false = repacked(tmp_path / "false.tar.xz", {"index.json": index, NAMES[0]: b"wrong"})
    with pytest.raises(InputError, match="not what the index says"):
        take(false, NAMES[:1], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_nothing_is_written_outside_the_results(tmp_path):
    name = "../outside"
    index = json.dumps({name: {"sha256": hashlib.sha256(b"x").hexdigest()}}).encode()
    false = repacked(tmp_path / "false.tar.xz", {"index.json": index, name: b"x"})
    with pytest.raises(InputError, match="must lie below"):
        take(false, [name], tmp_path / "other")
    assert not (tmp_path / "outside").exists()


def test_an_archive_is_looked_for_here_and_in_the_project(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").mkdir()
    assert located(None, tmp_path, tmp_path) is None
    assert located(DEFAULT, tmp_path / "project", tmp_path) == Path(DEFAULT)
    shutil.move(archive, tmp_path / "project")
    assert located(DEFAULT, tmp_path / "project", tmp_path) == tmp_path / "project" / DEFAULT
    assert located(DEFAULT, tmp_path, tmp_path) is None
    with pytest.raises(InputError, match="no such file"):
        located("other.tar.xz", tmp_path, tmp_path)
    with pytest.raises(InputError, match="another archive"):
        located(f"{DEFAULT}#sha256=00", tmp_path / "project", tmp_path)


def test_an_archive_is_brought_once_and_checked(archive, tmp_path):
    asked = []

    class Server(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words):
            super().__init__(*words, directory=tmp_path)

        def log_message(self, *words):
            asked.append(words)

    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for _ in range(2):
            brought = located(f"{address}/{archive.name}#sha256={digest}", tmp_path, tmp_path / "c")
            assert brought.read_bytes() == archive.read_bytes()
        assert len(asked) == 1
        for words, said in [
            (f"{address}/{archive.name}", "add its digest"),
            (f"{address}/{archive.name}#sha256=00", "another archive"),
            (f"{address}/nothing#sha256=00", "HTTP 404"),
        ]:
            with pytest.raises(InputError, match=said):
                located(words, tmp_path, tmp_path / "c")
        server.shutdown()


def spoken(text):
    """Every token that does something; a string that is a statement of its own does nothing."""
    layout = (token.NL, token.NEWLINE, token.INDENT, token.DEDENT, tokenize.COMMENT)
    found, begins = [], True
    for one in tokenize.generate_tokens(io.StringIO(text).readline):
        if one.type in (token.NEWLINE, token.INDENT, token.DEDENT):
            begins = True
        elif one.type not in layout:
            if not (begins and one.type == token.STRING):
                found.append(one.string)
            begins = False
    return found


@pytest.mark.parametrize(
    "file", [path.relative_to(SOURCE).as_posix() for path in sorted(SOURCE.glob("*/*/*.py"))][::7]
)
def test_a_program_is_its_tokens_without_comments_and_docstrings(file):
    text = (SOURCE / file).read_text(encoding="utf-8")
    assert spoken(program(SOURCE / file)) == spoken(text)


def test_a_comment_is_no_other_code_and_a_number_is(tmp_path):
    def digest(text):
        (tmp_path / str(len(seen))).mkdir()
        file = tmp_path / str(len(seen)) / "a.py"
        file.write_text(text, encoding="utf-8")
        seen.append(code_digest(file.parent, (str(file),)))
        return seen[-1]

    seen = []
    first = digest('"""Says é."""\n\n\ndef f(x):\n    """Twice."""\n    return 2 * x  # é\n')
    assert digest('"""Other."""\ndef f(x):\n    # more\n    return 2 * x\n') == first
    assert (
        digest('"""Says é."""\n\n\ndef f(x):\n    """Twice."""\n    return 3 * x  # é\n') != first
    )
    assert digest('def f(x):\n    return "# 2" * x\n') != digest(
        'def f(x):\n    return "# 3" * x\n'
    )


# From here on the workflow itself, on two cheap figures, one of trained networks.
CONFIG = {
    "figures": ["quadratic_convergence_rate", "early_layer_learning"],
    "training": {"sweeps": {"early_layer_learning": {"base": {"depth": 3, "max_steps": 4}}}},
}


class Folder:
    """A folder in which the workflow of a copy of the project is run."""

    def __init__(self, project, place):
        self.project, self.place = project, place
        place.mkdir()

    def run(self, *words, **config):
        (self.place / "own.yaml").write_text(yaml.safe_dump(CONFIG | config))
        command = ["snakemake", "--snakefile", str(self.project / "workflow/Snakefile")]
        command += ["--cores", "1", *words]
        command += ["--configfile", str(self.project / "config/smoke.yaml"), "own.yaml"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            command, cwd=self.place, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    def planned(self, **config):
        """Rules that would run, each with its number of jobs, and what is said of the archive."""
        told = self.run("--dry-run", **config)
        rows = [line.split() for line in told.splitlines()]
        jobs = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
        said = [line for line in told.splitlines() if line.startswith("tables.tar.xz: ")]
        return jobs, "".join(said)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    copy = tmp_path_factory.mktemp("project") / "gradient_atlas"
    for part in ("config", "src", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / part, copy / part, ignore=ignored)
    shutil.copy(PROJECT / "environment.yml", copy)
    return copy


@pytest.fixture(scope="module")
def computed(project, tmp_path_factory):
    """A folder in which the figures were computed, and their archive."""
    folder = Folder(project, tmp_path_factory.mktemp("builds") / "computed")
    folder.run("all", "archive")
    return folder


def files(folder):
    return {
        str(path.relative_to(folder.place)): path.read_bytes()
        for top in ("results", "figures")
        for path in sorted((folder.place / top).rglob("*"))
        if path.suffix in (".parquet", ".pdf", ".svg", ".png", ".tex", ".csv", ".md")
    }


def test_figures_are_drawn_of_an_archive_as_if_computed(computed, project):
    archive = str(computed.place / "results/tables.tar.xz")
    fresh = Folder(project, computed.place.parent / "fresh")
    told = fresh.run("all", tables=archive)
    assert "nothing is trained" in told
    assert not any(rule in told for rule in ("rule train:", "rule simulate", "rule predict"))
    made = files(fresh)
    assert made == {path: content for path, content in files(computed).items() if path in made}
    assert len([path for path in made if path.endswith(".pdf")]) == 2
    assert fresh.planned(tables=archive)[0] == {}
    # What was computed in a folder stays there, whatever an archive has.
    assert computed.planned(tables=archive)[0] == {}

    # A changed config computes what it touches, and the rest stays.
    sweep = CONFIG["training"]["sweeps"]["early_layer_learning"]
    changed = {"training": {"sweeps": {"early_layer_learning": sweep | {"seeds": [0, 5]}}}}
    jobs, said = fresh.planned(tables=archive, **changed)
    assert jobs["train"] == 2
    assert not {"simulate_quadratic", "predict_descent"} & set(jobs)
    assert "4 are computed, since its own were made by other config" in said


def test_tables_of_other_code_are_not_taken(computed, project):
    archive = str(computed.place / "results/tables.tar.xz")
    folder = Folder(project, computed.place.parent / "edited")
    file = project / "src/gradient_atlas/training/loop.py"
    text = file.read_text()
    try:
        file.write_text("# A comment.\n" + text)
        assert "train" not in folder.planned(tables=archive)[0]
        file.write_text(text + "\nANOTHER = 1\n")
        jobs, said = folder.planned(tables=archive)
        assert jobs["train"] == 2
        assert "simulate_quadratic" not in jobs
        assert "were made by other code" in said
    finally:
        file.write_text(text)
