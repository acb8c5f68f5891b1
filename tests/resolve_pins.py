"""Ask the index whether every pin has a wheel for each Python and platform that is promised.

Not a test of the suite, since it needs an index: run it when a pin changes,
``python tests/resolve_pins.py``. torch and what only torch brings are left out with
``--without-torch``, for indices that hold them for one platform alone.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GLIBC = range(17, 35)  # manylinux_2_17 (2012) to manylinux_2_34 (2021)
PLATFORMS = {
    "Linux x86-64": [f"manylinux_2_{n}_x86_64" for n in GLIBC] + ["manylinux2014_x86_64"],
    "Linux arm64": [f"manylinux_2_{n}_aarch64" for n in GLIBC] + ["manylinux2014_aarch64"],
    "macOS arm64": ["macosx_15_0_arm64"],
}
MACHINES = {"x86-64": "x86_64", "arm64": "aarch64"}
OF_TORCH = ("torch", "torchvision", "triton", "nvidia-", "cuda-")
# Published as source for these Pythons: the first is pure Python, the second needs a C compiler.
SOURCE_ALONE = {"connection-pool": PYTHONS, "immutables": ("3.14",)}


def pins(python: str, platform: str, without_torch: bool) -> list[str]:
    """The pins that hold there, by their markers."""
    system, machine = platform.split()
    place = {
        "sys_platform": "linux" if system == "Linux" else "darwin",
        "platform_machine": "arm64" if system == "macOS" else MACHINES[machine],
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    found = []
    for line in (PROJECT / "requirements.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate(place):
            continue
        if without_torch and wanted.name.startswith(OF_TORCH):
            continue
        if python not in SOURCE_ALONE.get(wanted.name, ()):
            found.append(f"{wanted.name}{wanted.specifier}")
    return found


def resolve(python: str, platform: str, without_torch: bool) -> str:
    """Return "" if every pin has a wheel there, or what pip says of the first that has none."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pins.txt"
        listed.write_text("\n".join(pins(python, platform, without_torch)))
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
        command += ["--ignore-installed", "--only-binary=:all:", "--target", folder]
        command += ["--python-version", python, "--requirement", str(listed)]
        for tag in PLATFORMS[platform]:
            command += ["--platform", tag]
        done = subprocess.run(command, capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else ("" if done.returncode == 0 else done.stderr[-500:])


def main() -> int:
    """Print one line a place; return 1 if any pin fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--python", nargs="*", default=PYTHONS)
    given = parser.parse_args()
    failed = 0
    for python in given.python:
        for platform in PLATFORMS:
            problem = resolve(python, platform, given.without_torch)
            number = len(pins(python, platform, given.without_torch))
            print(f"Python {python}, {platform}: {problem or f'{number} pins, a wheel each'}")
            failed |= bool(problem)
    return failed


if __name__ == "__main__":
    sys.exit(main())
