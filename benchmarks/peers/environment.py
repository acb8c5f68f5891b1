"""The peers' own Python environment, which looks into the project's for what both need.

    python benchmarks/peers/environment.py

makes it beside this file if it is not there, or was made from other pins.
"""

import hashlib
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = HERE / ".venv/bin/python"
PINS = HERE / "requirements.txt"


def install() -> str:
    """Make the environment; return why that failed, or an empty text."""
    stamp = HERE / ".venv/installed"
    wanted = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return ""
    try:
        venv.create(HERE / ".venv", with_pip=True, clear=True, symlinks=True)
        inside = [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = subprocess.run(inside, capture_output=True, text=True, check=True).stdout.strip()
        # Behind the environment's own packages, so that these win.
        Path(packages, "project.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", PINS]
        subprocess.run(pip, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or str(error)).strip().splitlines()
        return next((line for line in lines if "ERROR" in line), lines[-1])
    except OSError as error:
        return str(error)
    stamp.write_text(wanted)
    return ""


if __name__ == "__main__":
    sys.exit(install())
