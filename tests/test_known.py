"""A finding is taken again only where nothing that it follows from has changed."""

import json
from pathlib import Path

import pytest

import known
import pages
from code_dependencies import _imported_names, literal, source_files
from workflow_in_process import NotPlannedError, plan


@pytest.fixture
def kept(tmp_path):
    """The file of the findings, and afterwards none."""
    yield tmp_path / "kept/known.json"
    known.keep_in(tmp_path / "nothing.json")
    known._file.clear()


def later_plan(kept):
    """What the next process begins with."""
    known.save()
    known.keep_in(kept)


class Finder:
    """Returns what it is told to, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"found": [self.calls]}


def test_it_is_found_once_and_again_where_anything_has_changed(kept):
    find = Finder()
    known.keep_in(kept)
    for _ in range(2):
        assert known.known("a", ["x", "y"], find) == {"found": [1]}
    later_plan(kept)
    assert known.known("a", ["x", "y"], find) == {"found": [1]}
    others = [("b", ["x", "y"]), ("a", ["x", "z"]), ("a", ["xy"]), ("a", ["x", "y", ""])]
    for calls, (what, follows_from) in enumerate(others, start=2):
        assert known.known(what, follows_from, find) == {"found": [calls]}
    later_plan(kept)
    assert known.known("a", ["x", "y"], find) == {"found": [1]}
    assert find.calls == 5


def test_a_refusal_is_not_kept(kept):
    known.keep_in(kept)

    def refuse():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            known.known("a", [], refuse)
        later_plan(kept)
    assert known.known("a", [], Finder()) == {"found": [1]}


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"3", b"null", b"\xff\xfe"])
def test_a_broken_file_is_as_none(kept, content):
    kept.parent.mkdir()
    kept.write_bytes(content)
    find = Finder()
    known.keep_in(kept)
    assert known.known("a", [], find) == {"found": [1]}
    later_plan(kept)
    known.known("a", [], find)
    assert find.calls == 1


def test_where_nothing_can_be_written_it_is_found_each_time(kept):
    kept.parent.write_text("a file where the folder would be")
    find = Finder()
    for calls in (1, 2):
        known.keep_in(kept)
        known.known("a", [], find)
        known.save()
        assert find.calls == calls


def test_those_used_last_are_kept(kept, monkeypatch):
    monkeypatch.setattr(known, "_MOST", 3)
    known.keep_in(kept)
    for name in "abcd":
        known.known(name, [], Finder())
    later_plan(kept)
    assert len(json.loads(kept.read_text())) == 3
    known.known("b", [], Finder())
    known.known("new", [], Finder())
    later_plan(kept)
    for name, calls in (("b", 0), ("new", 0), ("d", 0), ("a", 1), ("c", 1)):
        find = Finder()
        known.known(name, [], find)
        assert (name, find.calls) == (name, calls)


def test_code_is_other_code_where_a_file_is_edited_added_removed_or_renamed(tmp_path):
    def digest():
        known.all_code.cache_clear()
        return known.all_code(tmp_path)

    (tmp_path / "below").mkdir()
    (tmp_path / "below/a.py").write_text("1")
    seen = [digest()]
    assert digest() == seen[0]
    (tmp_path / "below/a.py").write_text("12")
    seen.append(digest())
    (tmp_path / "b.py").write_text("")
    seen.append(digest())
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    seen.append(digest())
    (tmp_path / "below/a.py").unlink()
    seen.append(digest())
    assert len(set(seen)) == 5


def test_an_edited_file_has_other_literals_and_imports_in_a_later_plan(kept, tmp_path):
    known.keep_in(kept)
    file = tmp_path / "src/work.py"
    file.parent.mkdir()
    (tmp_path / "src/other.py").write_text("")
    file.write_text("TABLES = {1: ('a', 1e999)}\n")
    assert literal(file, "TABLES") == {1: ("a", float("inf"))}
    assert source_files(file.parent, "work.py") == (str(file),)
    later_plan(kept)
    assert literal(file, "TABLES") == {1: ("a", float("inf"))}
    file.write_text("import other\nTABLES = {1: 'b'}\n")
    # Of a file as it is at the first look; a later plan is another process.
    source_files.cache_clear()
    _imported_names.cache_clear()
    assert literal(file, "TABLES") == {1: "b"}
    assert source_files(file.parent, "work.py") == (str(file), str(tmp_path / "src/other.py"))


def test_a_page_is_looked_at_again_where_the_config_has_changed(kept, tmp_path, monkeypatch):
    looked_at = []
    check = pages.check_pages
    monkeypatch.setattr(
        pages, "check_pages", lambda *given: (looked_at.append(given[2]), check(*given))
    )

    def planned(panels, **style):
        config = {"figures": ["remedies"], "style": {"venue": "icml", **style}}
        plan(config | {"panels": panels}, ["figures/remedies.pdf"], tmp_path / "build")
        return len(looked_at)

    assert [planned({}), planned({})] == [1, 1]
    with pytest.raises(NotPlannedError, match=r"config: remedies: .* do not fit"):
        planned({}, column="half")
    with pytest.raises(NotPlannedError, match=r"config: remedies: .* do not fit"):
        planned({}, column="half")
    assert len(looked_at) == 3
    assert [planned({"remedies": ["a"]}, column="half"), planned({})] == [4, 4]
    assert Path(tmp_path / "build/.snakemake/gradient_atlas_known.json").is_file()
