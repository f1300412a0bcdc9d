"""What is counted over trials step by step is what is counted over all of them at once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bohpo.trial import Attempt, AttemptState, Proposal, Trial, TrialState, best_trials
from bohpo.views import CampaignView, status
from bohpo.views.tally import Tally

ENDS = (AttemptState.COMPLETED, AttemptState.RAISED, AttemptState.LOST)


def pending(number: int, now: float) -> Trial:
    configuration = {"lr": 0.01}
    attempt = Attempt(number, 1, AttemptState.SUBMITTED, worker=number % 3, submitted=now)
    proposal = Proposal(configuration, "model")
    return Trial(number, f"u{number}", configuration, TrialState.PENDING, proposal, attempts=(attempt,), created=now)


def one_step_on(trial: Trial, dice: random.Random, now: float) -> Trial:
    """Have something happen to a trial: a start, an end, another attempt."""
    *others, last = trial.attempts
    if last.state is AttemptState.SUBMITTED:
        return replace(trial, attempts=(*others, replace(last, state=AttemptState.RUNNING, started=now)))
    end = dice.choice(ENDS)
    attempts = (*others, replace(last, state=end, ended=now))
    if end is AttemptState.COMPLETED:
        value = dice.choice([0.25, 0.5, dice.random()])
        return replace(trial, state=TrialState.COMPLETE, value=value, attempts=attempts, ended=now)
    if end is AttemptState.RAISED:
        return replace(trial, state=TrialState.FAILED, attempts=attempts, ended=now)
    again = Attempt(trial.number, last.number + 1, AttemptState.SUBMITTED, worker=dice.randrange(3), submitted=now)
    return replace(trial, attempts=(*attempts, again))


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_changes_add_up_to_what_a_fresh_count_gives(short_view: CampaignView, seed: int, maximize: bool) -> None:
    dice, trials, now = random.Random(seed), list[Trial](), short_view.campaign.created
    tally = Tally(maximize=maximize)
    for step in range(400):
        now += dice.expovariate(0.1)
        waiting = [trial for trial in trials if trial.state is TrialState.PENDING]
        if len(waiting) < 3 or dice.random() < 0.1:
            trials.append(pending(len(trials), now))
        else:
            chosen = dice.choice(waiting)
            trials[chosen.number] = one_step_on(chosen, dice, now)
        if step % 7:
            continue  # several changes come at a time
        view = replace(short_view, trials=tally.update(trials), maximize=maximize, jobs=3, now=now + 1.0)
        fresh = replace(view, trials=tuple(trials))
        assert list(view.ranked) == best_trials(trials, maximize=maximize)
        assert list(view.pending) == list(fresh.pending)
        assert set(view.alive) == set(fresh.alive)
        kept, counted = status(view, tally), status(fresh)
        for name in ("complete", "failed", "running", "queued", "left", "best", "interval"):
            assert getattr(kept, name) == getattr(counted, name)
        for name in ("busy", "busy_after", "mean_gap", "mean_wait", "remaining"):
            assert getattr(kept, name) == pytest.approx(getattr(counted, name)), (step, name)


def test_another_campaign_in_its_place_is_counted_anew(view: CampaignView, short_view: CampaignView) -> None:
    tally = Tally(view.trials, maximize=True)
    assert list(tally.update(short_view.trials).ranked) == list(short_view.ranked)
    assert status(short_view, tally) == status(short_view)


def test_trials_in_which_nothing_happened_are_left_alone(view: CampaignView, monkeypatch: pytest.MonkeyPatch) -> None:
    tally, counted = Tally(view.trials, maximize=True), list[int]()
    count = Tally._count

    def noted(tally: Tally, trial: Trial, times: int) -> None:
        counted.append(trial.number)
        count(tally, trial, times)

    monkeypatch.setattr(Tally, "_count", noted)
    changed = replace(view.trials[4], value=0.99)
    tally.update((*view.trials[:4], changed, *view.trials[5:]))
    assert counted == [4, 4]
    assert tally.trials.ranked[0] is changed
