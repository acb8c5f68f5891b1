"""A stamp is to Snakemake what the files it stands for would be."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from code_dependencies import source_files
from code_stamps import stamp, stamped

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src"
# A process of its own, as each plan is: a file is looked at once in a plan.
UP_TO_DATE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import known
from code_stamps import stamp
known.keep_in(Path(sys.argv[4]) / "known.json")
stamp(Path(sys.argv[3]), "work.py", Path(sys.argv[4]))
known.save()
"""


@pytest.fixture
def source(tmp_path):
    """A script with a module that it imports, one that this imports, and one that nobody does."""
    texts = {
        "work.py": "from gradient_atlas.inner import number\n",
        "gradient_atlas/__init__.py": "",
        "gradient_atlas/inner.py": "from gradient_atlas.deep import number\n",
        "gradient_atlas/deep.py": "number = 1\n",
        "gradient_atlas/other.py": "number = 2\n",
    }
    for age, (name, text) in enumerate(texts.items()):
        file = tmp_path / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (1000 + age, 1000 + age))
    return tmp_path / "src"


@pytest.fixture
def plan(source, tmp_path):
    """What a plan finds: the stamp's text, its time, and its inode."""

    def found():
        words = [PROJECT / "workflow", SOURCE, source, tmp_path / "stamps"]
        subprocess.run([sys.executable, "-c", UP_TO_DATE, *map(str, words)], check=True)
        file = tmp_path / "stamps/work.py.sha256"
        return file.read_text(), file.stat().st_mtime, file.stat().st_ino

    return found


@pytest.mark.parametrize("hash_seed", ["1", "2", "3", "4"])
def test_its_order_is_the_same_in_every_process(source, plan, monkeypatch, hash_seed):
    for name in ("one", "two", "three", "four"):
        (source / f"{name}.py").write_text("")
    (source / "work.py").write_text("import four, one, three, two\n")
    monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
    names = [line.split("  ")[1] for line in plan()[0].splitlines()]
    assert names == ["work.py", "four.py", "one.py", "three.py", "two.py"]


def test_it_names_every_file_as_sha256sum_does(source, tmp_path, plan):
    text, changed, _ = plan()
    for digest, name in (line.split("  ") for line in text.splitlines()):
        assert digest == hashlib.sha256((source / name).read_bytes()).hexdigest()
    below = [str(Path(file).relative_to(source)) for file in source_files(source, "work.py")]
    assert stamped(str(tmp_path / "stamps/work.py.sha256")) == below
    assert len(below) == 4
    assert changed == 1003  # the youngest that it stands for; the other file is younger


def test_a_second_plan_leaves_it_alone(plan):
    assert plan() == plan()


def test_an_edited_file_is_seen_and_that_of_others_is_not(source, plan):
    before = plan()
    (source / "gradient_atlas/other.py").write_text("number = 3\n")
    assert plan() == before
    (source / "gradient_atlas/deep.py").write_text("number = 3\n")
    text, changed, _ = plan()
    assert text != before[0]
    assert changed == (source / "gradient_atlas/deep.py").stat().st_mtime


def test_a_touched_file_makes_it_younger_with_the_same_text(source, plan):
    before = plan()
    os.utime(source / "gradient_atlas/inner.py", (2000, 2000))
    text, changed, _ = plan()
    assert (text, changed) == (before[0], 2000)


def test_one_that_was_lost_is_as_old_as_it_was(plan, tmp_path):
    before = plan()
    (tmp_path / "stamps/work.py.sha256").unlink()
    assert plan()[:2] == before[:2]


def test_a_script_and_a_figure_have_each_their_own(tmp_path):
    for script in ("draw_figure.py", "figures/training_loss.py"):
        path = stamp(SOURCE, script, tmp_path)
        assert path == tmp_path / f"{script}.sha256"
        assert stamped(str(path))[0] == script


def test_what_is_no_stamp_stands_for_nothing():
    assert stamped("results/datasets/digits/dataset.json") == []
