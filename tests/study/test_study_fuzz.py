"""Whatever a study file holds, it is a study or a `StudyError` with a line for each mistake."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bohpo.errors import StudyError
from bohpo.study import Study
from bohpo.study.toml import write_toml

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)

TEXT = st.text('abü \n"\\\x7f\u2028.:[]😀', max_size=4)
KEYS = [
    "name",
    "trainer",
    "command",
    "objective",
    "direction",
    "budget",
    "trials",
    "hours",
    "bounds",
    "parallel",
    "jobs",
]
KEYS += ["seed", "space", "type", "low", "high", "log", "step", "choices", "value", "when", "fixed", "x", "y", "z"]
WORDS = st.sampled_from([*KEYS, "maximize", "gp", "random", "float", "int", "categorical", "constant", "a:b"])
SCALARS = st.one_of(WORDS, TEXT, st.booleans(), st.integers(), st.floats(), st.sampled_from([0, 1, -1, 10**400]))
DATES = st.dates() | st.datetimes() | st.times()
ANYTHING = st.recursive(
    SCALARS | DATES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | TEXT, inner, max_size=4)
)
NUMBERS = st.sampled_from([-1, 0, 1, 2, 0.5, 1e-3, 100]) | SCALARS

PARAMETERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["float", "int", "categorical", "constant"]) | SCALARS},
    optional={
        "low": NUMBERS,
        "high": NUMBERS,
        "log": st.booleans() | SCALARS,
        "step": NUMBERS,
        "choices": st.lists(SCALARS, max_size=4) | ANYTHING,
        "value": SCALARS,
        "when": st.dictionaries(st.sampled_from("xyz") | TEXT, SCALARS | st.lists(SCALARS, max_size=3), max_size=2),
        "wehn": SCALARS,
    },
)
STUDIES = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXT | SCALARS,
        "trainer": st.just("a:b") | ANYTHING,
        "command": st.lists(TEXT, max_size=2) | ANYTHING,
        "feasible": st.just("a:b") | ANYTHING,
        "objective": st.fixed_dictionaries({"direction": st.just("minimize")}, optional={"bounds": ANYTHING})
        | ANYTHING,
        "budget": st.dictionaries(WORDS, NUMBERS, max_size=3) | ANYTHING,
        "parallel": st.dictionaries(WORDS, NUMBERS, max_size=2) | ANYTHING,
        "optimizer": ANYTHING,
        "space": st.dictionaries(st.sampled_from("xyz") | TEXT, PARAMETERS | ANYTHING, max_size=4) | ANYTHING,
        "fixed": st.dictionaries(st.sampled_from("xyz") | TEXT, SCALARS, max_size=3) | ANYTHING,
        "cluster": ANYTHING,
        "provenance": st.dictionaries(TEXT, SCALARS, max_size=2) | ANYTHING,
    },
)
GOOD_PARAMETERS = st.one_of(
    st.fixed_dictionaries({"type": st.just("float"), "low": st.floats(-5, 0), "high": st.floats(1, 5)}),
    st.fixed_dictionaries(
        {"type": st.just("int"), "low": st.integers(1, 5), "high": st.integers(5, 9), "log": st.booleans()}
    ),
    st.fixed_dictionaries({"type": st.just("categorical"), "choices": st.lists(TEXT, min_size=1, unique=True)}),
    st.fixed_dictionaries({"type": st.just("constant"), "value": TEXT | st.floats(-1e9, 1e9) | st.booleans()}),
)

GOOD = {
    "trainer": "a:b",
    "feasible": "a:c",
    "objective": {"metric": "m", "direction": "maximize", "bounds": [0.0, 1.0]},
    "budget": {
        "trials": 3,
        "hours": 1.0,
        "attempt_seconds": 1.0,
        "silence_seconds": 1,
        "keep_models": 1,
        "max_failures": 0,
    },
    "parallel": {"jobs": 2, "threads": 1},
    "optimizer": {"method": "gp", "startup_completed": 1, "seed": 1},
    "space": {
        "x": {"type": "float", "low": 0.1, "high": 1.1, "step": 0.1, "log": False, "when": {"z": ["b"]}},
        "y": {"type": "int", "low": 1, "high": 9, "step": 1, "log": True, "when": {"x": [0.2, 0.3], "z": "b"}},
        "z": {"type": "categorical", "choices": ["a", "b", 1, 0.5, False]},
        "c": {"type": "constant", "value": 1, "when": {"y": 2}},
    },
    "fixed": {"data": "phantom"},
    "cluster": {"backend": "local"},
}


def read(data: dict[str, Any]) -> Study | None:
    try:
        return Study.from_data(data)
    except StudyError as error:
        lines = str(error).splitlines()
        assert 1 <= len(lines) == len(error.mistakes)
        assert all(mistake.key and mistake.problem and mistake.remedy for mistake in error.mistakes)
        return None


@untimed
@given(STUDIES | st.dictionaries(WORDS | TEXT, ANYTHING, max_size=5))
def test_no_study_fails_otherwise_than_by_its_mistakes(data: dict[str, Any]) -> None:
    study = read(data)
    if study is not None:
        assert len(study.space) == len(study.parameters)
        assert Study.parse(study.text).hash == study.hash


def tables_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [value for value in data.values() if isinstance(value, dict)]
    return [data, *(table for value in inner for table in tables_of(value))]


@untimed
@given(st.data())
def test_no_good_study_fails_otherwise_once_a_value_of_it_is_changed(data: st.DataObject) -> None:
    study = copy.deepcopy(GOOD)
    assert read(study) is not None
    for _ in range(data.draw(st.integers(1, 3))):
        table = data.draw(st.sampled_from(tables_of(study)))
        table[data.draw(st.sampled_from([*table, "when"]))] = data.draw(NUMBERS | ANYTHING)
    read(study)


@untimed
@given(st.text() | st.text("abc=[]{}\"'#.,\n 0123456789-+:_T", max_size=40))
def test_no_text_fails_otherwise_than_by_its_mistakes(text: str) -> None:
    try:
        Study.parse(text)
    except StudyError as error:
        assert len(str(error).splitlines()) == len(error.mistakes) >= 1


FIXED = TEXT | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e99, 1e99) | st.booleans()


@untimed
@given(
    st.dictionaries(st.sampled_from(["lr", "a.b", "c-d", "é"]), GOOD_PARAMETERS, min_size=1),
    st.dictionaries(st.sampled_from(["data", "x.y"]), FIXED),
)
def test_a_study_without_mistakes_is_written_as_it_is_read(space: dict[str, Any], fixed: dict[str, Any]) -> None:
    data = {"trainer": "a:b", "objective": {"direction": "minimize"}, "space": space, "fixed": fixed}
    study = Study.from_data(data)
    again = Study.parse(study.to_toml())
    assert again.hash == study.hash
    assert again.space == study.space
    assert json.dumps(again.fixed) == json.dumps(study.fixed)


@untimed
@given(
    st.dictionaries(
        TEXT,
        st.recursive(
            TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        ),
        max_size=4,
    )
)
def test_toml_that_is_written_reads_back(data: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(data)) == data
    assert repr(tomllib.loads(write_toml({"only": data}))["only"]) == repr(data)
