"""The figures of a campaign's status, against a timeline worked out by hand."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import pytest

from bohpo.store.records import CampaignState
from bohpo.trial import Attempt, AttemptState, TrialState
from bohpo.views import CampaignView, status
from bohpo.views.tally import Gaps


def with_budget(view: CampaignView, trials: int | None) -> CampaignView:
    return replace(view, campaign=replace(view.campaign, budget_trials=trials))


def test_trials_are_counted_by_where_they_stand(short_view: CampaignView) -> None:
    now = status(short_view)
    assert (now.complete, now.failed, now.running, now.queued, now.left) == (2, 1, 2, 0, 3)


def test_a_trial_whose_job_waits_in_the_queue_is_queued_and_occupies_nothing(short_view: CampaignView) -> None:
    waiting = replace(
        short_view.trials[4],
        attempts=(Attempt(4, 1, AttemptState.SUBMITTED, worker=1, submitted=135.0),),
    )
    view = replace(short_view, trials=(*short_view.trials[:4], waiting))
    now = status(view)
    assert (now.running, now.queued) == (1, 1)
    # 100 + 40 + 50 + 80 of 2 slots from 10 to 200
    assert now.busy == pytest.approx(270 / 380)


def test_the_best_value_has_its_interval_cut_at_the_bounds(short_view: CampaignView) -> None:
    now = status(short_view)
    assert now.best is not None and now.best.number == 0
    # 0.6 +- 1.96 * sqrt(0.01), and no more than 0.75
    assert now.interval == pytest.approx((0.404, 0.75))


def test_a_best_value_without_a_variance_has_no_interval(short_view: CampaignView) -> None:
    now = status(replace(short_view, maximize=False))
    assert now.best is not None and now.best.number == 2
    assert now.interval is None


def test_slots_count_as_busy_from_start_to_end_or_to_now(short_view: CampaignView) -> None:
    # 100 + 40 + 50 + 80 + 60 of 2 slots from 10 to 200: one trial of the budget is still to start
    assert status(short_view).busy == pytest.approx(330 / 380)


def test_leaving_out_the_opening_burst_begins_with_the_start_that_filled_the_slots(short_view: CampaignView) -> None:
    # from 20 on, which takes 10 s off trial 0
    assert status(short_view).busy_after == pytest.approx(320 / 360)


def test_draining_slots_do_not_count_once_nothing_is_left_to_start(short_view: CampaignView) -> None:
    # the last start is at 140: 100 + 40 + 50 + 20 of 2 slots from 10 to 140
    assert status(with_budget(short_view, 5)).busy == pytest.approx(210 / 260)


def test_a_stopped_campaign_is_judged_up_to_its_last_start(short_view: CampaignView) -> None:
    stopped = replace(short_view, campaign=replace(short_view.campaign, state=CampaignState.STOPPED))
    assert status(stopped).busy == pytest.approx(210 / 260)
    assert status(stopped).remaining is None


def test_a_single_start_gives_no_busy_fraction_once_it_is_all(short_view: CampaignView) -> None:
    first = with_budget(replace(short_view, trials=short_view.trials[:1]), 1)
    assert status(first).busy is None
    assert status(first).busy_after is None


def test_gaps_lie_between_an_end_and_the_next_start_in_the_same_slot(short_view: CampaignView) -> None:
    # 110 to 120 in slot 0; 60 to 80 and 130 to 140 in slot 1
    assert status(short_view).mean_gap == pytest.approx(40 / 3)


def test_the_end_is_estimated_by_handing_what_is_left_to_the_slots(short_view: CampaignView) -> None:
    # trainings last 75 s on average; slot 0 is due now, takes the last trial after a gap of 40 / 3 s
    assert status(short_view).remaining == pytest.approx(40 / 3 + 75)
    # nothing left to start: trial 4 has run for 60 of 75 s
    assert status(with_budget(short_view, 5)).remaining == pytest.approx(15)


def test_without_a_budget_of_trials_nothing_is_said_about_the_end(short_view: CampaignView) -> None:
    now = status(with_budget(short_view, None))
    assert now.left is None
    assert now.remaining is None


def test_a_retried_attempt_occupies_its_slot_too(short_view: CampaignView) -> None:
    lost = Attempt(2, 1, AttemptState.LOST, "no answer", "j2", 1, 60.0, 62.0, 72.0)
    again = replace(short_view.trials[2].attempts[0], number=2)
    retried = replace(short_view.trials[2], attempts=(lost, again))
    view = replace(short_view, trials=(*short_view.trials[:2], retried, *short_view.trials[3:]))
    assert status(view).busy == pytest.approx(340 / 380)


def test_time_stops_when_the_campaign_has_ended(short_view: CampaignView) -> None:
    ended = replace(short_view.campaign, state=CampaignState.FINISHED, created=5.0, ended=150.0)
    assert status(replace(short_view, campaign=ended)).elapsed == 145.0


def test_a_campaign_before_its_first_trial_has_a_status(short_view: CampaignView) -> None:
    now = status(replace(short_view, trials=()))
    assert (now.best, now.busy, now.mean_gap, now.remaining, now.left) == (None, None, None, None, 6)


def test_the_made_up_campaign_is_as_the_figures_need_it(view: CampaignView) -> None:
    states = [trial.state for trial in view.trials]
    assert (states.count(TrialState.FAILED), states.count(TrialState.PENDING)) == (2, 2)
    assert len(states) == 25


def test_importing_the_views_imports_nothing_heavy() -> None:
    heavy = {"plotly", "optuna", "torch", "dask", "sqlalchemy", "yaml"}
    code = f"import sys, bohpo.views; print(sorted({heavy!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_pause_is_no_idle_time(short_view: CampaignView) -> None:
    """A day's pause after 200 s: what is asked and told of the campaign stays what it was."""
    day = 86_400.0
    before = replace(short_view, driven=((0.0, 200.0),))
    trials = tuple(
        replace(
            trial,
            attempts=tuple(
                replace(attempt, ended=200.0, state=AttemptState.PREEMPTED) if attempt.ended is None else attempt
                for attempt in trial.attempts
            ),
        )
        for trial in short_view.trials
    )
    paused = replace(before, trials=trials, now=200.0 + day)
    for view in (paused, replace(paused, driven=((0.0, 200.0), (200.0 + day, None)))):
        now = status(view)
        assert now.busy == pytest.approx(330 / 380)
        assert now.busy_after == pytest.approx(320 / 360)
        assert now.elapsed == pytest.approx(200.0)
        assert now.paused == pytest.approx(day)
        assert now.mean_gap == status(short_view).mean_gap


