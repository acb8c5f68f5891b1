"""A quick look: every section shorter and still right, in a folder of its own, marked as such."""

import copy
import math
import shutil

import pytest
import yaml
from matplotlib import pyplot as plt

import workflow_in_process
from config_mutations import overlay
from configuration import complete
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.quick import TITLE, mark, marked_caption
from gradient_atlas.errors import InputError
from quick import FEWEST_STEPS, FOLDER, SEEDS, SHARE, quick
from tiny_build import PROJECT, build, outputs, said

DEFAULTS = PROJECT / "config/config.yaml"
SCHEMA = PROJECT / "workflow/schemas/config.schema.yaml"


def completed(name="config"):
    given = yaml.safe_load((PROJECT / f"config/{name}.yaml").read_text())
    return complete(given, DEFAULTS, SCHEMA)


FULL = completed()
SHORT = quick(FULL)


def seeded(section, place=()):
    """The place of every section that has seeds."""
    for key, value in section.items() if isinstance(section, dict) else ():
        if isinstance(value, dict) and "seeds" in value:
            yield (*place, key)
        yield from seeded(value, (*place, key))


def at(config, place):
    for key in place:
        config = config[key]
    return config


def changes(before, after, place=()):
    """Place, value before and after of whatever differs; a list is one value."""
    if isinstance(before, dict):
        assert list(before) == list(after), place
        for key in before:
            yield from changes(before[key], after[key], (*place, key))
    elif before != after:
        yield place, before, after


@pytest.mark.parametrize("name", ["config", "paper", "smoke"])
def test_a_quick_config_is_a_right_one(name):
    config = completed(name)
    before = copy.deepcopy(config)
    short = quick(config)
    assert config == before
    default = yaml.safe_load(DEFAULTS.read_text())
    assert complete(overlay(default, short), DEFAULTS, SCHEMA) == short


@pytest.mark.parametrize("place", list(seeded(FULL)), ids=".".join)
def test_a_section_with_seeds_has_fewer_seeds_and_steps_and_all_else(place):
    full, short = at(FULL, place), at(SHORT, place)
    assert short["seeds"] == full["seeds"][:SEEDS]
    assert len(full["seeds"]) > SEEDS  # or the section would be no quicker
    for inner, before, after in changes(full, short):
        if inner[-1] in ("epochs", "every"):
            assert after == math.ceil(before / SHARE), inner
        elif inner[-1] in ("steps", "max_steps"):
            assert after == max(math.ceil(before / SHARE), FEWEST_STEPS), inner
        else:
            assert inner[-1] in ("seeds", "warmup_steps"), inner


def test_what_has_no_seeds_stays():
    places = list(seeded(FULL))
    for place, _, _ in changes(FULL, SHORT):
        inside = any(place[: len(one)] == one for one in places)
        assert inside or place == ("tables",), place


def test_the_quick_build_has_the_jobs_of_the_full_one(tmp_path):
    targets = [f"figures/{figure}.pdf" for figure in FULL["figures"]] + ["results/claims.parquet"]
    full = workflow_in_process.plan({"tables": None}, targets, tmp_path / "full")
    short = workflow_in_process.plan({"quick": True}, targets, tmp_path / "short")
    assert {(job.rule, job.outputs) for job in full} == {(job.rule, job.outputs) for job in short}
    # Beside it lies what plans keep for each other, as in any folder that one was made in.
    assert {path.name for path in (tmp_path / "short").iterdir()} - {".snakemake"} == {FOLDER}


def test_quick_and_strict_are_refused_together():
    with pytest.raises(InputError, match="strict"):
        quick(FULL | {"strict": True})


def test_a_quick_build_leaves_the_full_one_as_it_is(tmp_path, undisturbed):
    folder, full = shutil.copytree(undisturbed[0], tmp_path / "build"), undisturbed[1]
    done = build(folder, "--config", "quick=true")
    assert done.returncode == 0, said(done)
    assert outputs(folder) == full
    short = outputs(folder / FOLDER)
    assert set(short) == set(full)
    caption = short["figures/training_loss.md"].decode()
    assert "fewer seeds and steps" in caption
    assert "fewer seeds and steps" in short["figures/training_loss.tex"].decode()
    assert "fewer seeds and steps" not in full["figures/training_loss.md"].decode()
    assert TITLE in (folder / FOLDER / "figures/training_loss.layout.json").read_text()
    assert "Nothing to be done" in said(build(folder, "--dry-run"))
    done = build(folder, "results/tables.tar.xz", "--config", "quick=true")
    assert done.returncode == 1
    assert "an archive is of a full build" in said(done)


def test_the_mark_stands_above_a_title_and_takes_no_room_of_the_panels_words():
    figure, axes = plt.subplots(layout="constrained", figsize=(3, 2))
    axes.set_title("panel")
    mark(figure)
    figure.draw_without_rendering()
    (written,) = [text for text in figure.texts if TITLE in text.get_text()]
    assert not written.get_window_extent().overlaps(axes.title.get_window_extent())
    assert figure.bbox.contains(*written.get_window_extent().max)


def test_a_marked_caption_says_so_first_and_keeps_its_numbers():
    caption = marked_caption(Caption("A norm of [[norm]].", {"norm": Number(2)}))
    assert caption.plain().startswith("Quick look, from fewer seeds and steps")
    assert caption.plain().endswith("A norm of $2$.")
