"""After every fault the same command ends with the same bytes, and nothing of it is left behind."""

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

import pyarrow.parquet
import pytest

from snakemake_here import users
from tiny_build import (
    FAULTY_RUN,
    PROJECT,
    RUNS,
    at_step,
    build,
    command,
    outputs,
    prepare,
    said,
)

# In a fault, a process is killed where its whole work lies ahead.
KILL_SNAKEMAKE = """
import os, signal
os.kill(int(Path("snakemake.pid").read_text()), signal.SIGKILL)
"""
HOLD_LOCK = """
import fcntl
held = open("held.lock", "w")
fcntl.flock(held, fcntl.LOCK_EX)
"""
# The shell becomes snakemake, whose number it has written down.
NUMBERED = ["sh", "-c", 'echo $$ > snakemake.pid; exec "$@"', "sh"]
KILL_ITSELF = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
WAIT_FOR_EVER = "import signal; signal.pause()"


@pytest.fixture
def again(undisturbed):
    """What every test ends with: the same command, in ``folder``, gives the same bytes."""
    assert len([file for file in undisturbed[1] if "/metrics/" in file]) == RUNS
    return lambda folder: _build_again(folder, undisturbed[1])


def _build_again(folder, expected):
    (folder / "fault").unlink(missing_ok=True)
    done = build(folder, cores=1)  # the undisturbed one had two
    assert done.returncode == 0, said(done)
    found = outputs(folder)
    assert sorted(found) == sorted(expected)
    assert [file for file in expected if found[file] != expected[file]] == []
    return done


@pytest.fixture
def copy(undisturbed, tmp_path):
    """A folder in which the undisturbed build stands, for a test to damage."""
    return shutil.copytree(undisturbed[0], tmp_path / "build", symlinks=True)


def tables(folder):
    """The finished tables of runs."""
    return sorted((folder / "results/training").rglob("part.parquet"))


