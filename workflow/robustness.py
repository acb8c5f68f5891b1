"""Decide every claim again under perturbations: `make robustness`, or this file by hand.

Each perturbation is a build of the target `claims` in a folder of its own, results/robustness/NAME,
with what the perturbation does not touch linked from the main build. A build that was stopped goes
on where it was. What is written in the end: results/robustness.parquet and docs/robustness.md.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

WORKFLOW = Path(__file__).resolve().parent
sys.path[:0] = [str(WORKFLOW), str(WORKFLOW.parent / "src")]

from configuration import complete  # noqa: E402
from gradient_atlas.arithmetic import SETTINGS, has_portable  # noqa: E402
from gradient_atlas.errors import InputError  # noqa: E402

RELATIVE_CHANGE = 1e-7
FOLDER = Path("results/robustness")
TAKEN = "taken_tables.json"  # what the main build took out of an archive
# Tables that no seed reaches: linked, not made again.
_WITHOUT_SEEDS = ("theory", "dynamics/quadratic", "dynamics/convergence", "dynamics/threshold")


def offered(here: str) -> list[str]:
    """The perturbations that this machine can make of a build with the arithmetic ``here``."""
    if not has_portable():  # the other arithmetics are those of x86-64 processors
        return ["seeds_1", "seeds_2", "inputs"]
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text().split()) if cpu.exists() else set()
    needs = {"native-avx512": "avx512f", "native-avx2": "avx2"}
    arithmetics = [
        name for name in SETTINGS if name != here and needs.get(name, "") in flags | {""}
    ]
    return [*arithmetics, "seeds_1", "seeds_2", "inputs"]


def changes(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a perturbation changes in the config."""
    own = {key: str(Path(file).resolve()) for key, file in config["datasets"].items()}
    overlay: dict[str, Any] = {"strict": False, "robustness": None, "datasets": own}
    for key in ("mirror", "tables"):
        if config[key] and Path(config[key]).exists():
            overlay[key] = str(Path(config[key]).resolve())
    if name in SETTINGS:
        overlay["arithmetic"] = name
    if name.startswith("seeds_"):
        places: list[tuple[str, ...]] = [
            ("training", "sweeps"),
            ("networks", "sweeps"),
            (),
            ("ensembles",),
            ("dynamics",),
        ]
        for place in [*places, ("dynamics", "flow")]:
            for key, section in _at(config, place).items():
                if isinstance(section, Mapping) and "seeds" in section:
                    shifted = other_seeds(section["seeds"], int(name.removeprefix("seeds_")))
                    _put(overlay, (*place, key, "seeds"), shifted)
    if name == "inputs":
        overlay["perturbation"] = RELATIVE_CHANGE
        for place, start in _starts(config):
            moved = [x * (1 + RELATIVE_CHANGE * (-1) ** i) for i, x in enumerate(start)]
            _put(overlay, place, moved)
    return overlay


def merged(*configs: Mapping[str, Any]) -> dict[str, Any]:
    """One config of several, as snakemake merges the files that it is given."""
    whole: dict[str, Any] = {}
    for config in configs:
        update_config(whole, config)
    return whole


def other_seeds(seeds: Sequence[int], number: int) -> list[int]:
    """As many other seeds; those of different numbers have none in common."""
    step = 1000 * (1 + max(seeds) // 1000)
    return [seed + number * step for seed in seeds]


def _starts(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], list[float]]]:
    yield ("dynamics", "quadratic", "start"), config["dynamics"]["quadratic"]["start"]
    for group in ("problems", "escapes"):
        for key, problem in config["dynamics"]["flow"][group].items():
            if "start" in problem["parameters"]:
                place = ("dynamics", "flow", group, key, "parameters", "start")
                yield place, problem["parameters"]["start"]


def _at(config: Mapping[str, Any], place: Sequence[str]) -> Mapping[str, Any]:
    for key in place:
        config = config[key]
    return config


