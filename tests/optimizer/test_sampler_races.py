"""Samplers that share nothing but a database, and propose at the same moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest

from bohpo.optimizer import BayesianSampler, History, sampler
from bohpo.space import IntParameter, Space
from bohpo.trial import Proposal
from tests.optimizer import proposer

ROOT = Path(__file__).resolve().parents[2]

LINE = Space((IntParameter("x", 0, 9),))


class Race:
    """Samplers on one study, all of which propose the least number that they know to be free.

    Attributes:
        made: Trial and value of every proposal, in the order in which they were made.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, samplers: int) -> None:
        """Begin a study, and let nobody wait long."""
        self._storage = optuna.storages.InMemoryStorage()
        name = optuna.create_study(storage=self._storage).study_name
        self._studies = [
            optuna.load_study(study_name=name, storage=self._storage, sampler=BayesianSampler(seed=0, space=LINE))
            for _ in range(samplers)
        ]
        self.trials = [study.ask() for study in self._studies]
        self.made: list[tuple[int, int]] = []
        self._meanwhile: dict[int, list[Callable[[], object]]] = {}
        monkeypatch.setattr(sampler, "propose", self._propose)
        monkeypatch.setattr(sampler, "LONGEST_WAIT_S", 0.01)
        monkeypatch.setattr(sampler, "POLL_S", 0.01)

    def meanwhile(self, trial: int, *events: Callable[[], object]) -> None:
        """Let things happen while a trial proposes, one for each of its proposals."""
        self._meanwhile[trial] = list(events)

    def suggest(self, trial: int) -> int:
        """Let a trial propose."""
        return self.trials[trial].suggest_int("x", 0, 9)

    def write(self, trial: int, x: int) -> None:
        """Write a proposal as another process would."""
        proposal: Any = {"configuration": {"x": x}, "source": "model"}
        self._storage.set_trial_system_attr(self.trials[trial]._trial_id, sampler.PROPOSAL_KEY, proposal)

    def write_all(self, proposals: dict[int, int]) -> None:
        """Write proposals of several trials."""
        for trial, x in proposals.items():
            self.write(trial, x)

    def _propose(self, _space: Space, history: History, n: int, *, first: int, **_rest: object) -> list[Proposal]:
        taken = [configuration["x"] for configuration in history.pending]
        free = [x for x in range(10) if x not in taken] or list(range(10))
        trial = first + n - 1
        self.made.append((trial, free[n - 1]))
        if self._meanwhile.get(trial):
            self._meanwhile[trial].pop(0)()
        return [Proposal({"x": x}, "model") for x in free[:n]]


def test_the_later_of_two_that_propose_at_once_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    race.meanwhile(1, lambda: race.suggest(0))
    assert race.suggest(1) == 1
    assert race.trials[0].params == {"x": 0}
    assert race.made == [(1, 0), (0, 0), (1, 1)]


def test_the_earlier_moves_where_the_later_had_looked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    race.meanwhile(0, lambda: race.suggest(1))
    assert race.suggest(0) == 1
    assert race.trials[1].params == {"x": 0}
    assert race.made == [(0, 0), (1, 0), (0, 1)]


def test_the_earlier_moves_where_the_later_has_even_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)

    def later() -> None:
        race.suggest(1)
        race.trials[1].study.tell(race.trials[1], 1.0)

    race.meanwhile(0, later)
    race.suggest(0)
    assert [trial for trial, _ in race.made] == [0, 1, 0]


def test_the_earlier_stays_where_the_later_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    race.meanwhile(0, lambda: race.write(1, 0))
    monkeypatch.setattr(time, "sleep", lambda _seconds: race.write(1, 1))
    assert race.suggest(0) == 0
    assert race.made == [(0, 0)]


def test_the_earlier_minds_no_later_proposal_that_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    race.meanwhile(0, lambda: race.write(1, 7))
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("it waits"))
    assert race.suggest(0) == 0


def test_who_has_moved_moves_again_only_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    race.meanwhile(1, lambda: race.write(0, 7), lambda: race.write(0, 8), lambda: race.write(0, 9))
    race.suggest(1)
    assert race.made == [(1, 0), (1, 0)]


