"""Archives of tables: what is in them comes out as it was, and only what is asked for is taken."""

import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import token
import tokenize
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archives import DEFAULT, located
from asked import code_digest, program
from gradient_atlas.errors import InputError
from gradient_atlas.tables.archive import read_index, take, write_archive
from gradient_atlas.tables.crate import METADATA, Job, crate
from gradient_atlas.tables.files import ENCODING, write
from gradient_atlas.tables.packing import pack, unpack
from snakemake_here import snakemake

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src"
NAMES = ("theory/a/part.parquet", "training/s/gradients/x=1,5 %/part.parquet")
SCHEMA = pa.schema([("x", pa.float64()), ("n", pa.int64())])
ASKED = {"code": "0", "config": "1", "versions": "numpy 1"}
CITATION = {
    "title": "A title",
    "version": "1.0",
    "date-released": "2020-01-02",
    "license": "MIT",
    "authors": [{"name": "A group"}, {"family-names": "Noether", "given-names": "Emmy"}],
}


@pytest.fixture
def results(tmp_path):
    for position, name in enumerate(NAMES):
        write(SCHEMA, {"x": [0.1, position], "n": [1, 2]}, tmp_path / "results" / name, {})
    return tmp_path / "results"


def packed(results, target, names=NAMES):
    """An archive of these tables, each of a job of its own."""
    jobs = [
        Job("make", "src/make.py", [], [f"results/{name}"], ASKED | {"code": name})
        for name in names
    ]
    files = {f"results/{name}": results / name for name in names} | {"src/make.py": b"pass"}
    write_archive(
        files, lambda known: crate(known, jobs, CITATION, "src/make.py", [], "9.0"), target
    )
    return target


@pytest.fixture
def archive(results, tmp_path):
    return packed(results, tmp_path / "tables.tar.xz")


def test_tables_come_out_as_they_went_in_and_only_those_asked_for(archive, results, tmp_path):
    assert {name: entry["asked"] for name, entry in read_index(archive).items()} == {
        name: ASKED | {"code": name} for name in NAMES
    }
    take(archive, NAMES[1:], tmp_path / "other")
    found = [path for path in (tmp_path / "other").rglob("*") if path.is_file()]
    assert found == [tmp_path / "other" / NAMES[1]]
    assert found[0].read_bytes() == (results / NAMES[1]).read_bytes()


def test_same_tables_same_archive(archive, results, tmp_path):
    os.utime(results / NAMES[0], (0, 0))
    again = packed(results, tmp_path / "again.tar.xz")
    assert again.read_bytes() == archive.read_bytes()


@given(
    st.lists(st.tuples(st.floats(), st.floats(width=32), st.text(), st.booleans(), st.integers(0)))
)
def test_a_packed_table_is_a_table_and_comes_out_as_it_was(rows):
    schema = pa.schema(
        [
            ("double", pa.float64()),
            ("single", pa.float32()),
            ("text", pa.string()),
            ("yes", pa.bool_()),
            ("count", pa.uint64()),
        ],
        metadata={"run": "{}"},
    )
    rows = [(*row[:4], row[4] % 2**64) for row in rows]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * len(schema)
    table = pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, **ENCODING)
    small = pack(sink.getvalue())
    assert unpack(small) == sink.getvalue()
    found = pq.read_table(io.BytesIO(small))
    assert found.schema.equals(schema, check_metadata=True)
    # By their bytes, so that a nan is one.
    for name in ("double", "single"):
        assert found[name].to_numpy().tobytes() == table[name].to_numpy().tobytes()
    assert found.select(["text", "yes", "count"]).equals(table.select(["text", "yes", "count"]))


def test_a_table_of_another_writer_stays_as_it_is():
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": [0.5]}), sink, compression="gzip")
    assert pack(sink.getvalue()) == sink.getvalue()


def test_a_table_that_is_not_there_is_named(archive, tmp_path):
    with pytest.raises(InputError, match="holds no theory/b"):
        take(archive, ["theory/b/part.parquet"], tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"no archive", "cut"])
def test_what_is_no_archive_is_refused(archive, tmp_path, content):
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(archive.read_bytes()[:40] if content == "cut" else content)
    with pytest.raises(InputError, match=r"broken[.]tar[.]xz"):
        read_index(broken)


