"""A campaign that is timed stays as large as it was."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from tests.benchmarks.steady_state import SPACE, Size, StudyContender, drawn, filled_study, value_of

SIZE = Size(40, 5)


def count(study: optuna.Study, state: TrialState) -> int:
    return len(study.get_trials(deepcopy=False, states=(state,)))


def test_between_two_proposals_one_trial_ends_and_the_proposed_one_runs() -> None:
    study = filled_study(SIZE)
    contender = StudyContender(study, lambda: optuna.samplers.RandomSampler(seed=0), SIZE)
    assert (count(study, TrialState.COMPLETE), count(study, TrialState.RUNNING)) == (40, 5)
    for asked in range(1, 8):
        assert contender.propose() > 0.0
        assert (count(study, TrialState.COMPLETE), count(study, TrialState.RUNNING)) == (40 + asked, 5)
    assert study.trials[40].value == value_of(study.trials[40].params) == drawn(45)[40].value
    assert set(study.trials[46].params) == set(SPACE.names)


def test_to_forget_is_to_take_a_new_sampler() -> None:
    study = filled_study(SIZE)
    contender = StudyContender(study, lambda: optuna.samplers.RandomSampler(seed=0), SIZE)
    before = study.sampler
    contender.forget()
    assert study.sampler is not before


def test_the_space_is_mixed_and_the_trials_are_the_same_every_time() -> None:
    assert len(SPACE) == 12
    assert {parameter.kind for parameter in SPACE.parameters} == {"float", "int", "categorical"}
    assert drawn(3) == drawn(45)[:3]
    assert len({trial.value for trial in drawn(45)}) == 45