@pytest.mark.long
@pytest.mark.parametrize("also", ["", KILL_ITSELF, WAIT_FOR_EVER], ids=["alone", "job", "hung job"])
def test_a_killed_snakemake_leaves_no_job_and_the_same_command_goes_on(tmp_path, again, also):
    folder = prepare(tmp_path / "build")
    (folder / "fault").write_text(HOLD_LOCK + KILL_SNAKEMAKE + also)
    done = subprocess.run([*NUMBERED, *command()], cwd=folder, env=users(), capture_output=True)
    assert done.returncode == -9
    with (folder / "held.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the job has ended: for ever, if it outlived
    # A job that nothing else ends may just have been done when its build was gone.
    if also:
        assert not any(FAULTY_RUN in str(table) for table in tables(folder))
    again(folder)


@pytest.mark.long
def test_a_build_that_is_told_to_stop_ends_with_its_jobs_and_the_same_command_goes_on(
    tmp_path, again
):
    folder = prepare(tmp_path / "build")
    stop = KILL_SNAKEMAKE.replace("SIGKILL", "SIGTERM")
    (folder / "fault").write_text(HOLD_LOCK + stop + WAIT_FOR_EVER)
    plugin = PROJECT / "workflow/progress"
    done = subprocess.run(
        [*NUMBERED, *command("--logger", "atlas")],
        cwd=folder,
        env=users() | {"PYTHONPATH": str(plugin)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    with (folder / "held.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the job has ended: for ever, if it outlived
    assert done.stderr.splitlines()[-1].startswith("stopped: what was running has been told to end")
    assert "fail" not in done.stderr
    assert not any(FAULTY_RUN in str(table) for table in tables(folder))
    again(folder)


def test_a_killed_job_is_named_and_takes_no_other_with_it(tmp_path, again):
    folder = prepare(tmp_path / "build")
    (folder / "fault").write_text(KILL_ITSELF)
    done = build(folder)
    assert done.returncode == 1
    assert FAULTY_RUN in said(done)
    assert "ended by SIGKILL" in said(done)
    healthy = {table: table.stat().st_ino for table in tables(folder)}
    assert len(healthy) == 2 * (RUNS - 1)
    again(folder)
    assert {table: table.stat().st_ino for table in healthy} == healthy  # none was made again


@pytest.mark.long
def test_a_run_that_never_ends_is_ended_at_a_named_place_and_goes_on_from_its_checkpoint(
    copy, again
):
    for table in tables(copy):
        if FAULTY_RUN in str(table):
            table.unlink()
    (copy / "fault").write_text(at_step(1, WAIT_FOR_EVER))
    # That run alone is computed, so that the limit meets no other on a busy machine.
    done = build(copy, "--config", "time_limit=0.05", "checkpoint_minutes=0")
    assert done.returncode == 1
    assert FAULTY_RUN in said(done)
    assert "Timeout (0:00:03" in said(done)
    assert "in tanh" in said(done)
    assert len(tables(copy)) == 2 * (RUNS - 1)
    assert len(list(copy.glob("logs/**/*.checkpoint*"))) == 1
    again(copy)
    (log,) = copy.glob(f"logs/training/training_loss/{FAULTY_RUN}/*.log")
    assert "goes on at step 1 of 4 steps" in log.read_text()
    assert list(copy.glob("logs/**/*.checkpoint*")) == []


def damaged(kind, file):
    """A file's bytes after a fault."""
    content = file.read_bytes()
    middle = len(content) // 2
    if file.suffix == ".parquet":  # in the numbers, not in what says where they are
        column = pyarrow.parquet.ParquetFile(file).metadata.row_group(0).column(0)
        middle = column.dictionary_page_offset + column.total_compressed_size - 1
    return {
        "cut short": content[:middle],
        "emptied": b"",
        "a flipped bit": content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :],
        "overwritten": b"\0" * len(content),
    }[kind]


DAMAGED = {
    "table": "results/training/training_loss/metrics/variant=relu_standard/learning_rate=0.05/"
    "part.parquet",
    "array": "results/datasets/digits/train_images.npy",
}
DAMAGES = ("cut short", "emptied", "a flipped bit", "overwritten")


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        pytest.param(
            place, kind, id=name, marks=[] if name == "table-a flipped bit" else [pytest.mark.long]
        )
        for what, place in DAMAGED.items()
        for kind in DAMAGES
        for name in [f"{what}-{kind}"]
    ],
)
def test_a_damaged_file_is_named_and_made_again(copy, again, place, kind):
    file = copy / place
    file.write_bytes(damaged(kind, file))
    # Younger than what was made of it: that is made again, and so meets the damage.
    done = build(copy)
    if done.returncode:  # Snakemake itself sees that a small file has other bytes than it noted
        assert f"{place}: not " in said(done)
        assert "the next build makes it again" in said(done)
        assert not file.exists()
    again(copy)


@pytest.mark.long
def test_a_second_build_at_the_same_time_is_refused_and_harms_nothing(tmp_path, again):
    folder = prepare(tmp_path / "build")
    second = [word for word in command("--rerun-incomplete") if word != "--nolock"]
    (folder / "fault").write_text(
        "import subprocess\n"
        "fault.unlink()\n"
        f"done = subprocess.run({second!r}, capture_output=True, text=True)\n"
        "Path('second').write_text(str(done.returncode) + done.stderr)\n"
    )
    first = subprocess.run(second, cwd=folder, env=users(), capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    told = (folder / "second").read_text()
    assert told.startswith("1")
    assert "another build is at work in this folder" in told
    (folder / "second").unlink()
    again(folder)


@pytest.mark.long
def test_files_from_before_the_clock_was_moved_back_are_good_files(copy, again):
    ahead = time.time() + 86400
    for file in copy.glob("results/**/*"):
        os.utime(file, (ahead, ahead))
    (copy / "figures/training_loss.pdf").unlink()
    again(copy)
    assert "Nothing to be done" in said(build(copy, "--dry-run"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few hundred kilobytes; ``resize(options)`` changes it."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root alone")

    def resize(options):
        again = ["mount", "-o", f"remount,{options}", str(place)]
        subprocess.run(again, check=True, capture_output=True)

    yield place, resize
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["full", "unwritable"])
def test_what_cannot_be_written_is_told_and_the_same_command_goes_on(
    tmp_path, again, small_disk, fault
):
    folder = prepare(tmp_path / "build")
    disk, resize = small_disk
    (disk / "training").mkdir()
    (folder / "results").mkdir()
    (folder / "results/training").symlink_to(disk / "training")
    if fault == "full":
        (disk / "filling").write_bytes(b"0" * (300 * 1024 - 5 * 4096))
    else:
        resize("ro")
    done = build(folder)
    assert done.returncode == 1
    assert {"full": "No space left", "unwritable": "Read-only file system"}[fault] in said(done)
    assert {path.suffix for path in disk.rglob("*") if path.is_file()} <= {".parquet", ""}
    resize("rw,size=10m")
    (disk / "filling").unlink(missing_ok=True)
    (folder / "results/training").unlink()
    shutil.copytree(disk / "training", folder / "results/training", dirs_exist_ok=True)
    again(folder)


def test_what_a_killed_writer_left_is_no_table_and_goes_with_the_next(copy, again):
    table = tables(copy)[0]
    (table.parent / "part.parquet.abc.part").write_bytes(b"PAR1")
    table.unlink()
    again(copy)
    assert [path.name for path in table.parent.iterdir()] == [Path(table).name]
