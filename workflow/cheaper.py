"""What Snakemake does again for each job of a plan, done once: the plan is the same.

``tests/test_cheaper.py`` compares plans with and without.
"""

import contextlib
import gc
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from snakemake.jobs import Job
from snakemake.settings.types import Quietness

# New objects between two searches for cycles of garbage. A plan makes next to nothing but what
# stays, and Python's own 700 let it look at all of that again and again, for a fifth of the time.
_OBJECTS = 200_000
# Where Snakemake looks for a function's parameters before it inspects the function.
_KNOWN_PARAMETERS = "_overwrite_params"
_DESCRIBE = Job.log_info


def collect_seldom() -> None:
    """Have Python look for cycles of garbage less often from now on."""
    if gc.get_threshold()[0]:  # 0: somebody turned it off
        gc.set_threshold(_OBJECTS)


def note_parameters(rules: Iterable[Any]) -> None:
    """Inspect each function of these rules once, in place of some 25 times a job."""
    for function in (function for rule in rules for function in _functions(rule)):
        # A method's attributes are those of its function.
        target = getattr(function, "__func__", function)
        if not hasattr(target, _KNOWN_PARAMETERS):
            with contextlib.suppress(AttributeError, TypeError, ValueError):  # none that Python has
                setattr(target, _KNOWN_PARAMETERS, inspect.signature(function).parameters)


def _functions(rule: Any) -> Iterator[Callable[..., Any]]:
    """The functions that say a job's inputs, parameters, resources, group and priority."""
    resources = list(rule.resources.values()) if rule.resources else []
    for value in [*rule.input, *rule.params, *resources, rule.group, rule.priority]:
        value = getattr(value, "_file", value)
        named = (getattr(value, name, None) for name in ("callable", "_evaluator", "evaluate"))
        for function in (value, *named):
            if callable(function) and not isinstance(function, type):
                yield function


def describe_what_is_heard() -> None:
    """Have a dry run that prints no jobs put no text about each together."""
    Job.log_info = _log_info


def _log_info(job: Any, *options: Any, **named: Any) -> None:
    workflow = job.dag.workflow
    said = workflow.output_settings
    quiet = workflow.dryrun and Quietness.RULES in (said.quiet or ())
    if not quiet or said.log_handler_settings:
        _DESCRIBE(job, *options, **named)


def only_maker(rule: Any, rules: Iterable[Any]) -> None:
    """Have a rule whose outputs have no wildcards make them, and none of the others.

    Snakemake compares a file with each output, here hundreds of files with hundreds, and sets up
    the jobs of all rules that could make it before it looks at their order.
    """
    made = frozenset(map(str, rule.products()))
    outputs = frozenset(map(str, rule.output))
    rule.is_producer = made.__contains__
    rule.get_wildcards = lambda file, wildcards_dict=None: {}
    for other in rules:
        if other is not rule:
            other.is_producer = _except(outputs, other.is_producer)


def _except(outputs: Collection[str], produces: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda file: file not in outputs and produces(file)
