"""A study built in Python is checked as a file is, and its text reads back as the same study."""

from __future__ import annotations

import enum
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bohpo.errors import StudyError
from bohpo.study import Budget, Objective, Study
from bohpo.study.tables import CategoricalTable, FloatTable
from bohpo.trainer import Context
from tests.campaign import specimens
from tests.study.test_study_fuzz import GOOD_PARAMETERS

REPOSITORY = Path(__file__).parents[2]
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12) | st.sampled_from(
    ['"', "'''", "\\", "\r\n", "é\u2028"]
)
SCALARS = ANY_TEXT | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
GATES = st.lists(ANY_TEXT, min_size=2, max_size=4, unique=True)
OBJECTIVE = {"direction": "maximize"}


class Loss(enum.StrEnum):
    """A choice as an enumeration has it."""

    FOCAL = "focal"


class Mode(str, enum.Enum):  # noqa: UP042
    """The same in the older way, whose text is not its value."""

    FAST = "fast"


def built(**keys: Any) -> Study:
    return Study(**{"name": "built", "trainer": "a:b", "objective": OBJECTIVE, "budget": {"trials": 1}, **keys})


def lines_of(**keys: Any) -> list[str]:
    with pytest.raises(StudyError) as refused:
        built(**keys)
    return [str(mistake) for mistake in refused.value.mistakes]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200)
@given(st.data())
def test_the_text_of_a_study_built_in_python_reads_back_as_the_same(data: st.DataObject) -> None:
    gate = data.draw(GATES)
    nested = {**data.draw(GOOD_PARAMETERS), "when": {"gate": data.draw(st.sampled_from(gate)), "inner": ["on"]}}
    space = {
        "gate": {"type": "categorical", "choices": gate},
        "inner": {"type": "categorical", "choices": ("on", "off"), "when": {"gate": tuple(gate)}},
        "nested": nested,
    }
    fixed = {"text": data.draw(ANY_TEXT), "any": data.draw(SCALARS), "dotted.name": data.draw(SCALARS)}
    study = built(space=space, fixed=fixed, budget=Budget(hours=data.draw(st.floats(0.1, 1e6))))
    again = Study.parse(study.text)
    assert again.model_dump() == study.model_dump()
    assert (again.hash, again.space) == (study.hash, study.space)
    assert again.to_toml() == study.text


def test_tables_numbers_paths_and_enumerations_are_taken() -> None:
    study = built(
        objective=Objective(direction="minimize", bounds=(-math.inf, 1.0)),
        budget=Budget(trials=2, hours=None),
        feasible=None,
        space={
            "lr": FloatTable(type="float", low=0.1, high=1.0, log=True),
            "loss": CategoricalTable(type="categorical", choices=(Loss.FOCAL, "dice")),
            "size": {"type": "int", "low": np.int64(1), "high": np.uint8(9)},
            "depth": {"type": "categorical", "choices": np.array([1, 2])},
        },
        fixed={"data": Path("/data"), "mode": Mode.FAST, "limit": np.float32(0.5), "flip": np.bool_(True)},
    )
    again = Study.parse(study.text)
    assert again.model_dump() == study.model_dump()
    assert again.fixed == {"data": "/data", "mode": "fast", "limit": 0.5, "flip": True}
    assert [type(value) for value in study.fixed.values()] == [str, str, float, bool]
    assert again.parameters["loss"].model_dump()["choices"] == ("focal", "dice")
    assert again.parameters["depth"].model_dump()["choices"] == (1, 2)
    assert again.objective.limits == (None, 1.0)


def test_a_study_built_in_python_is_refused_with_all_its_mistakes() -> None:
    with pytest.raises(StudyError) as refused:
        Study(objective={"direction": "up"}, space={"x": {"type": "float", "low": 1.0, "high": 0.0}})  # type: ignore[call-arg, arg-type, dict-item]
    keys = [mistake.key for mistake in refused.value.mistakes]
    assert sorted(keys) == ["name", "objective.direction", "space.x.low", "trainer"]
    assert lines_of(command=["./train"]) == ["command: there is a trainer, too; keep one of the two"]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"fixed": {"loss": len}}, "fixed.loss: is a function, which no study file can hold; write its name as text"),
        ({"fixed": {"note": "\ud800"}}, 'fixed.note: "\\ud800" is text that UTF-8 cannot hold; leave out'),
        ({"fixed": {"\udfff": 1}}, 'fixed: "\\udfff" is text that UTF-8 cannot hold'),
        ({"fixed": {"limit": None}}, "fixed.limit: None is no single value; write text, a finite number"),
        ({"fixed": {"limit": np.float32("nan")}}, "fixed.limit: nan is no single value"),
        ({"fixed": {"sizes": np.array([1, 2])}}, "fixed.sizes: [1, 2] is no single value"),
        ({"fixed": {"which": 1j}}, "fixed.which: 1j is no single value"),
        (
            {"space": {"x": {"type": "categorical", "choices": [len, "b"]}}},
            "space.x.choices[0]: is a function, which no study file can hold",
        ),
    ],
)
def test_what_no_file_can_hold_is_refused_by_its_key(keys: dict[str, Any], line: str) -> None:
    assert any(said.startswith(line) for said in lines_of(**keys))


def test_a_function_that_a_job_can_import_is_taken_by_its_name() -> None:
    study = built(trainer=specimens.quadratic, evaluator=specimens.evaluate)
    assert study.trainer == "tests.campaign.specimens:quadratic"
    assert study.evaluator == "tests.campaign.specimens:evaluate"
    assert study.directory == study.working_directory == REPOSITORY
    assert Study.parse(study.text).trainer == study.trainer


def main_function() -> Any:
    def train(config: object, context: object) -> float:
        return 0.5

    train.__module__, train.__qualname__ = "__main__", "train"
    return train


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda config, context: 0.5, "<lambda> is not at the top of module"),
        (main_function(), "train is defined in the script that is run, which no job can import"),
        (functools.partial(specimens.quadratic), "a partial has no name that a job could import it by"),
        (Context.report, "Context.report is not at the top of module"),
    ],
)
@pytest.mark.parametrize("key", ["trainer", "evaluator", "feasible"])
def test_a_function_that_no_job_can_import_is_refused(key: str, function: Any, problem: str) -> None:
    [line] = lines_of(**{key: function})
    assert line.startswith(f"{key}: {problem}")
    assert line.endswith('; define it at the top of a module, and write "module:function"')
