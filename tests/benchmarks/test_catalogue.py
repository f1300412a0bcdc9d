"""Tasks of a folder outside the project."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

from bohpo.errors import UsageError
from tests.benchmarks.tasks import PUBLIC, load_task, task_names

CATALOGUE = """
from benchmark_table_of_this_test import BEST

class Parabola:
    def suggest(self, trial):
        return {"x": trial.suggest_float("x", 0, 1)}

    def evaluate(self, parameters, rng):
        return -(parameters["x"] - BEST) ** 2, 60

    def regret(self, parameters):
        return abs(parameters["x"] - BEST)

def needy():
    import a_package_that_nobody_has

PUBLIC = {"parabola/1": Parabola, "needy": needy}
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    (tmp_path / "benchmark_table_of_this_test.py").write_text("BEST = 0.25\n")
    (tmp_path / "tasks.py").write_text(CATALOGUE)
    return tmp_path / "tasks.py"


def test_a_task_of_a_catalogue_is_played_like_one_that_ships(catalogue: Path) -> None:
    assert task_names("catalogue", catalogue) == ["parabola/1", "needy"]
    assert task_names("all", catalogue) == [*PUBLIC, "parabola/1", "needy"]
    task = load_task("parabola/1", catalogue)
    parameters = task.suggest(optuna.trial.FixedTrial({"x": 0.75}))
    assert task.evaluate(parameters, np.random.default_rng(0)) == (-0.25, 60.0)
    assert task.regret(parameters) == 0.5
    assert task.variance(parameters) is None
    assert str(catalogue.parent) not in sys.path


def test_a_package_that_is_missing_is_named_with_the_remedy(catalogue: Path) -> None:
    with pytest.raises(UsageError, match="pip install a_package_that_nobody_has"):
        load_task("needy", catalogue)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "no such file"),
        ("PUBLIC = 3", "no table PUBLIC"),
        ("import a_package_that_nobody_has", "pip install a_package_that_nobody_has"),
        ("PUBLIC = {'network-17': None}", "name of a task that ships"),
    ],
)
def test_a_folder_that_is_no_catalogue_is_refused(tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "tasks.py").write_text(text)
    with pytest.raises(UsageError, match=complaint):
        task_names("all", tmp_path / "tasks.py")