@pytest.mark.parametrize("metadata", [b"[]", b"{}", b'{"@graph": [1]}', b'{"@graph": [{}]}'])
def test_other_metadata_are_refused(tmp_path, metadata):
    other = repacked(tmp_path / "other.tar.xz", {METADATA: metadata})
    with pytest.raises(InputError, match="no archive of tables"):
        read_index(other)


def repacked(target, members):
    """An archive of these members: each one's bytes, or what it is besides a file."""
    with tarfile.open(target, "w:xz") as opened:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(data, dict):
                member.type, member.linkname = data["type"], data["linkname"]
                opened.addfile(member)
            else:
                member.size = len(data)
                opened.addfile(member, io.BytesIO(data))
    return target


def told_of(name, data):
    """Metadata that tell of one table with this content."""
    known = {f"results/{name}": {"sha256": hashlib.sha256(data).hexdigest()}, "src/make.py": {}}
    job = Job("make", "src/make.py", [], [f"results/{name}"], ASKED)
    return json.dumps(crate(known, [job], CITATION, "src/make.py", [], "9.0")).encode()


def test_a_table_with_other_bytes_than_the_index_says_is_refused_by_name(tmp_path):
    members = {METADATA: told_of(NAMES[0], b"right"), f"results/{NAMES[0]}": b"wrong"}
    false = repacked(tmp_path / "false.tar.xz", members)
    with pytest.raises(InputError, match=f"{NAMES[0]} is not what its index says"):
        take(false, NAMES[:1], tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/outside", "a/../b"])
def test_nothing_is_written_outside_the_results(tmp_path, name):
    name = f"{tmp_path}{name}" if name.startswith("/") else name
    # Both with the results' folder before it and without.
    members = {METADATA: told_of(name, b"x"), name: b"x", f"results/{name}": b"x"}
    false = repacked(tmp_path / "false.tar.xz", members)
    with pytest.raises(InputError, match="must lie below"):
        take(false, [name], tmp_path / "other")
    assert sorted(tmp_path.iterdir()) == [false]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_a_member_that_is_no_file_is_no_table(tmp_path, kind):
    (tmp_path / "secret").write_bytes(b"x")
    path = f"results/{NAMES[0]}"
    # A link to a member of the right content, and to a file outside: neither is followed.
    for target in ("secret", f"{tmp_path}/secret", "../../../secret"):
        members = {METADATA: told_of(NAMES[0], b"x"), "secret": b"x"}
        members[path] = {"type": kind, "linkname": target}
        false = repacked(tmp_path / "false.tar.xz", members)
        with pytest.raises(InputError, match="is not what its index says"):
            take(false, NAMES[:1], tmp_path / "other")
        assert not (tmp_path / "other").exists()


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


@pytest.mark.parametrize("wrong", ["short", "cut", "corrupted", "empty"])
def test_a_broken_download_leaves_nothing_is_told_and_is_tried_again(archive, tmp_path, wrong):
    right = archive.read_bytes()
    content = {"short": right[:100], "cut": right[:-1], "empty": b""}.get(
        wrong, right[:-1] + bytes([right[-1] ^ 1])
    )
    answers = [content]

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            # The short one closes before it has sent what it announced.
            length = len(right) if wrong == "short" else len(answers[0])
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(answers[0])

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/tables.tar.xz"
        named = f"{address}#sha256={hashlib.sha256(right).hexdigest()}"
        with pytest.raises(InputError) as raised:
            located(named, tmp_path, tmp_path / "cache")
        assert address in str(raised.value)
        assert "\n" not in str(raised.value)
        assert not list((tmp_path / "cache").rglob("*"))
        answers[0] = right
        assert located(named, tmp_path, tmp_path / "cache").read_bytes() == right
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
        command = ["--snakefile", self.project / "workflow/Snakefile", "--cores", "1", *words]
        command += ["--configfile", self.project / "config/smoke.yaml", "own.yaml"]
        done = snakemake(command, self.place)
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
    for file in ("CITATION.cff", "LICENSE", "README.md", "environment.yml"):
        shutil.copy(PROJECT / file, copy)
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


@pytest.fixture(scope="module")
def unpacked(computed):
    """The archive's files, as `tar -xf` lays them out."""
    folder = computed.place.parent / "crate"
    folder.mkdir()
    subprocess.run(
        ["tar", "-xf", computed.place / "results/tables.tar.xz", "-C", folder], check=True
    )
    return folder


def described(folder):
    """The entities of a crate's metadata."""
    graph = json.loads((folder / METADATA).read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    return entities


def references(value):
    """Everything that an entity points at."""
    if isinstance(value, list):
        return [found for one in value for found in references(one)]
    if isinstance(value, dict):
        return [value["@id"]] if set(value) == {"@id"} else references(list(value.values()))
    return []


def test_metadata_tell_of_every_file_and_of_nothing_else(computed, unpacked):
    entities = described(unpacked)
    assert not {place for place in references(list(entities.values())) if "://" not in place} - set(
        entities
    )
    listed = {
        unquote(place): entity for place, entity in entities.items() if "File" in entity["@type"]
    }
    there = {
        path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()
    }
    assert set(listed) == there - {METADATA}
    assert set(references(entities["./"]["hasPart"])) == {
        quote(path, safe="/=,") for path in listed
    }
    for path, entity in listed.items():
        data = (unpacked / path).read_bytes()
        assert entity["sha256"] == hashlib.sha256(data).hexdigest(), path
        assert entity["contentSize"] == str(len(data)), path
        assert "/" in entity["encodingFormat"], path
        if "tableSha256" in entity:
            table = (computed.place / path).read_bytes()
            assert entity["tableSha256"] == hashlib.sha256(table).hexdigest()
            assert pq.read_table(unpacked / path).equals(pq.read_table(computed.place / path))
    # All that was built is the work of one job each.
    jobs = [one for one in entities.values() if one["@type"] == "CreateAction"]
    made = [place for job in jobs if job["@id"] != "#build" for place in references(job["result"])]
    assert len(made) == len(set(made))
    assert set(made) == {
        place
        for place in entities
        if place.startswith(("results/", "figures/")) and not place.endswith("dataset.json")
    }
    assert {place for place in made if place.startswith("figures/")} == {
        f"figures/{figure}.{ending}"
        for figure in CONFIG["figures"]
        for ending in ("pdf", "tex", "md")
    }
    by = {place: job for job in jobs[1:] for place in references(job["result"])}
    metrics = by["results/training/early_layer_learning/metrics/variant=relu/part.parquet"]
    assert metrics["instrument"] == {"@id": "src/train.py"}
    assert metrics["object"] == {"@id": "results/datasets/digits/dataset.json"}


def test_metadata_say_who_when_and_under_which_licence(unpacked):
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    entities = described(unpacked)
    root = entities["./"]
    assert root["datePublished"] == str(citation["date-released"])
    assert root["license"]["@id"].endswith(f"/{citation['license']}")
    assert [entities[place]["name"] for place in references(root["author"])] == [
        author["name"] for author in citation["authors"]
    ]
    text = (unpacked / METADATA).read_text() + (unpacked / "build.yaml").read_text()
    assert str(unpacked.parent) not in text  # where it was built


VALIDATOR = Path(sys.prefix) / "crate/bin/python"
# What is recommended and cannot be had.
NOT_HAD = (
    "process-run-crate-0.5_3.2",  # an address of the software: none is known
    "process-run-crate-0.5_5.1",  # the same, as its identifier
    "process-run-crate-0.5_8.4",  # when a job ended: no output knows a time
    "process-run-crate-0.5_8.6",  # who ran it: nor that
    "ro-crate-1.1_31.2",  # an address of the authors
    "workflow-ro-crate-1.0_8.1",  # Bioschemas' profile of a workflow: it wants addresses
)


@pytest.mark.long
@pytest.mark.skipif(not VALIDATOR.exists(), reason="no validator of RO-Crates: see .ci/run")
def test_the_archive_is_a_valid_workflow_run_crate(unpacked):
    done = subprocess.run(
        [VALIDATOR, PROJECT / "tests/validate_crate.py", unpacked], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["checks"] > 100
    assert told["issues"] == dict.fromkeys(NOT_HAD, "RECOMMENDED"), told["messages"]


def test_figures_are_drawn_of_an_archive_as_if_computed(computed, unpacked):
    archive = str(computed.place / "results/tables.tar.xz")
    # The archive has the code and the config as well: another machine needs nothing else.
    fresh = Folder(unpacked, computed.place.parent / "fresh")
    built = yaml.safe_load((unpacked / "build.yaml").read_text())
    told = fresh.run("all", **built, tables=archive)
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