def test_the_gap_over_a_pause_counts_only_what_is_outside_it() -> None:
    gaps = Gaps()
    for slot, span in ((0, (0.0, 10.0)), (0, (5010.0, 5020.0)), (1, (0.0, 100.0)), (1, (104.0, math.inf))):
        gaps.count(slot, span, 1)
    assert gaps.mean == pytest.approx((5000 + 4) / 2)
    # 5 s before the pause and 10 s after it; the other slot's gap lies within it
    assert gaps.mean_without([(15.0, 5000.0)]) == pytest.approx((5 + 10 + 0) / 2)
    assert gaps.mean_without([(15.0, 20.0), (101.0, 102.0)]) == pytest.approx((5000 - 5 - 1 + 4 - 1) / 2)
    assert gaps.mean_without([]) == gaps.mean
    assert Gaps().mean_without([(0.0, 1.0)]) is None


def test_jobs_that_run_on_without_a_driver_count_as_busy(short_view: CampaignView) -> None:
    # Without a driver from 100 to 200: trial 0 to 110, trial 3 from 120 and trial 4 from 140 on are at work.
    view = replace(short_view, driven=((0.0, 100.0),))
    now = status(view)
    busy_in_pause = sum(
        max(min(end or 200.0, 200.0) - max(start, 100.0), 0.0)
        for trial in view.trials
        for attempt in trial.attempts
        for start, end in [(attempt.started or 0.0, attempt.ended)]
    )
    assert now.busy == pytest.approx(330 / (2 * 90 + busy_in_pause))
    assert now.elapsed + now.paused == pytest.approx(status(short_view).elapsed)
    assert now.paused < 100.0


def test_without_records_of_drivers_nothing_is_a_pause(short_view: CampaignView) -> None:
    assert status(short_view).paused == 0.0
    finished = replace(short_view.campaign, state=CampaignState.FINISHED, ended=180.0)
    assert status(replace(short_view, campaign=finished, driven=((0.0, 180.0),))).paused == 0.0
