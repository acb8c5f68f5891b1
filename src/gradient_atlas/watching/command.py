"""``diagnose``: measure, say a line a rule, mend, measure again, and write the bundle."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.prepare import read_npz
from gradient_atlas.drawing import diagnosis as picture
from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.style import Style
from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import build
from gradient_atlas.tables.files import write
from gradient_atlas.tables.schemas.modules import MODULES
from gradient_atlas.watching.diagnosis import Subject, mend, needs_mending
from gradient_atlas.watching.findings import Finding, findings


def diagnose(
    network: str,
    data: Path,
    options: Mapping[str, Any],
    examples: int,
    seeds: int,
    output: Path,
    venue: str,
) -> None:
    """Diagnose a network on a user's images; print a verdict a rule, write all into ``output``.

    Raises:
        InputError: the network, an option, the data or the venue cannot be used; said before any
            work.
    """
    for key, value, least in (("--examples", examples, 2), ("--seeds", seeds, 2)):
        if value < least:
            raise InputError(f"{key}: {value} is wrong; it must be {least} or more")
    style = Style(venue=venue)
    inputs, labels, classes = batch(data, examples)
    shape = tuple(inputs.shape[1:])
    prepare_torch(flush_denormal=False)
    subject = Subject(lambda: build(network, shape, classes, options), inputs, labels, range(seeds))
    said = ", ".join(f"{key} = {value}" for key, value in options.items())
    name = f"{network} ({said})" if said else network
    print(f"{name} on {len(labels)} images of {data}", flush=True)
    before = subject.measure()
    lines = [str(finding) for finding in findings(before)]
    tables, remedy = {"as it is": before}, ""
    if needs_mending(before):
        found = mend(subject, before)
        remedy = found.said
        lines.append(
            str(Finding("remedy", found.by if found.table is not None else "none", remedy))
        )
        if found.table is not None:
            tables["mended"] = found.table
            lines += [f"mended: {finding}" for finding in findings(found.table)]
    else:
        lines.append("remedy: none needed; the error signal stays within its orders of magnitude")
    print("\n".join(lines))
    made_by = {"run": {"network": network, "options": dict(options)}, "data": {"classes": classes}}
    for key, table in tables.items():
        write(MODULES, table, output / f"modules_{key.replace(' ', '_')}.parquet", made_by)
    (output / "verdicts.txt").write_text("\n".join([name, *lines]) + "\n")
    with style.applied():
        figure = picture.draw(tables, style)
        caption = picture.caption(tables, network.replace("_", " "), remedy)
        write_bundle(figure, caption, "diagnosis", output / "diagnosis", style)
    print(f"figure, caption, numbers and tables: {output}", file=sys.stderr)


def batch(data: Path, examples: int) -> tuple[Tensor, Tensor, int]:
    """The first images as (examples, channels, rows, columns), standardised; labels; classes."""
    images, labels = read_npz(data)
    pixels = images[:examples].astype(np.float32) / 255
    pixels = pixels[:, None] if pixels.ndim == 3 else np.moveaxis(pixels, -1, 1)
    pixels = (pixels - pixels.mean()) / (pixels.std() or 1.0)
    chosen = torch.from_numpy(labels[:examples].copy())
    return torch.from_numpy(np.ascontiguousarray(pixels)), chosen, int(labels.max()) + 1
