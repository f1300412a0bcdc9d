"""What no file, database or page can hold is refused in a study, by key."""

from __future__ import annotations

from typing import Any

import pytest

from bohpo.errors import StudyError
from bohpo.study import Study

STUDY: dict[str, Any] = {
    "trainer": "a:b",
    "objective": {"direction": "maximize"},
    "space": {"x": {"type": "int", "low": 1, "high": 2}},
}
HALF, HUGE = "\ud800", 10**5000


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({"fixed": {"a": HALF}}, "fixed.a: "),
        ({"fixed": {"a": "\x00"}}, "fixed.a: "),
        ({"objective": {"direction": "maximize", "metric": "a\x00"}}, "objective.metric: "),
        ({"objective": {"direction": "maximize", "metric": HALF}}, "objective.metric: "),
        ({"space": {"x": {"type": "categorical", "choices": ["a", "\x00"]}}}, "space.x.choices[1]: "),
        ({"space": {HALF: {"type": "int", "low": 1, "high": 2}}}, 'space."?": '),
        ({"command": ["a", "\x00"], "trainer": "a:b"}, "command[1]: "),
        ({"name": HALF}, "name: "),
        ({"trainer": f"{HALF}:b"}, "trainer: "),
        ({HALF: 1}, '"?": the key is not UTF-8; write another one'),
        ({"fixed": {HALF: 1}}, 'fixed."?": the key is not UTF-8'),
        ({"fixed": {"a": HUGE}}, "fixed.a: a whole number needs more than 64 bits"),
        ({"budget": {"trials": HUGE}}, "budget.trials: a whole number needs more than 64 bits"),
        ({"space": {"x": {"type": "int", "low": 1, "high": HUGE}}}, "space.x.high: a whole number needs"),
        ({"space": {"x": {"type": "int", "low": 1, "high": 2, "when": {"y": [HUGE]}}}}, "space.x.when.y: a whole"),
    ],
)
def test_text_and_numbers_that_cannot_be_kept_are_refused_by_key(patch: dict[str, Any], told: str) -> None:
    with pytest.raises(StudyError) as caught:
        Study.from_data(STUDY | patch)
    lines = [str(mistake) for mistake in caught.value.mistakes]
    assert any(line.startswith(told) for line in lines), lines
    "\n".join(lines).encode()


def test_a_study_in_any_language_is_read() -> None:
    study = Study.from_data(STUDY | {"fixed": {"a": "\u640d\u5931 ± \U0001f9e0"}})
    assert Study.parse(study.text).fixed == study.fixed
