"""Whether each figure of a config fits its page, known before anything is computed.

How many panels a figure has follows from the config: by a number in its ``draw``, by a list of the
config, or by which networks a sweep holds, which is asked of one row a run in place of the tables.
"""

import ast
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from code_dependencies import literal, syntax
from gradient_atlas.drawing.figure_style import style_of
from gradient_atlas.drawing.style import Style
from gradient_atlas.measures.changes import groups
from gradient_atlas.measures.dying import rates
from gradient_atlas.measures.explosion import panels as endings
from gradient_atlas.measures.networks import networks
from gradient_atlas.runs.sweep import expand_sweep

# Inside these, words may be left out.
_SOMETIMES = (ast.If, ast.For, ast.While, ast.IfExp, ast.Try, ast.BoolOp,
              ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)  # fmt: skip
Tables = dict[str, pd.DataFrame]


def check_pages(config: Mapping[str, Any], figures: Path, names: list[str], style: Style) -> None:
    """Refuse a config whose figures cannot fit the venue's page, or that asks for missing panels.

    Args:
        config: completed.
        figures: the folder of the figures' modules.
        names: the figures that are asked for; one without a module there (a user's own) passes.
        style: the config's.

    Raises:
        InputError: names the figure, its venue and column, and what would fit.
    """
    for name in names:
        module = figures / f"{name}.py"
        if not module.is_file():
            continue
        own = style_of(style, name, config["panels"].get(name, ()), least_caption(module))
        if (known := sheet(config, module, own)) is not None:
            count, columns, height, least = known
            rows, _, lowest = own.rows(len(own.shown(count)), columns, height, least)
            own.require_room(rows * lowest)


def least_caption(module: Path) -> str:
    """Return the words that a figure's caption has whatever the tables and the panels are."""
    function = next(
        node
        for node in syntax(module).body
        if isinstance(node, ast.FunctionDef) and node.name == "caption"
    )
    said: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, _SOMETIMES) or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "only"
        ):
            return
        # What has no blank is a key.
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            said.append(node.value)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for statement in function.body[1:]:  # without its docstring
        visit(statement)
    return "".join(said)


def sheet(
    config: Mapping[str, Any], module: Path, style: Style
) -> tuple[int, int | None, float, float | None] | None:
    """Return panels, columns, height and least height of a row; None where that is not known."""
    call = next(
        node
        for node in ast.walk(syntax(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "new_figure"
    )
    given = {word.arg: word.value for word in call.keywords}
    columns = _number(given.get("columns"))
    height, least = _number(given.get("panel_height")), None
    count = _number(call.args[0])
    if module.stem in COUNTS:
        tables = _tables_of_runs(config, module)
        if tables is None:
            return None
        count, rows = COUNTS[module.stem](config, tables)
        if module.stem == "dying_relu":
            columns = count // 2
        if rows is not None:
            drawing = importlib.import_module(f"figures.{module.stem}")
            height = least = drawing.panel_height(rows, style)
    if count is None or height is None:
        return None
    return int(count), None if columns is None else int(columns), height, least


def _number(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _tables_of_runs(config: Mapping[str, Any], module: Path) -> Tables | None:
    """One row a run for each table of training that a figure names; None if a sweep is missing."""
    tables: Tables = {}
    for key, dataset in dict(literal(module, "TABLES")).items():  # type: ignore[call-overload]
        stage, sweep = dataset.split("/")[:2]
        if stage != "training":
            continue
        if sweep not in config["training"]["sweeps"]:
            return None
        runs = expand_sweep(sweep, config["training"]["sweeps"][sweep])
        rows = [vars(run) | {"step": 0, "seed": 0, "layer": 1} for run in runs.values()]
        for row, path in zip(rows, runs, strict=True):
            row["variant"] = path.split("/")[0].removeprefix("variant=")
        tables[key] = pd.DataFrame(rows)
    return tables


def _remedies(config: Mapping[str, Any], tables: Tables) -> tuple[int, int]:
    drawing = importlib.import_module("figures.remedies")
    found = drawing.deepest(tables)
    wanted = config["panels"].get("remedies")
    shown = [g for place, g in enumerate(found) if not wanted or "abcdefghij"[place] in wanted]
    return len(found), len({member.name for group in shown for member in group.members})


def _endings(config: Mapping[str, Any], tables: Tables) -> tuple[int, int]:
    training = endings(groups(tables))
    return 3 + len(training), max((len(members) for members in training.values()), default=1)


Count = Callable[[Mapping[str, Any], Tables], tuple[int, int | None]]
# Panels, and the rows of names that decide how high one must be, if any do.
COUNTS: dict[str, Count] = {
    "dying_relu": lambda config, tables: (2 * len(rates(tables)), None),
    "early_layer_learning": lambda config, tables: (
        min(2, len(networks(tables["gradients"]))) + 1,
        None,
    ),
    "gradient_norm_during_training": lambda config, tables: (
        len(networks(tables["gradients"])),
        None,
    ),
    "exploding_gradients": _endings,
    "remedies": _remedies,
    "quadratic_trajectories": lambda config, tables: (
        len(config["dynamics"]["quadratic"]["learning_rates"]) + 1,
        None,
    ),
    "gd_vs_flow_trajectories": lambda config, tables: (
        len(config["dynamics"]["flow"]["problems"]) + 1,
        None,
    ),
    "escaping_slow_regions": lambda config, tables: (
        len(config["dynamics"]["flow"]["escapes"]),
        None,
    ),
    "edge_of_stability": lambda config, tables: (
        3 * len(config["dynamics"]["sharpness"]["activations"]),
        None,
    ),
    "edges_of_other_optimizers": lambda config, tables: (
        len(config["dynamics"]["edges"]["optimizers"]) + 3,
        None,
    ),
    "flow_and_adaptive_steps": lambda config, tables: (
        len(cases := config["dynamics"]["limits"]["cases"])
        + len({name in ("rescaled_flow", "inertial_flow") for name in cases}),
        None,
    ),
    "width_and_learning_rate": lambda config, tables: (
        len(config["dynamics"]["width"]["parametrizations"]) + 2,
        None,
    ),
    "flow_sharpness": lambda config, tables: (
        2 * len(config["dynamics"]["sharpness"]["activations"]),
        None,
    ),
}
