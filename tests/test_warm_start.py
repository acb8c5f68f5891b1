"""A warm process does a job as a process of its own would, knows no old code, and never stays."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

# A script that says on import that it is imported, and does what its arguments ask.
SCRIPT = """
import os, signal, sys
from pathlib import Path
import warm_start
warm_start.hand_over()
VERSION = 1
with Path("imports").open("a") as imports:
    imports.write("x")

def main():
    print("out", VERSION, *sys.argv[1:])
    print("err", os.environ.get("COLOUR"), file=sys.stderr)
    exec(sys.argv[1])

warm_start.serve(main, lambda: __import__("colorsys"))
main()
"""
# A build: offers warm processes, runs a job for each line that it is given, says how it ended.
BUILD = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
import warm_start
warm_start.offer()
print(json.dumps(warm_start.os.environ[warm_start.FOLDER]), flush=True)
for line in sys.stdin:
    words, environment = json.loads(line)
    environment = warm_start.os.environ | environment
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""
HOLD_LOCK = "import fcntl; held = open('held', 'w'); fcntl.flock(held, fcntl.LOCK_EX); "


class Build:
    """A process that runs jobs; ``folder`` is that of its warm processes."""

    def __init__(self, place):
        self.place = place
        self.script = place / "src/job.py"
        self.process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(self.script.parent)],
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.folder = Path(json.loads(self.process.stdout.readline()))

    def start(self, action, **environment):
        """Ask for a job that does this, and wait for nothing."""
        words = [sys.executable, str(self.script), action]
        self.process.stdin.write(json.dumps([words, environment]) + "\n")
        self.process.stdin.flush()

    def job(self, action, **environment):
        """Return code, output and errors of a job that does this."""
        self.start(action, **environment)
        return json.loads(self.process.stdout.readline())

    def imports(self):
        return len((self.place / "imports").read_text())

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def build(tmp_path):
    (tmp_path / "src").mkdir()
    shutil.copy(SOURCE / "warm_start.py", tmp_path / "src")
    (tmp_path / "src/job.py").write_text(SCRIPT)
    build = Build(tmp_path)
    yield build
    build.end()


def until_free(place):
    """Wait until nobody holds the lock; for ever, should its holder outlive what it belongs to."""
    with (place / "held").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.mark.parametrize(
    ("action", "status", "words"),
    [
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('wrong')", 1, "wrong\n"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("os._exit(7)", 7, ""),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "ended by SIGKILL"),
    ],
)
def test_a_job_ends_as_it_would_by_itself(build, action, status, words):
    alone = [sys.executable, str(build.script), action]
    plain = subprocess.run(alone, cwd=build.place, capture_output=True, text=True)
    for _ in range(2):
        returned, output, errors = build.job(action)
        assert returned == status
        assert output == plain.stdout
        assert words in errors
    assert plain.returncode == (-signal.SIGKILL if status == 137 else status)
    # Once by itself and once for both jobs.
    assert build.imports() == 2


def test_edited_code_is_never_old(build):
    assert build.job("pass")[1] == "out 1 pass\n"
    build.script.write_text(SCRIPT.replace("VERSION = 1", "VERSION = 2"))
    assert build.job("pass")[1] == "out 2 pass\n"
    assert build.job("pass")[1] == "out 2 pass\n"


def test_another_environment_has_a_process_of_its_own(build):
    assert "err red" in build.job("pass", COLOUR="red")[2]
    assert "err blue" in build.job("pass", COLOUR="blue")[2]
    assert "err red" in build.job("pass", COLOUR="red")[2]
    assert build.imports() == 2


def test_what_every_job_would_do_is_done_once_before_the_second(build):
    text, asked = build.script.read_text(), '__import__("colorsys")'
    assert asked in text
    text = text.replace("VERSION = 1", "VERSION = 1\ndone = []")
    build.script.write_text(text.replace(asked, "done.append(os.getpid())"))
    told = [build.job("print(done)")[1].splitlines()[-1] for _ in range(3)]
    assert told[0] == "[]"
    assert told[1] == told[2]  # by one process, whose forks both are
    assert len(json.loads(told[1])) == 1


def test_a_crash_leaves_the_others_their_process(build):
    build.job("pass")
    build.job("os.kill(os.getpid(), signal.SIGSEGV)")
    assert build.job("pass")[0] == 0
    assert build.imports() == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_build_that_was_killed(build, number):
    build.job("pass")
    os.mkfifo(build.place / "begun")
    build.start(HOLD_LOCK + "open('begun', 'w').close(); signal.pause()")
    (build.place / "begun").open().close()  # returns when the job has opened it as well
    os.kill(build.process.pid, number)
    build.process.wait()
    until_free(build.place)


def test_a_job_ends_with_the_process_that_asked_for_it(build):
    build.job("pass")
    action = (
        HOLD_LOCK + "asker = [p for p in Path('/proc').iterdir() if p.name.isdigit() and "
        "b'ASKING' in (p / 'cmdline').read_bytes()]; os.kill(int(asker[0].name), 9); signal.pause()"
    )
    words = [sys.executable, str(build.script), action + "  # ASKING"]
    build.process.stdin.write(json.dumps([words, {}]) + "\n")
    build.process.stdin.flush()
    assert json.loads(build.process.stdout.readline())[0] == -signal.SIGKILL
    until_free(build.place)


def test_a_long_argument_arrives_whole(build):
    text = "x" * 100_000
    assert build.job(f"pass  # {text}")[1] == f"out 1 pass  # {text}\n"


def test_without_an_offer_a_script_starts_as_it_always_did(build):
    words = [sys.executable, str(build.script), "pass"]
    for _ in range(2):
        done = subprocess.run(words, cwd=build.place, capture_output=True, text=True)
        assert done.stdout == "out 1 pass\n"
    assert build.imports() == 2


def test_what_some_jobs_alone_import_a_warm_process_has(build):
    asks = "print('colorsys' in sys.modules)"
    assert [build.job(asks)[1].splitlines()[-1] for _ in range(3)] == ["False", "True", "True"]
    alone = [sys.executable, str(build.script), asks]
    done = subprocess.run(alone, cwd=build.place, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
