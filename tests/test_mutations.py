"""No word on a figure that the config did not say: every value changed, every figure drawn again.

For one figure:  pytest tests/test_mutations.py -k central_flow
All mutations, not a sample (long):  GRADIENT_ATLAS_MUTATIONS=all pytest tests/test_mutations.py
Jobs kept for the next run of pytest:  GRADIENT_ATLAS_TEST_CACHE=/tmp/kept pytest ...
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import config_mutations as configs
from built_figures import Built, Workshop
from named_values import NUMBER_WORDS, is_common, namings, words_named
from single_mutations import Mutation, single_mutations
from workflow_in_process import NotPlannedError

DEFAULT = configs.read("config")
FIGURES = DEFAULT["figures"]
SAMPLE = None if os.environ.get("GRADIENT_ATLAS_MUTATIONS") == "all" else 1
# Made-up data by name: classes and pixels of a side.
DATA = {"glyphs": (10, 8), "blobs": (7, 6), "specks": (5, 5)}
# Numbers of the default config that texts may name whatever the config says, with the reason.
ALLOWED: dict[str, dict[float, str]] = {
    "gradient_norm_during_training": {
        128: "the batch size of a run whose config gives none, not the width",
        64: "orders of magnitude measured in the small config, not the batches of training_loss",
    },
    "spectral_norm_or_gain": {1.06: "the measured norm of standard weights at the small widths"},
}
ALLOWED["exploding_gradients"] = {
    0.001: "a spread over seeds, and the share by which a clipped update moves the weights, no rate"
}
ROWS = 250  # of a data set, a fifth of them for tests
DYNAMICS = ("quadratic", "flow", "central_flow", "sharpness", "edges", "catapult", "limits")
DYNAMICS += ("warmup", "width")
ENSEMBLES = ("jacobian", "finite_width", "phase_diagram", "half_precision")
ALLOWED["remedies"] = {
    0.001: "the spread over seeds of a factor before training, no rate",
    0.14: "an accuracy of 14% of the small config's networks, no scale of a residual branch",
}


@pytest.fixture(scope="module")
def data(made_once):
    """Files of made-up data sets: blobs of grey, one a class, with noise."""

    def make(folder):
        folder.mkdir()
        for name, (classes, side) in DATA.items():
            generator = np.random.default_rng(len(name))
            labels = np.arange(ROWS) % classes
            middles = generator.uniform(40, 210, (classes, side, side))
            images = middles[labels] + generator.normal(0, 25, (ROWS, side, side))
            images = images.clip(0, 255).astype(np.uint8)
            np.savez(folder / f"{name}.npz", images=images, labels=labels)

    # One path for all workers, so that a job of one is a job of the others.
    folder = made_once("data_of_mutations", make)
    return {name: folder / f"{name}.npz" for name in DATA}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, made_once):
    shared = made_once("mutations", Path.mkdir)
    kept = os.environ.get("GRADIENT_ATLAS_TEST_CACHE", shared / "kept")
    build = tmp_path_factory.mktemp("mutations") / "build"
    return Workshop(build, Path(kept), FIGURES, shared / "plans")


@pytest.fixture(scope="module")
def sections(workshop, small):
    """The sections of the config that a figure is made from, by its name."""
    found: dict[str, list[configs.Place]] = {}

    def sections_of(figure: str) -> list[configs.Place]:
        if figure not in found:
            found[figure] = reaching(workshop, small, figure)
        return found[figure]

    return sections_of


@pytest.fixture(scope="module")
def small(data):
    return configs.small(DEFAULT, data)


@pytest.fixture(scope="module")
def other(small):
    return configs.all_changed(small, "blobs", factor=1.0637, more=3, seeds=[4, 5, 6])


@pytest.fixture(scope="module")
def third(small):
    return configs.all_changed(small, "specks", factor=1.1273, more=7, seeds=[7, 8])


def build(workshop: Workshop, config: configs.Config, figure: str) -> Built:
    """Build one figure of a config that every figure is built of."""
    return workshop.build_together(configs.overlay(DEFAULT, config), figure)


def build_alone(workshop: Workshop, config: configs.Config, figure: str) -> Built:
    """Build one figure of a config that is made for it, or that the workflow may refuse."""
    return workshop.build(configs.overlay(DEFAULT, config), figure)


def reaching(workshop: Workshop, config: configs.Config, figure: str) -> list[configs.Place]:
    """The sections of a config that a figure is made from.

    A training sweep by its jobs; another section reaches the figure if its jobs are others when its
    seeds or its numbers are.
    """
    jobs = workshop.plan_together(configs.overlay(DEFAULT, config), figure)[:-1]
    names = {job.sweep for job in jobs if job.sweep}
    found: list[configs.Place] = [
        ("networks" if name in config["networks"]["sweeps"] else "training", "sweeps", name)
        for name in sorted(names)
    ]
    if all(job.sweep or job.rule == "prepare_dataset" for job in jobs):
        return found
    keys = {job.key for job in jobs}
    changed = configs.all_changed(config, "glyphs", factor=1.01, more=1, seeds=[1, 2])
    others = [("dynamics", name) for name in DYNAMICS] + [("ensembles", n) for n in ENSEMBLES]
    for section in [("recurrent",), *others]:
        top = section[0]
        one = {**config, top: changed[top]}
        if len(section) > 1:
            one[top] = config[top] | {section[1]: changed[top][section[1]]}
        again = workshop.plan_together(configs.overlay(DEFAULT, one), figure)[:-1]
        if {job.key for job in again} != keys:
            found.append(section)
    return found


def values_of(config: configs.Config, sections: list[configs.Place]) -> set[tuple[str, float]]:
    """Key and value of every number of these sections, and what a figure may count."""
    found = set()
    for section in sections:
        here = config
        for part in section:
            here = here[part]
        for place, value in configs.leaves(here):
            key = configs.key_of(place)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and key != "seeds" and value != 0:
                found.add((key, value))
            if key == "dataset" and value in DATA:
                found.add(("classes", DATA[value][0]))
        seeds = here.get("seeds") or here.get("network", {}).get("seeds")
        if seeds:
            found.add(("seeds", len(seeds)))
    return found


def named(built: Built, gone: set[tuple[str, float]], figure: str) -> dict[tuple, str]:
    """Where the texts name one of these values, by place, key and value."""
    allowed = ALLOWED.get(figure, {})
    # A claim that says what the config lacks may name it.
    absent = {c.claim for c in built.claims if "not in the config" in c.condition}
    return {
        (place, key, value): pieces[0]
        for place, text in built.texts.items()
        if place.rpartition(".")[0] not in absent
        for key, value in sorted(gone)
        # A bound that the sentence prints is the sentence's, whatever the config says.
        if value not in allowed
        and (pieces := [p for p in namings(text, key, value) if "printed" not in p])
    }


@pytest.mark.long
@pytest.mark.parametrize("figure", FIGURES)
def test_no_text_names_a_value_of_the_default(workshop, sections, small, other, third, figure):
    parts = sections(figure)
    default = values_of(DEFAULT, parts) | values_of(small, parts) | {("classes", 10)}
    lies = []
    for config in (other, third):
        gone = default - values_of(config, parts)
        kept = {value for _, value in values_of(config, parts)}
        gone = {(key, value) for key, value in gone if is_common(value) or value not in kept}
        built = build(workshop, config, figure)
        lies.append(named(built, gone, figure))
        words = ["MNIST", "digits", "glyphs", "mnist_5k"]
        for place, text in built.texts.items():
            assert not (found := words_named(text, words)), f"{place}: {found}"
    # A measured number may be equal to a value by chance, but not in both configs.
    both = [
        f"{key} at {place}: {lies[0][place, key, v]!r}"
        for place, key, v in lies[0].keys() & lies[1]
    ]
    assert not both, f"{figure} names values that the config does not have:\n" + "\n".join(
        sorted(both)
    )


@pytest.mark.long
@pytest.mark.parametrize("figure", FIGURES)
def test_no_text_names_a_value_of_another_config(workshop, sections, small, other, third, figure):
    parts = sections(figure)
    gone = values_of(other, parts) - values_of(third, parts)
    kept = {value for _, value in values_of(third, parts)}
    gone = {(key, value) for key, value in gone if value not in kept and not is_common(value)}
    assert not named(build(workshop, third, figure), gone, figure)


@pytest.mark.long
@pytest.mark.parametrize("figure", FIGURES)
def test_the_papers_config_builds_every_figure(workshop, data, figure):
    """Its own keys (nulls, more depths, another data set), at sizes that take seconds."""
    paper = configs.small(configs.merged(DEFAULT, configs.read("paper")), data)
    built = build(workshop, paper, figure)
    assert built.texts["caption"] and len(built.drawn)
    assert all(claim.condition and claim.quantity for claim in built.claims)


@pytest.mark.long
@pytest.mark.parametrize("figure", FIGURES)
def test_variants_under_other_names_draw_the_same(workshop, small, figure):
    before = build(workshop, small, figure)
    after = build(workshop, configs.renamed(small), figure)
    changed = {
        place: (before.texts.get(place), after.texts.get(place))
        for place in before.texts | after.texts
        if before.texts.get(place) != after.texts.get(place)
    }
    assert not changed
    pd.testing.assert_frame_equal(before.drawn, after.drawn)
    for one, two in zip(before.claims, after.claims, strict=True):
        np.testing.assert_array_equal(one.values, two.values, err_msg=one.claim)


@pytest.mark.long
@pytest.mark.parametrize("figure", FIGURES)
def test_a_whole_sweep_may_be_left_out(workshop, sections, small, figure):
    """What is left is drawn, or the config is refused in a line of its own."""
    sweeps = [place for place in sections(figure) if place[1:2] == ("sweeps",)]
    wrong = []
    for place in sweeps:
        left = dict(small[place[0]]["sweeps"]) | {place[-1]: None}
        try:
            built = build_alone(workshop, small | {place[0]: {"sweeps": left}}, figure)
            assert built.texts["caption"]
        except NotPlannedError as error:
            assert place[-1] in str(error) or figure in str(error), str(error)
        except Exception as error:
            wrong.append(f"{place[-1]}: {type(error).__name__}: {error}"[:300])
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("figure", FIGURES)
def test_every_single_mutation_is_drawn_and_told_truly(workshop, sections, small, figure, capsys):
    mutations: list[Mutation] = []
    parts = sections(figure)
    for section in parts:
        mutations += single_mutations(small, section, "blobs")
    step = 1 if SAMPLE is None else max(1, len(mutations) // SAMPLE)
    wrong, tried = [], 0
    for mutation in mutations[::step]:
        kept = values_of(mutation.config, parts)
        try:
            built = build_alone(workshop, mutation.config, figure)
        except NotPlannedError:
            continue  # the workflow refuses it before any work, in a line of its own
        except Exception as error:
            wrong.append(f"{mutation.name}: {type(error).__name__}: {error}"[:300])
            continue
        finally:
            tried += 1
        gone = {pair for pair in mutation.gone if pair[1] not in {value for _, value in kept}}
        found = named(built, gone, figure)
        wrong += [f"{mutation.name}: {place[0]}: {piece!r}" for place, piece in found.items()]
    with capsys.disabled():
        print(f"\n{figure}: {tried} of {len(mutations)} single mutations tried")
    assert not wrong, "\n".join(wrong)


def test_a_number_is_recognised_as_a_reader_would_read_it():
    assert namings("at 1.9 % a step", "x", 0.019)
    assert namings(r"$1.9\times 10^{-2}$", "x", 0.019)
    assert namings("4,000 rows", "training_examples", 4000)
    assert namings("fifty layers, 50-layer", "depth", 50)
    assert namings("ten classes", "classes", 10) and namings(r"$\ln 10$", "classes", 10)
    assert namings(r"$N(0,10^2)$", "weight_std", 10.0)
    assert namings(r"$\eta = 0.1$ is", "learning_rate", 0.1)
    assert not namings(r"$\eta = 0.13$ and 1.1", "learning_rate", 0.1)
    assert not namings("0.0190001 and 10.019", "x", 0.019)
    assert namings(r"\\XClippedAtFive}{", "clip_norm", 5.0)
    assert not namings(r"\\XClippedAtSixEightFive}{", "clip_norm", 5.0)
    assert not namings(r"of $67\%$ of the runs", "batch_size", 67)
    assert all(is_common(value) for value in (*NUMBER_WORDS, 0.1) if value < 50)
