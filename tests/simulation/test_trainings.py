"""Trainings that cost nothing."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from bohpo.errors import NotFoundError, UsageError
from bohpo.simulation.fates import Dice, Fate, Faults
from bohpo.simulation.trainings import Bowl, Duration, Training, read_results
from bohpo.study import Study
from bohpo.trainer import AttemptSpec

TEXT = """
command = ["train"]
[objective]
direction = "{direction}"
{bounds}
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
levels = {{ type = "int", low = 1, high = 9 }}
optimizer = {{ type = "categorical", choices = ["sgd", true, 2] }}
momentum = {{ type = "float", low = 0.5, high = 0.9, when = {{ optimizer = ["sgd"] }} }}
"""


def study(direction: str = "maximize", bounds: str = "") -> Study:
    return Study.parse(TEXT.format(direction=direction, bounds=bounds))


def test_a_training_is_the_same_whenever_asked() -> None:
    bowl = Bowl(study(), Dice(5), Duration(60.0, 0.3))
    configuration = study().space.default
    assert bowl.train(3, configuration) == bowl.train(3, configuration)
    assert bowl.train(3, configuration) != bowl.train(4, configuration)


@pytest.mark.parametrize(("direction", "better"), [("maximize", max), ("minimize", min)])
def test_the_best_configuration_is_at_the_optimum(direction: str, better: object) -> None:
    dice = Dice(0)
    bowl = Bowl(study(direction), dice, Duration())
    space = study().space
    at_optimum = bowl.train(0, space.decode(dice.point(len(space)))).value
    elsewhere = bowl.train(0, space.decode([0.0] * len(space))).value
    assert better(at_optimum, elsewhere) == at_optimum  # type: ignore[operator]


def test_scores_stay_within_the_bounds() -> None:
    bowl = Bowl(study(bounds="bounds = [10.0, 20.0]"), Dice(0), Duration())
    space = study().space
    values = [bowl.train(trial, space.decode([trial / 99] * 4)).value for trial in range(100)]
    assert 10.0 <= min(values) < max(values) <= 20.0


def test_durations_have_the_mean_and_the_spread_that_was_asked_for() -> None:
    seconds = [Dice(1).seconds(trial, 100.0, 0.5) for trial in range(4000)]
    assert statistics.fmean(seconds) == pytest.approx(100.0, abs=3 * 50.0 / 4000**0.5)
    assert statistics.stdev(seconds) == pytest.approx(50.0, rel=0.15)


def test_faults_come_as_often_as_asked_for() -> None:
    dice = Dice(1, Faults({Fate.KILLED: 0.2, Fate.GONE: 0.1}))
    drawn = [dice.fate(AttemptSpec("c", trial, 1), 0)[0] for trial in range(2000)]
    assert drawn.count(Fate.KILLED) / 2000 == pytest.approx(0.2, abs=0.03)
    assert drawn.count(Fate.GONE) / 2000 == pytest.approx(0.1, abs=0.03)
    assert drawn.count(Fate.SUCCEEDS) / 2000 == pytest.approx(0.7, abs=0.03)


HEADER = "number,state,value,params_x,params_levels,params_optimizer,params_momentum,seconds\n"


def test_recorded_trainings_come_to_what_the_nearest_one_came_to(tmp_path: Path) -> None:
    rows = "0,complete,0.9,0.1,1,sgd,0.7,60\n1,complete,0.4,0.9,9,true,,120\n2,failed,,0.5,5,2,,\n"
    (tmp_path / "results.csv").write_text(HEADER + rows)
    recorded = read_results(tmp_path / "results.csv", study().space)
    assert recorded.train(7, {"x": 0.2, "levels": 2, "optimizer": "sgd", "momentum": 0.6}) == Training(60.0, 0.9)
    assert recorded.train(7, {"x": 0.8, "levels": 8, "optimizer": True}) == Training(120.0, 0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("number,value\n0,0.5\n", "no column params_levels, params_momentum, params_optimizer, params_x, seconds"),
        (HEADER + "0,complete,nan,0.1,1,sgd,0.7,60\n", "no row"),
        (HEADER + "0,complete,0.9,0.1,1,adam,,60\n", "no row"),
        ("", "no column"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "results.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_results(tmp_path / "results.csv", study().space)


def test_a_missing_table_is_told_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="bohpo export"):
        read_results(tmp_path / "results.csv", study().space)
