"""What every test may use, and leaves behind as it was."""

# Before anything that imports numpy or torch: tests compute as a build does.
import command_line  # noqa: F401

import fcntl
import os
import shutil

import hypothesis
import pytest
from matplotlib import pyplot as plt

import tiny_build

# No timed assertion: a busy machine must not make a right answer wrong.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


# The longest first, so that no worker is left alone with one of them in the end.
LONGEST = ("mutations", "workflow", "processors", "faults", "archive", "site", "slurm", "paper")


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "long: needs another program or an emulated processor, or computes for minutes; "
        "left out by `make test` and not by `make test ALL=1`",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep a file's tests on one worker, since they share what they build; long files come first.

    Every figure's mutations are a build of their own, so that file is for every worker.
    """
    ranks = {f"test_{name}": rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
    for item in items:
        group = item.path.stem
        if group == "test_mutations" and hasattr(item, "callspec"):
            group += f"_{item.callspec.params['figure']}"
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    """Close a test's figures, which matplotlib would keep to the end."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A folder that one worker makes and all read: ``made_once(name, make)`` to its path."""
    # The workers of pytest-xdist have folders beside each other.
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get(name, make):
        folder, done = base / name, base / f"{name}.done"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a worker that has failed
                make(folder)
                done.touch()
        return folder

    return get


@pytest.fixture(scope="session")
def undisturbed(made_once):
    """A tiny build that nothing went wrong with: its folder, to be copied, and its bytes."""

    def make(folder):
        done = tiny_build.build(tiny_build.prepare(folder))
        assert done.returncode == 0, tiny_build.said(done)

    folder = made_once("undisturbed", make)
    return folder, tiny_build.outputs(folder)


@pytest.fixture(scope="session")
def network():
    """The loss of a tanh network small enough for its dense Hessian, in float64."""
    # Most tests need no torch, which takes two seconds to import.
    import torch

    from gradient_atlas.dynamics.network_loss import network_loss

    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    return network_loss(inputs, torch.arange(20) % 3, (7, 5), seed=0, classes=3)
