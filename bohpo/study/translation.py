"""What pydantic complains of, as mistakes by dotted key with a remedy each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bohpo.errors import Mistake
from bohpo.space.checks import did_you_mean, first_mistakes
from bohpo.study.tables import TABLE_OF_TYPE

Location: TypeAlias = tuple[int | str, ...]

_LONGEST = 60

_WRONG_VALUE = {
    "int_type": ("is not a whole number", "write one without quotes or a decimal point"),
    "float_type": ("is not a number", "write one without quotes"),
    "string_type": ("is not text", "write text in quotes"),
    "bool_type": ("is neither true nor false", "write one of the two, without quotes"),
    "tuple_type": ("is not a list", "write it in [ ]"),
    "dict_type": ("is not a table", "write it in { }"),
    "model_type": ("is not a table", "write its keys below a [header]"),
    "model_attributes_type": ("is not a table", 'write it as { type = "float", low = 0.0, high = 1.0 }'),
    "finite_number": ("is not finite", "write a finite number"),
    "scalar": ("is no single value", "write text, a finite number, true or false"),
    "unclean": ("holds NUL, or half of a character", "write text that UTF-8 can hold"),
    "string_unicode": ("holds half of a character", "write text that UTF-8 can hold"),
    "blank": ("is blank", "write a word, or leave it out"),
    "string_too_short": ("is empty", "write a name, or leave the key out"),
    "too_short": ("is empty", "list at least one, or leave the key out"),
    "too_long": ("is too long", "write two numbers"),
    "wall_time": ("is no wall time", 'write hours, minutes and seconds, as in "24:00:00" or "2-00:00:00"'),
    "memory": ("is no amount of memory", 'write it as "24GB" or "24GiB"'),
    "line": ("is no line of plain text", "write one line of printable ASCII characters"),
    "gpus": ("is no number of GPUs", "write a whole number, or a share of one such as 0.5"),
    "gpu_share": ("GPUs are neither a whole number nor a share of one", "write 1, 2 ..., or 0.01 to 0.99"),
    "jobs": ("is not a whole number", 'write one without quotes or a decimal point, or "auto"'),
    "attempts": ("is no number of attempts", 'write a number >= 1, or "until-walltime"'),
}

_MISSING = {
    "direction": 'write "maximize" or "minimize"',
    "low": "write the least value",
    "high": "write the greatest value",
    "choices": "list the values in [ ]",
    "value": "write the value",
}

_WORD = "use up to 64 letters, digits, dots, dashes and underscores"
_PATTERNS = {
    "name": _WORD,
    "queue": _WORD,
    "account": _WORD,
    "parallel_environment": _WORD,
    "trainer": 'write it as "module:function"',
    "evaluator": 'write it as "module:function"',
    "feasible": 'write it as "module:function"',
}

_LIMITS = {"greater_than_equal": ("ge", ">="), "greater_than": ("gt", ">"), "less_than": ("lt", "<")}


def translate_all(error: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """Return pydantic's errors as mistakes; of very many, the first ones and how many more there are.

    Args:
        error: What pydantic complains of.
        model: The model of the whole file.
    """
    return first_mistakes(translate(detail, model) for detail in error.errors(include_url=False))


def translate(error: ErrorDetails, model: type[BaseModel]) -> Mistake:
    """Give one of pydantic's errors as a mistake.

    Args:
        error: As `ValidationError.errors` lists it.
        model: The model of the whole file.
    """
    location = _without_tag(error["loc"])
    key, last, value = dotted(location), str(location[-1]), shown(error["input"])
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            known = _known_keys(error["loc"], model)
            problem, remedy = "there is no such key", did_you_mean(last, known, f"the keys are {', '.join(known)}")
        case "missing":
            problem, remedy = "is missing", _MISSING.get(last, "add it")
        case "union_tag_invalid" | "union_tag_not_found":
            key, (problem, remedy) = f"{key}.type", _wrong_parameter_type(error["input"])
        case "literal_error":
            known = re.findall(r"'(.*?)'", context["expected"])
            problem, remedy = f"{value} is unknown", _one_of(error["input"], known)
        case "string_pattern_mismatch":
            problem, remedy = f"{value} is malformed", _PATTERNS[last]
        case "greater_than_equal" | "greater_than" | "less_than":
            limit, sign = _LIMITS[kind]
            problem, remedy = f"{value} is out of range", f"write a number {sign} {context[limit]}"
        case _:
            unforeseen = (f"is refused: {error['msg']}", "correct it")
            complaint, remedy = _WRONG_VALUE.get(kind, unforeseen)
            problem = f"{value} {complaint}"
    return Mistake(key, problem, remedy)


def dotted(location: Sequence[int | str]) -> str:
    """Write a location as TOML does, on one line: `space.lr.low`, `command[0]`, `fixed."a b"`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            bare = re.fullmatch(r"[\w-]+", part)
            path += ("." if path else "") + (part if bare else json.dumps(part))
    return path


def shown(value: object) -> str:
    """Write a value on one short line."""
    text = json.dumps(value) if isinstance(value, str | bool) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _without_tag(location: Location) -> Location:
    """Drop the parameter's type, which pydantic puts between its name and its key."""
    is_inside_parameter = location[0] == "space" and len(location) > 2
    return location[:2] + location[3:] if is_inside_parameter else location


def _known_keys(location: Location, model: type[BaseModel]) -> list[str]:
    if location[0] == "space":
        table: Any = TABLE_OF_TYPE[str(location[2])]
    elif len(location) > 1:
        table = model.model_fields[str(location[0])].annotation
    else:
        table = model
    return [field.alias or name for name, field in table.model_fields.items()]


def _one_of(word: object, known: Sequence[str]) -> str:
    return did_you_mean(str(word), known, f"write one of {', '.join(known)}")


def _wrong_parameter_type(table: Mapping[str, Any]) -> tuple[str, str]:
    known = list(TABLE_OF_TYPE)
    if "type" not in table:
        return "is missing", f"write one of {', '.join(known)}"
    return f"{shown(table['type'])} is unknown", _one_of(table["type"], known)