def test_of_many_that_propose_the_same_each_leaves_room_for_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 4)
    race.meanwhile(3, lambda: race.write_all({0: 0, 1: 0, 2: 0}), lambda: race.write_all({1: 1, 2: 2}))
    assert race.suggest(3) == 3
    assert race.made[:2] == [(3, 0), (3, 3)]


def test_threads_of_one_sampler_see_each_other_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    one = race.trials[0].study
    frozen = one.get_trials()
    spaces = [one.sampler.infer_relative_search_space(one, trial) for trial in frozen]
    found = [one.sampler.sample_relative(one, *arguments) for arguments in zip(frozen, spaces, strict=True)]
    assert found == [{"x": 0}, {"x": 1}]
    assert race.made == [(0, 0), (1, 1)]


def test_a_wrapper_that_asks_for_no_space_gets_no_stale_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 2)
    one = race.trials[1].study
    space = one.sampler.infer_relative_search_space(one, one.get_trials()[0])
    race.write(0, 0)
    assert one.sampler.sample_relative(one, one.get_trials()[1], space) == {"x": 1}
    assert race.made == [(1, 1)]


def test_a_storm_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "MOST_ROUNDS", 5)
    race = Race(monkeypatch, 2)
    race.meanwhile(1, *[lambda: race.write(0, race.made[-1][1])] * 10)
    race.suggest(1)
    assert len(race.made) == 5


def test_a_space_without_another_point_is_no_reason_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(monkeypatch, 12)
    for trial in range(1, 11):
        race.write(trial, trial - 1)
    race.meanwhile(0, lambda: race.write(11, 0))
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("it waits"))
    assert race.suggest(0) == 0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study.db"
    return str(request.getfixturevalue("postgresql_url")).replace("postgresql://", "postgresql+psycopg://")


class Proposers:
    """Processes that do the same at the same time."""

    def __init__(self, url: str, count: int, stack: ExitStack, **environment: str) -> None:
        """Start them, and wait until all are ready."""
        self._processes = [start_proposer(url, stack, environment) for _ in range(count)]
        self._answers()

    def all(self, command: str) -> list[Any]:
        """Give a command to all, and wait for their answers."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{command}\n")
            process.stdin.flush()
        return self._answers()

    def _answers(self) -> list[Any]:
        lines = [process.stdout.readline() for process in self._processes if process.stdout is not None]
        assert all(lines), "a process ended early"
        return [json.loads(line) for line in lines]


def start_proposer(url: str, stack: ExitStack, environment: dict[str, str]) -> subprocess.Popen[str]:
    command, pipe = [sys.executable, "-m", "tests.optimizer.proposer", url], subprocess.PIPE
    process = stack.enter_context(
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env={**os.environ, **environment})
    )
    stack.callback(process.kill)
    return process


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """End what was started."""
    with ExitStack() as opened:
        yield opened


def begin(url: str, trials: int) -> None:
    """Make a study with some trials, by which the space is known."""
    storage = optuna.storages.RDBStorage(url)
    propose_for(
        optuna.create_study(study_name=proposer.STUDY, storage=storage, sampler=BayesianSampler(seed=0)), trials
    )
    storage.remove_session()
    storage.engine.dispose()


def propose_for(study: optuna.Study, trials: int) -> None:
    for _ in range(trials):
        trial = study.ask()
        proposer.suggest(trial)
        study.tell(trial, proposer.value(trial))


def test_processes_that_propose_at_the_same_moment_never_propose_the_same(url: str, stack: ExitStack) -> None:
    begin(url, 1)
    proposers = Proposers(url, 4, stack)
    proposed = []
    for _ in range(8):
        proposed += [json.dumps(params) for params in proposers.all("ask")]
        proposers.all("tell")
    assert len(set(proposed)) == len(proposed) == 32


def test_another_process_proposes_the_same_after_the_same_trials(tmp_path: Path, stack: ExitStack) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    begin(url, 5)
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    propose_for(study, 7)
    for trial, hash_seed in zip(study.trials[5:], "12", strict=True):
        another = Proposers(url, 1, stack, PYTHONHASHSEED=hash_seed)
        assert another.all("ask") == [trial.params]
        another.all("tell")
