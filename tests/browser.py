"""Headless Chromium for tests of pages."""

import html
import http.server
import json
import queue
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium; apt-get install chromium"
)
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--virtual-time-budget=5000",
]
# Filled into the page once everything has loaded, and read back from its text.
_MEASURE = """<script>window.addEventListener("load", () => {
  const images = [...document.images].map(image => {
    const box = image.getBoundingClientRect();
    return {alt: image.alt, natural: image.naturalWidth, width: box.width, height: box.height};
  });
  const formulas = [...document.querySelectorAll("math")].map(
    formula => formula.getBoundingClientRect().width);
  const fetched = performance.getEntriesByType("resource").map(entry => entry.name);
  const told = document.createElement("pre");
  told.id = "measured";
  told.textContent = JSON.stringify({images, formulas, fetched, text: document.body.innerText});
  document.body.append(told);
});</script>"""


def measure(page: Path, folder: Path) -> dict:
    """Open a page from its file and return what a reader gets.

    Keys: images (alt, natural width, shown width and height), formulas (widths), fetched (addresses
    of everything that was asked for beyond the page itself), text.
    """
    text = page.read_text()
    # The page's own policy forbids scripts; the measuring one is let in, nothing else is.
    text = text.replace("default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';")
    copy = folder / "measured.html"
    copy.write_text(text.replace("</head>", f"{_MEASURE}</head>", 1))
    done = subprocess.run(
        [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'browser'}", "--dump-dom", copy.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the page did not finish loading: {done.stderr[-500:]}"
    return json.loads(html.unescape(found[1]))


# One page after the other in a frame, which may be as narrow as a telephone; no window may.
_VISIT = """<!DOCTYPE html><meta charset="utf-8"><iframe width="%d" height="640"></iframe><script>
const frame = document.querySelector("iframe"), seen = [];
function look(page) {
  const inner = frame.contentWindow, whole = inner.document;
  const focusable = [...whole.querySelectorAll("a[href], button, input, summary, [tabindex]")];
  // What is hidden at this width (a closed drawer, a closed <details>) cannot be focused, rightly.
  const shown = focusable.filter(one => one.checkVisibility({visibilityProperty: true})
    && one.tabIndex >= 0 && one.type !== "hidden");
  const unreached = shown.filter(one => { one.focus(); return whole.activeElement !== one; });
  const unmarked = shown.filter(one => {
    one.focus();
    const style = inner.getComputedStyle(one);
    return one.matches("a, summary, [role=region], pre") && style.outlineStyle === "none";
  });
  const named = list => list.map(one => one.outerHTML.slice(0, 120));
  seen.push({page, width: whole.documentElement.scrollWidth, title: whole.title,
    images: [...whole.images].map(one => ({alt: one.alt, natural: one.naturalWidth})),
    fetched: inner.performance.getEntriesByType("resource").map(entry => entry.name),
    focusable: shown.length, unreached: named(unreached), unmarked: named(unmarked),
    jumps: named(focusable.filter(one => one.tabIndex > 0)),
    wide: named([...whole.querySelectorAll("body *")].filter(one => {
      const box = one.getBoundingClientRect();
      return box.width && box.right > %d + 1 && !one.closest(".wide, .table-wrapper, pre, aside");
    })).slice(0, 5)});
}
(async () => {
  for (const page of %s) {
    await new Promise(done => { frame.onload = done; frame.src = page; });
    for (const image of frame.contentDocument.images) {
      image.loading = "eager";
      await image.decode().catch(() => null);
    }
    look(page);
  }
  await fetch("%s", {method: "POST", mode: "no-cors", body: JSON.stringify(seen)});
})();
</script>"""


def visit(pages: list[Path], folder: Path, width: int = 360) -> tuple[list[dict], list[str]]:
    """Open pages from their files, each in a frame of this width, as one visitor does.

    Returns a page each: title, width of what it needs, what is wider than the frame (wide), images
    (alt, natural width), everything that was fetched, how many elements the keyboard can reach
    (focusable), those that it cannot (unreached), shows no mark on (unmarked) or reaches out of
    order (jumps); and every line that the pages wrote to the console.
    """
    answer: queue.Queue[bytes] = queue.Queue()

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            answer.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            """Say nothing."""

    copy, console = folder / "visit.html", folder / "console.txt"
    flags = [flag for flag in _FLAGS if "virtual-time" not in flag]
    # Or a frame of one file would not show itself to another.
    flags += ["--allow-file-access-from-files", "--disable-web-security"]
    flags += ["--enable-logging=stderr", "--log-level=0", f"--user-data-dir={folder / 'browser'}"]
    # Without an output the browser stays until it is told to go, however long the pages take.
    flags += ["--remote-debugging-port=0"]
    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        addresses = json.dumps([page.as_uri() for page in pages])
        home = f"http://127.0.0.1:{server.server_port}/"
        copy.write_text(_VISIT % (width, width, addresses, home))
        with console.open("w") as told:
            browser = subprocess.Popen([CHROMIUM, *flags, copy.as_uri()], stderr=told)
            try:
                seen = json.loads(answer.get(timeout=300))
            finally:
                browser.terminate()
                browser.wait()
                server.shutdown()
    return seen, [line for line in console.read_text().splitlines() if "CONSOLE" in line]
