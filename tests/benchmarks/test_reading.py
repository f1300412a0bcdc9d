"""The database that reading is timed on is one that bohpo and Optuna could have written, and the command runs."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from bohpo.store import open_store
from tests.benchmarks import reading
from tests.benchmarks.filled_database import DISTRIBUTIONS, NAME, fill
from tests.benchmarks.readers import record_results


def test_bohpo_and_optuna_read_the_same_from_a_filled_database(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    fill(str(path), 600)
    store = open_store(str(path))
    record_results(store, 2)
    ours = store.trials(NAME)
    (summary,) = store.summaries()
    store.close()
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    theirs = optuna.load_study(study_name=NAME, storage=storage).get_trials(deepcopy=False)
    storage.remove_session()
    storage.engine.dispose()
    assert [trial.number for trial in ours] == list(range(602))
    assert [trial.configuration for trial in ours] == [trial.params for trial in theirs]
    assert [trial.value for trial in ours] == [trial.value for trial in theirs]
    assert all(trial.distributions == DISTRIBUTIONS for trial in theirs)
    assert all(len(trial.attempts) == 1 for trial in ours)
    best = max(ours, key=lambda trial: trial.value or 0.0)
    assert (summary.complete, summary.best, summary.best_value) == (602, best.number, best.value)


def test_reading_is_timed_beside_optuna(capsys: pytest.CaptureFixture[str]) -> None:
    options = "--sizes 20,40 --databases sqlite --repeats 2 --results 2"
    assert reading.main(options.split()) == 0
    printed = capsys.readouterr()
    rows = [line.split() for line in printed.out.splitlines() if line.startswith("sqlite")]
    assert [row[:2] for row in rows] == [["sqlite", "20"], ["sqlite", "40"]]
    assert all(float(cell) > 0 for row in rows for cell in row[2:])
    assert "sqlite, 40 trials ..." in printed.err


def test_a_size_that_is_no_count_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        reading.main(["--sizes", "many"])
    assert "'many' is no list of counts, as in 1000,5000,20000" in capsys.readouterr().err