def _put(config: dict[str, Any], place: Sequence[str], value: object) -> None:
    for key in place[:-1]:
        config = config.setdefault(key, {})
    config[place[-1]] = value


def untouched(name: str) -> list[str]:
    """The parts of the main build's results that a perturbation leaves as they are."""
    if name == "none":
        return ["datasets", "theory", "training", "ensembles", "dynamics", TAKEN]
    if name.startswith("seeds_"):
        return ["datasets", *_WITHOUT_SEEDS, TAKEN]
    return [] if name == "inputs" else ["datasets"]


def link(part: str, folder: Path) -> None:
    """Link the main build's files of this part into a perturbation's results.

    What snakemake noted about a file goes with it, so that there as here a file is made again when
    what it was made from is another, and not when that is only younger.
    """
    place = Path("results", part)
    for file in [place] if place.is_file() else place.rglob("*"):
        target = folder / file
        if not file.is_file() or (target.exists() and target.samefile(file)):
            continue
        notes = Path(".snakemake/metadata", base64.urlsafe_b64encode(str(file).encode()).decode())
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.hardlink_to(file)
        if notes.is_file():  # copied, since snakemake writes over its notes
            (folder / notes).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(notes, folder / notes)


def build(name: str, config: Mapping[str, Any], files: list[str], words: list[str]) -> Path | None:
    """Decide the claims under a perturbation; None if that fails."""
    folder = FOLDER / name
    for part in untouched(name):
        link(part, folder)
    folder.mkdir(parents=True, exist_ok=True)
    overlay = (folder / "changes.yaml").resolve()
    overlay.write_text(yaml.safe_dump(changes(config, name)))
    # A user's own modules lie in the folder that the main build is started from.
    searched = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
    claims = ["claims", "--directory", str(folder), "--nolock"]
    done = snakemake(claims, [*files, str(overlay)], words, {"PYTHONPATH": searched})
    return folder / "results/claims.parquet" if done else None


def snakemake(
    target: list[str], files: list[str], words: list[str], environment: Mapping[str, str]
) -> bool:
    """Run the project's workflow; whether it succeeded."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "Snakefile")]
    command += [*target, *words, *(["--configfile", *files] if files else [])]
    return subprocess.run(command, env=os.environ | dict(environment)).returncode == 0


def main() -> None:
    """Build the main claims, then each perturbation's, then table and page."""
    # Without abbreviations: --config is snakemake's own.
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--perturbations", nargs="*", default=[], help="default: all there are")
    parser.add_argument("--configfile", nargs="+", default=[], help="as for snakemake")
    arguments, words = parser.parse_known_args()
    files = [str(Path(file).resolve()) for file in arguments.configfile]
    given = merged(*(yaml.safe_load(Path(file).read_text()) for file in files))
    schema = WORKFLOW / "schemas/config.schema.yaml"
    config = complete(given, WORKFLOW.parent / "config/config.yaml", schema)
    if config["quick"]:
        raise InputError("quick: what a full build decides is perturbed; take `quick` out")
    there = offered(config["arithmetic"])
    names = arguments.perturbations or there
    if unknown := sorted(set(names) - set(there)):
        raise InputError(f"perturbation {unknown[0]}: unknown here; there are {', '.join(there)}")
    if not snakemake(["claims", "--nolock"], files, words, {}):
        raise InputError("the build without a perturbation failed; see above")
    found, failed = {}, []
    for position, name in enumerate(["none", *names]):
        print(f"[{position} of {len(names)}] {name}: {FOLDER / name}", file=sys.stderr, flush=True)
        if claims := build(name, config, files, words):
            found[name] = str(claims)
        else:
            failed.append(name)
    script = [sys.executable, str(WORKFLOW.parent / "src/tabulate_robustness.py")]
    script += ["--claims", json.dumps(found), "--table", "results/robustness.parquet"]
    subprocess.run([*script, "--page", "docs/robustness.md"], check=True)
    if failed:
        raise InputError(f"not built, and not in the table: {', '.join(failed)}; see above")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
