"""What keys of a study file have to do with each other, looked at even where other keys are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bohpo.errors import Mistake
from bohpo.space import Parameter
from bohpo.space.checks import first_mistakes
from bohpo.space.conditions import condition_mistakes
from bohpo.study.tables import ParameterTable, WhenTable
from bohpo.study.translation import dotted, shown

_PARAMETER: TypeAdapter[ParameterTable] = TypeAdapter(ParameterTable)
_WHEN: TypeAdapter[WhenTable] = TypeAdapter(WhenTable)

MOST_PARAMETERS = 2_000
"""Parameters of a space; the Gaussian process learns little of more than a hundred."""

MOST_CHOICES = 1_000
"""Choices of a categorical parameter, and values that a condition names."""

_PARAMETER_NAME = re.compile(r"[^\W\d][\w.-]{0,63}")


def contradictions(data: Mapping[str, Any]) -> list[Mistake]:
    """List what is wrong between the keys of a study file.

    Args:
        data: The file as TOML has it; tables that are wrong in themselves are passed over.
    """
    return [
        *_trainer_mistakes(data),
        *_process_mistakes(data),
        *_objective_mistakes(_table(data, "objective")),
        *(_size_mistakes(_table(data, "space")) or _space_mistakes(_table(data, "space"))),
        *first_mistakes(_name_mistakes(_table(data, "space"), _table(data, "fixed"))),
        *_empty_space_mistakes(data),
    ]


def _size_mistakes(space: Mapping[str, Any]) -> list[Mistake]:
    """List what makes the space larger than an optimizer can work on, before anything is computed of it."""
    if len(space) > MOST_PARAMETERS:
        problem = f"there are {len(space)} parameters, more than {MOST_PARAMETERS}"
        return [Mistake("space", problem, "search fewer, and put the others into [fixed]")]
    mistakes = (
        Mistake(
            f"space.{name}.{key}", f"there are {len(values)}, more than {MOST_CHOICES}", "list fewer, or use an int"
        )
        for name, parameter in space.items()
        for key, values in _lists(parameter)
        if len(values) > MOST_CHOICES
    )
    return first_mistakes(mistakes)


def _lists(parameter: object) -> Iterator[tuple[str, Sequence[Any]]]:
    if isinstance(parameter, Mapping):
        when = parameter.get("when")
        named = when.items() if isinstance(when, Mapping) else ()
        listed = [("choices", parameter.get("choices")), *((f"when.{name}", values) for name, values in named)]
        yield from ((key, values) for key, values in listed if isinstance(values, list | tuple))


def _trainer_mistakes(data: Mapping[str, Any]) -> list[Mistake]:
    mistakes = []
    if "trainer" in data and "command" in data:
        mistakes.append(Mistake("command", "there is a trainer, too", "keep one of the two"))
    if "trainer" not in data and "command" not in data:
        mistakes.append(Mistake("trainer", "is missing", 'write trainer = "module:function", or command = ["program"]'))
    if "evaluator" in data and "evaluate_command" in data:
        mistakes.append(Mistake("evaluate_command", "there is an evaluator, too", "keep one of the two"))
    return mistakes


def _process_mistakes(data: Mapping[str, Any]) -> list[Mistake]:
    if "command" not in data or _table(data, "training").get("processes", 1) == 1:
        return []
    return [Mistake("training.processes", "a command starts its own processes", "leave it out, or write a trainer")]


def _objective_mistakes(objective: Mapping[str, Any]) -> list[Mistake]:
    match objective.get("bounds"):
        case [int() | float() as low, int() | float() as high] if not low < high:
            problem = f"{shown(low)} is not below {shown(high)}"
            return [Mistake("objective.bounds", problem, "write [least, greatest], -inf or inf for open")]
    return []


def _space_mistakes(space: Mapping[str, Any]) -> list[Mistake]:
    mistakes: list[Mistake] = []
    parameters: dict[str, Parameter] = {}
    for name, data in space.items():
        try:
            table = _PARAMETER.validate_python(data)
        except ValidationError:
            continue
        own = table.mistakes(name)
        mistakes += own
        if not own:
            parameters[name] = table.parameter(name)
    conditions = {name: _condition(data) for name, data in space.items()}
    mistakes = first_mistakes(mistakes) + condition_mistakes(conditions, parameters)
    return [Mistake(f"space.{mistake.key}", mistake.problem, mistake.remedy) for mistake in mistakes]


def _condition(parameter: object) -> WhenTable:
    try:
        return _WHEN.validate_python(parameter.get("when", {}) if isinstance(parameter, Mapping) else {})
    except ValidationError:
        return {}


def _name_mistakes(space: Mapping[str, Any], fixed: Mapping[str, Any]) -> list[Mistake]:
    mistakes = [
        Mistake(
            dotted((table, name)), f"{shown(name)} is no name for a parameter", "use up to 64 letters, digits, _ . -"
        )
        for table, names in (("space", space), ("fixed", fixed))
        for name in names
        if not _PARAMETER_NAME.fullmatch(name)
    ]
    return mistakes + [
        Mistake(dotted(("fixed", name)), "is searched in [space], too", "keep it in one of the two")
        for name in fixed
        if name in space
    ]


def _empty_space_mistakes(data: Mapping[str, Any]) -> list[Mistake]:
    if data.get("space", {}) != {} or _table(data, "budget").get("trials") == 1:
        return []
    return [Mistake("space", "there is no parameter to search", "add one, or set budget.trials = 1 to train once")]


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = data.get(key, {})
    return table if isinstance(table, Mapping) else {}
