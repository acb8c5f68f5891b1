"""The profile for Kubernetes: its keys, a plan, and a build with its files in a bucket.

No pod is started: jobs run here, and the bucket is a server of this process.
"""

import importlib.util
import re
import threading
import time
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
import yaml

from snakemake_here import snakemake, users
from tiny_build import PROJECT, build, command, outputs, prepare, said

PROFILE = PROJECT / "workflow/profiles/kubernetes"
PLUGINS = ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_s3")
MISSING = [name for name in PLUGINS if not importlib.util.find_spec(name)]
OF_PLUGINS = ("kubernetes-", "storage-s3-")
TARGET = "figures/training_loss.pdf"
STORED = "s3://my-bucket/gradient-atlas"


def test_every_key_that_is_no_plugin_s_is_an_option_of_snakemake():
    from snakemake.cli import get_argument_parser

    options = {
        option.removeprefix("--")
        for action in get_argument_parser()._actions
        for option in action.option_strings
    }
    keys = yaml.safe_load((PROFILE / "config.yaml").read_text())
    assert {key for key in keys if not key.startswith(OF_PLUGINS)} <= options


class Bucket(BaseHTTPRequestHandler):
    """As much of S3's language as Snakemake speaks."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, content=b"", changed=0.0):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", formatdate(changed, usegmt=True))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def name(self):
        return unquote(urlsplit(self.path).path).strip("/").partition("/")[2]

    def do_GET(self):
        name, files = self.name(), self.server.files
        if name:
            self.answer(*((200, *files[name]) if name in files else (404,)))
            return
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        found = "".join(
            f"<Contents><Key>{quote(name)}</Key><Size>{len(content)}</Size><LastModified>"
            f"{datetime.fromtimestamp(changed, UTC).isoformat()}</LastModified></Contents>"
            for name, (content, changed) in files.items()
            if name.startswith(prefix)
        )
        self.answer(
            200,
            "<ListBucketResult><Name>my-bucket</Name><EncodingType>url</EncodingType>"
            f"<IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode(),
        )

    def do_HEAD(self):
        self.do_GET()

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.files[self.name()] = (content, time.time())
        self.answer(200)


@pytest.fixture
def bucket():
    """A server of a bucket without files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    server.files = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def with_profile(folder, bucket, *words, profile=PROFILE):
    """Plan or build in a folder of tiny_build with a profile and this bucket."""
    address = f"http://127.0.0.1:{bucket.server_port}"
    line = [*command(*words, cores=None)[1:], "--workflow-profile", profile]
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "none")
    return snakemake([*line, "--storage-s3-endpoint-url", address], folder, users() | keys)


def needs_plugins(test):
    return pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")(test)


@needs_plugins
def test_a_build_is_planned_with_its_files_in_a_bucket(tmp_path, bucket):
    done = with_profile(prepare(tmp_path), bucket, TARGET, "--dry-run", "--printshellcmds")
    assert done.returncode == 0, said(done)
    assert f"{STORED}/{TARGET} (send to storage)" in done.stdout
    assert f"{STORED}/results/datasets/digits/train_images.npy (retrieve from" in done.stdout
    # What the jobs run is no file of the bucket.
    assert not re.search(rf"{STORED}/\S*src/", done.stdout)
    assert f"{STORED}/.snakemake" not in done.stdout
    assert f"python {PROJECT}/src/train.py" in done.stdout


@needs_plugins
def test_a_build_with_its_files_in_a_bucket_makes_the_same_bytes(tmp_path, bucket):
    there = prepare(tmp_path / "there")
    # The last of two values counts: jobs run here, for want of a cluster.
    done = with_profile(there, bucket, TARGET, "claims", "--executor", "local")
    assert done.returncode == 0, said(done)
    assert "error" not in done.stderr.lower()
    here = prepare(tmp_path / "here")
    done = build(here, TARGET, "claims")
    assert done.returncode == 0, said(done)
    kept = {
        name.removeprefix("gradient-atlas/"): content for name, (content, _) in bucket.files.items()
    }
    made = outputs(here)
    made.pop("results/taken_tables.json", None)
    assert made
    assert {name: content for name, content in kept.items() if not name.startswith("logs/")} == made


@needs_plugins
def test_a_key_that_the_plugins_do_not_know_is_refused(tmp_path, bucket):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    text = (PROFILE / "config.yaml").read_text()
    (wrong / "config.yaml").write_text(f"{text}kubernetes-nonsense: 1\n")
    done = with_profile(prepare(tmp_path / "build"), bucket, TARGET, "--dry-run", profile=wrong)
    assert done.returncode != 0
    assert "kubernetes-nonsense" in done.stderr
