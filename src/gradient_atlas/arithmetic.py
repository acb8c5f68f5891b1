"""Which instructions the numerical libraries may use, settled before any of them is imported.

torch, numpy and the libraries below them look at the processor and choose code that adds in another
order on another processor, so that the last bits differ, and after some hundred updates much more
than those. ``portable`` gives each library one choice that every x86-64 processor with AVX2 and FMA
has (Intel since Haswell, 2013; AMD since Zen, 2017). This module imports the standard library
alone: what it sets is read once, when the libraries are loaded.
"""

import os
import platform
import sys
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gradient_atlas.errors import InputError

CHOICE = "GRADIENT_ATLAS_ARITHMETIC"  # the environment variable that names a setting
PORTABLE, NATIVE = "portable", "native"

_ALWAYS = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",  # a user's own would measure a figure's text differently
}
# For each setting what the environment says; a variable of another setting is taken out of it.
SETTINGS: dict[str, dict[str, str]] = {
    PORTABLE: _ALWAYS
    | {
        "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
        # MKL: the one branch that is the same for processors of other makers. It is slow, so
        # that products, which take most of the time, are OpenBLAS's (``networks.products``).
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        # numpy's and scipy's products; its block sizes are constants of this choice, while those of
        # MKL and oneDNN follow the processor's caches.
        "OPENBLAS_CORETYPE": "Haswell",
        # numpy's loops. What it enables and the processor has not is an error on import.
        "NPY_ENABLE_CPU_FEATURES": "X86_V3",
        "ARROW_USER_SIMD_LEVEL": "AVX2",
    },
    # What each library chooses for this processor, and three choices that many processors offer.
    NATIVE: _ALWAYS,
    "native-avx512": _ALWAYS | {"ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "AVX512"},
    "native-avx2": _ALWAYS | {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2"},
    "native-default": _ALWAYS
    | {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    },
}
# What a processor must have for a setting, as Linux names it.
_NEEDED = {
    PORTABLE: {"avx2", "fma"},
    "native-avx2": {"avx2", "fma"},
    "native-avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
}
_CONTROLLED = sorted({variable for pins in SETTINGS.values() for variable in pins})
_READERS = (
    "numpy",
    "torch",
    "pyarrow",
    "matplotlib",
)  # modules that read the environment when imported

_PROCESSORS = Path("/proc/cpuinfo")

_KEPT: list[Any] = []

_in_use: str | None = None
_instead = False  # of ``portable``, on a machine that has none


def pin() -> None:
    """Put the setting that the environment variable names (else ``portable``) into effect.

    Where that is no x86-64 Linux, ``native`` takes the place of ``portable``, and tables say so.

    Raises:
        InputError: there is no such setting, the processor has not what it needs, or a library has
            been imported with another one.
    """
    global _in_use, _instead
    setting = os.environ.get(CHOICE, PORTABLE)
    _instead = setting == PORTABLE and not has_portable()
    setting = NATIVE if _instead else setting
    if setting not in SETTINGS:
        raise InputError(f"{CHOICE}: {setting!r} is unknown; use {', '.join(SETTINGS)}")
    if missing := sorted(_NEEDED.get(setting, set()) - _processor_flags()):
        raise InputError(
            f"arithmetic: {setting!r} needs an x86-64 processor with {missing[0]}, which this one "
            "is not; use native"
        )
    pins = SETTINGS[setting]
    changed = [name for name in _CONTROLLED if os.environ.get(name) != pins.get(name)]
    late = [module for module in _READERS if module in sys.modules]
    if changed and late:
        raise InputError(
            f"arithmetic: {late[0]} was imported before {changed[0]} was set for {setting!r}; "
            "import command_line before anything else"
        )
    for name in changed:
        os.environ.pop(name, None)
    os.environ.update(pins)
    _in_use = setting


def has_portable() -> bool:
    """Whether this machine is of the kind that ``portable`` is defined for: x86-64 under Linux."""
    return platform.machine() == "x86_64" and _PROCESSORS.is_file()


def native_instead() -> bool:
    """Whether ``native`` is in use since this machine has no ``portable``, which was asked for."""
    return _instead


def _processor_flags() -> set[str]:
    """What the first processor is said to have; nothing where that is not x86-64 under Linux."""
    if not has_portable():
        return set()
    with _PROCESSORS.open() as lines:
        return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def in_use() -> dict[str, Any]:
    """What tables say about it: ``setting`` and ``pins``; the setting ``unpinned`` without any."""
    if _in_use is None:
        return {"setting": "unpinned", "pins": {}}
    return {"setting": _in_use, "pins": SETTINGS[_in_use]}


def is_portable() -> bool:
    """Whether the same numbers are asked for on every processor."""
    return _in_use == PORTABLE


def difference(made: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """In words how two results of ``in_use`` differ; empty when they do not."""
    if made == other:
        return ""
    if made["setting"] != other["setting"]:
        return f"arithmetic {made['setting']!r}, not {other['setting']!r}"
    return f"another version of the arithmetic {made['setting']!r}"


def prepare_torch(flush_denormal: bool = True) -> None:
    """One thread, exact roots, and float32 numbers below 1e-38 count as 0, in this process.

    A vanishing gradient reaches such denormal numbers, with which a matrix product takes some 200
    times as long. One thread, so that results do not depend on how many there are.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(flush_denormal)
    if is_portable():
        _use_exact_roots()


@cache
def _use_exact_roots() -> None:
    """Have torch take square roots as numpy does, rounded as IEEE 754 says.

    torch asks MKL, which begins with the processor's own estimate of 1/√x, of which each maker has
    another, and in its portable branch misses the last bit of one root in six.
    """
    import numpy as np
    import torch

    def sqrt(x: torch.Tensor) -> torch.Tensor:
        x = x if x.is_floating_point() or x.is_complex() else x.to(torch.get_default_dtype())
        with np.errstate(invalid="ignore"):
            return torch.from_numpy(np.asarray(np.sqrt(x.detach().numpy())))

    def sqrt_(x: torch.Tensor) -> torch.Tensor:
        return x.copy_(sqrt(x))

    def sqrt_out(x: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        return out.resize_(x.shape).copy_(sqrt(x))

    def foreach_sqrt(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        return [sqrt(x) for x in tensors]

    def foreach_sqrt_(tensors: list[torch.Tensor]) -> None:
        for x in tensors:
            sqrt_(x)

    with warnings.catch_warnings():  # of replacing what torch brings, which is what is meant
        warnings.simplefilter("ignore", UserWarning)
        library = torch.library.Library("aten", "IMPL")
        library.impl("sqrt", sqrt, "CPU")
        library.impl("sqrt_", sqrt_, "CPU")
        library.impl("sqrt.out", sqrt_out, "CPU")
        library.impl("_foreach_sqrt", foreach_sqrt, "CPU")
        library.impl("_foreach_sqrt_", foreach_sqrt_, "CPU")
    _KEPT.append(library)  # with the object torch's own comes back
