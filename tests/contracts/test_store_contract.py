"""What every store promises, over SQLite and over a real PostgreSQL server."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bohpo.errors import AttemptError, LeaseError, NotFoundError, SpaceError, UsageError
from bohpo.store import (
    Announcement,
    CampaignState,
    Evaluation,
    Lease,
    Owner,
    StopRequest,
    Store,
    Summary,
    TrialsReader,
    open_store,
)
from bohpo.store.records import STOPPED_BY_FAILURES
from bohpo.trial import Attempt, AttemptState, Configuration, Outcome, Proposal, Scalar, TrialState
from tests.store.examples import (
    ADAMW,
    OUTCOME,
    PROPOSAL,
    SGD,
    another_owner,
    begin,
    create_campaign,
    dead_owner,
)

Write = Callable[[Store, Lease], object]

FENCED: dict[str, Write] = {
    "add_trial": lambda store, lease: store.add_trial(lease, "late", PROPOSAL),
    "save_attempt": lambda store, lease: store.save_attempt(lease, Attempt(0, 1, AttemptState.LOST)),
    "complete_trial": lambda store, lease: store.complete_trial(lease, 0, 0.9, OUTCOME, [(1, 0.2)]),
    "fail_trial": lambda store, lease: store.fail_trial(lease, 0, "late"),
    "set_state": lambda store, lease: store.set_state(lease, CampaignState.FINISHED),
    "add_event": lambda store, lease: store.add_event(lease, "late", "written by a driver that lost its lease"),
    "renew_lease": lambda store, lease: store.renew_lease(lease, 3600.0),
}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Open a store over an empty database."""
    opened = open_store(database_url)
    yield opened
    opened.close()


def everything(store: Store, name: str = "aneurysm") -> tuple[object, ...]:
    """Read all that a driver may write."""
    trials, events = store.trials(name), store.events(name)
    return store.campaign(name), store.lease(name), trials, events, [store.curves(name, t.number) for t in trials]


def test_a_new_database_holds_no_campaign(store: Store) -> None:
    assert store.campaigns() == []


def test_a_campaign_is_read_as_it_was_begun(store: Store) -> None:
    before = time.time()
    campaign = create_campaign(store)
    assert store.campaign("aneurysm") == campaign
    assert (campaign.state, campaign.stop_request, campaign.budget_trials) == (CampaignState.ACTIVE, "", 50)
    assert campaign.directory == Path("/data/campaigns/aneurysm")
    assert before <= campaign.created <= time.time()
    assert campaign.ended is None


def test_campaigns_are_listed_latest_first(store: Store) -> None:
    for name in ("one", "two", "three"):
        create_campaign(store, name)
    assert [campaign.name for campaign in store.campaigns()] == ["three", "two", "one"]


def test_a_name_is_given_once(store: Store) -> None:
    create_campaign(store)
    with pytest.raises(UsageError, match="bohpo resume aneurysm"):
        create_campaign(store)


def test_a_missing_campaign_is_told_with_its_nearest_names(store: Store) -> None:
    with pytest.raises(NotFoundError, match="bohpo launch"):
        store.campaign("aneurysn")
    create_campaign(store)
    with pytest.raises(NotFoundError, match="did you mean aneurysm"):
        store.campaign("aneurysn")
    for ask in (store.trials, store.events, store.evaluations, store.lease):
        with pytest.raises(NotFoundError, match="bohpo ls"):
            ask("brain")
    with pytest.raises(NotFoundError, match="bohpo ls"):
        store.acquire_lease("brain", another_owner(), 60.0)


def test_anybody_may_ask_for_a_stop_and_change_the_budget(store: Store) -> None:
    create_campaign(store)
    store.request_stop("aneurysm", StopRequest.NOW)
    store.set_budget("aneurysm", 80)
    assert store.campaign("aneurysm").stop_request is StopRequest.NOW
    assert store.campaign("aneurysm").budget_trials == 80
    store.request_stop("aneurysm", StopRequest.NONE)
    assert store.campaign("aneurysm").stop_request is StopRequest.NONE
    with pytest.raises(NotFoundError):
        store.request_stop("brain", StopRequest.NOW)


def test_a_finished_campaign_has_an_end_until_it_is_active_again(store: Store) -> None:
    lease = begin(store)
    store.set_state(lease, CampaignState.FINISHED)
    finished = store.campaign("aneurysm")
    assert finished.state is CampaignState.FINISHED
    assert finished.ended is not None
    assert finished.ended >= finished.created
    store.set_state(lease, CampaignState.STOPPED)
    assert store.campaign("aneurysm").ended == finished.ended
    store.set_state(lease, CampaignState.ACTIVE)
    assert store.campaign("aneurysm").ended is None


def test_a_lease_has_one_holder(store: Store) -> None:
    lease = begin(store)
    assert store.lease("aneurysm") == lease
    assert lease.expires == pytest.approx(lease.since + 60.0)
    for owner in (another_owner(), Owner.this_process()):
        with pytest.raises(LeaseError, match=f"process {lease.owner.pid} on {lease.owner.host} since .* UTC"):
            store.acquire_lease("aneurysm", owner, 60.0)
    assert store.lease("aneurysm") == lease


def test_leases_are_timed_by_a_clock_that_tells_the_time(store: Store) -> None:
    assert begin(store).since == pytest.approx(time.time(), abs=60.0)


def test_an_expired_lease_is_taken_over(store: Store) -> None:
    create_campaign(store)
    stale = store.acquire_lease("aneurysm", another_owner(), -1.0)
    assert store.lease("aneurysm") is None
    fresh = store.acquire_lease("aneurysm", Owner.this_process(), 60.0)
    assert fresh.token > stale.token
    assert store.lease("aneurysm") == fresh


def test_the_lease_of_a_dead_driver_is_taken_over_at_once(store: Store) -> None:
    create_campaign(store)
    stale = store.acquire_lease("aneurysm", dead_owner(), 3600.0)
    assert store.lease("aneurysm") is None
    assert store.acquire_lease("aneurysm", Owner.this_process(), 60.0).token > stale.token


def test_a_lease_that_expired_without_a_successor_is_renewed(store: Store) -> None:
    create_campaign(store)
    late = store.acquire_lease("aneurysm", another_owner(), -1.0)
    renewed = store.renew_lease(late, 60.0)
    assert store.lease("aneurysm") == renewed
    assert (renewed.token, renewed.since) == (late.token, late.since)
    assert renewed.expires > late.expires


def test_a_lease_that_was_given_back_is_free(store: Store) -> None:
    first = begin(store)
    store.release_lease(first)
    assert store.lease("aneurysm") is None
    second = store.acquire_lease("aneurysm", another_owner(), 60.0)
    assert second.token > first.token
    store.release_lease(first)
    assert store.lease("aneurysm") == second


@pytest.mark.parametrize("write", FENCED.values(), ids=FENCED)
@pytest.mark.parametrize("loss", ["taken over", "given back"])
def test_a_driver_without_its_lease_writes_nothing(store: Store, write: Write, loss: str) -> None:
    create_campaign(store)
    lease = store.acquire_lease("aneurysm", another_owner(), -1.0)
    store.add_trial(lease, "early", PROPOSAL)
    if loss == "taken over":
        store.acquire_lease("aneurysm", Owner.this_process(), 60.0)
    else:
        store.release_lease(lease)
    before = everything(store)
    with pytest.raises(LeaseError, match=loss):
        write(store, lease)
    assert everything(store) == before


def test_a_lease_is_worth_nothing_in_another_campaign(store: Store) -> None:
    begin(store, "one")
    lease = store.acquire_lease(create_campaign(store, "two").name, another_owner(), -1.0)
    store.acquire_lease("two", Owner.this_process(), 60.0)
    with pytest.raises(LeaseError):
        store.add_trial(lease, "u", PROPOSAL)
    assert store.trials("one") == []


@pytest.mark.parametrize("configuration", [SGD, ADAMW, {}], ids=["sgd", "adamw", "empty"])
def test_a_proposal_is_read_as_it_was_made(store: Store, configuration: Configuration) -> None:
    proposal = Proposal(dict(configuration), "model", 0.7, 0.02, 1.5, 2.25, "trends")
    lease = begin(store)
    before = time.time()
    assert store.add_trial(lease, "a", proposal) == 0
    (trial,) = store.trials("aneurysm")
    assert trial.proposal == proposal
    assert list(trial.configuration.items()) == list(configuration.items())
    assert [type(value) for value in trial.configuration.values()] == [type(v) for v in configuration.values()]
    assert (trial.number, trial.uid, trial.state) == (0, "a", TrialState.PENDING)
    assert (trial.value, trial.variance, trial.metrics, trial.reason, trial.attempts) == (None, None, {}, "", ())
    assert before <= trial.created <= time.time()
    assert trial.ended is None


@pytest.mark.parametrize("choice", ["adamw", None, 3, 2.5], ids=repr)
def test_a_choice_keeps_its_type(store: Store, choice: Scalar) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", Proposal({**ADAMW, "optimizer": choice}, "user"))
    kept = store.trial("aneurysm", 0).configuration["optimizer"]
    assert (kept, type(kept)) == (choice, type(choice))


def test_a_proposal_that_the_space_does_not_know_is_refused_whole(store: Store) -> None:
    lease = begin(store)
    for wrong in ({"depth": 3}, {"levels": 9}, {"optimizer": "lion"}, {"lr": math.nan}):
        with pytest.raises(SpaceError, match=next(iter(wrong))):
            store.add_trial(lease, "a", Proposal({**ADAMW, **wrong}, "user"))
    assert store.trials("aneurysm") == []


def test_trials_are_numbered_within_their_campaign(store: Store) -> None:
    one, two = begin(store, "one"), begin(store, "two")
    assert [store.add_trial(one, f"one-{k}", PROPOSAL) for k in range(3)] == [0, 1, 2]
    assert [store.add_trial(two, f"two-{k}", PROPOSAL) for k in range(2)] == [0, 1]
    assert [trial.uid for trial in store.trials("one")] == ["one-0", "one-1", "one-2"]
    assert [trial.uid for trial in store.trials("two")] == ["two-0", "two-1"]


def test_one_proposal_never_makes_two_trials(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "first", PROPOSAL)
    assert store.add_trial(lease, "a", PROPOSAL) == 1
    before = store.trials("aneurysm")
    assert store.add_trial(lease, "a", Proposal(SGD, "model")) == 1
    assert store.trials("aneurysm") == before
    with pytest.raises(UsageError, match="another campaign"):
        store.add_trial(begin(store, "two"), "a", PROPOSAL)


def test_proposals_from_many_threads_get_numbers_of_their_own(store: Store) -> None:
    lease = begin(store)
    numbers: list[int] = []

    def propose(name: str) -> None:
        numbers.extend(store.add_trial(lease, f"{name}-{k}", PROPOSAL) for k in range(5))

    threads = [threading.Thread(target=propose, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(20))
    assert len({trial.uid for trial in store.trials("aneurysm")}) == 20


def test_an_attempt_is_kept_with_its_latest_state(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    first = Attempt(0, 1, AttemptState.SUBMITTED, "", "job-17", 3, submitted=1.5)
    store.save_attempt(lease, first)
    first = replace(first, devices=("0", "GPU-5d5ba0d6"))
    ended = replace(first, state=AttemptState.PREEMPTED, reason="by the queue", started=2.5, ended=1e9 + 0.123456)
    second = Attempt(0, 2, AttemptState.RUNNING, job="job-18", submitted=4.5, started=5.5)
    store.save_attempt(lease, second)
    store.save_attempt(lease, ended)
    assert store.trial("aneurysm", 0).attempts == (ended, second)


def test_a_trial_that_is_not_there_is_told(store: Store) -> None:
    lease = begin(store)
    asks: list[Callable[[], object]] = [
        lambda: store.trial("aneurysm", 7),
        lambda: store.curves("aneurysm", 7),
        lambda: store.save_attempt(lease, Attempt(7, 1, AttemptState.RUNNING)),
        lambda: store.complete_trial(lease, 7, 0.5, OUTCOME),
        lambda: store.fail_trial(lease, 7, "gone"),
        lambda: store.add_evaluation("aneurysm", Evaluation(7, 1.0, OUTCOME)),
    ]
    for ask in asks:
        with pytest.raises(NotFoundError, match="no trial 7"):
            ask()


def test_an_outcome_is_read_as_it_was_recorded(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    assert store.complete_trial(lease, 0, 0.75, OUTCOME, [(1, 0.5), (2, math.nan), (2, 0.625)])
    trial = store.trial("aneurysm", 0)
    assert trial.state is TrialState.COMPLETE
    assert (trial.value, trial.variance, trial.metrics) == (0.75, OUTCOME.variance, OUTCOME.metrics)
    assert store.curves("aneurysm", 0) == OUTCOME.curves
    assert trial.ended is not None
    assert trial.created <= trial.ended <= time.time()
    assert store.trials("aneurysm") == [trial]


def test_a_pending_trial_has_no_curves(store: Store) -> None:
    store.add_trial(begin(store), "a", PROPOSAL)
    assert store.curves("aneurysm", 0) == {}


def test_the_first_outcome_wins(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    store.add_trial(lease, "b", PROPOSAL)
    assert store.complete_trial(lease, 0, 0.75, OUTCOME)
    assert store.fail_trial(lease, 1, "diverged")
    before = everything(store)
    for number in (0, 1):
        assert not store.complete_trial(lease, number, 0.9, Outcome(0.9), [(1, 0.3)])
        assert not store.fail_trial(lease, number, "late")
    assert everything(store) == before


def test_an_outcome_is_recorded_together_with_its_attempt_and_what_is_told(store: Store) -> None:
    lease = begin(store)
    told = [Announcement("proposed", "trial 0"), Announcement("attempt", "it runs"), Announcement("completed", "done")]
    store.add_trial(lease, "a", PROPOSAL, announcement=lambda number: Announcement("proposed", f"trial {number}"))
    running = Attempt(0, 1, AttemptState.RUNNING, job="17", started=1.0)
    store.save_attempt(lease, running, announcement=told[1])
    ended = replace(running, state=AttemptState.COMPLETED, ended=2.0)
    assert store.complete_trial(lease, 0, 0.75, OUTCOME, attempt=ended, announcement=told[2])
    assert store.trial("aneurysm", 0).attempts == (ended,)
    events = store.events("aneurysm")
    assert [(event.kind, event.message) for event in events] == [(each.kind, each.message) for each in told]
    assert [event.trial for event in events] == [0, 0, 0]


def test_a_failure_is_recorded_together_with_its_attempt_and_what_is_told(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    ended = Attempt(0, 1, AttemptState.RAISED, "diverged", ended=2.0)
    assert store.fail_trial(
        lease, 0, "diverged", attempt=ended, announcement=Announcement("failed", "trial 0 diverged")
    )
    assert store.trial("aneurysm", 0).attempts == (ended,)
    assert [event.message for event in store.events("aneurysm")] == ["trial 0 diverged"]


def test_what_was_recorded_before_is_not_told_again(store: Store) -> None:
    lease = begin(store)
    for uid in "ab":
        store.add_trial(lease, uid, PROPOSAL)
    store.complete_trial(lease, 0, 0.75, OUTCOME)
    store.fail_trial(lease, 1, "diverged")
    before = everything(store)
    for number in (0, 1):
        late: dict[str, Any] = {
            "attempt": Attempt(number, 1, AttemptState.LOST),
            "announcement": Announcement("late", "a repeated report"),
        }
        assert not store.complete_trial(lease, number, 0.9, OUTCOME, **late)
        assert not store.fail_trial(lease, number, "late", **late)
    store.add_trial(lease, "a", PROPOSAL, announcement=lambda number: Announcement("late", f"trial {number} again"))
    assert everything(store) == before


def test_a_failed_trial_keeps_its_reason(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    assert store.fail_trial(lease, 0, "raised: CUDA out of memory")
    trial = store.trial("aneurysm", 0)
    assert (trial.state, trial.value, trial.reason) == (TrialState.FAILED, None, "raised: CUDA out of memory")
    assert trial.ended is not None


WRITES: dict[str, tuple[Write, int]] = {
    "add_trial": (lambda store, lease: store.add_trial(lease, "c", Proposal(SGD, "model")), 2),
    "save_attempt": (lambda store, lease: store.save_attempt(lease, Attempt(1, 1, AttemptState.RUNNING)), 1),
    "complete_trial": (lambda store, lease: store.complete_trial(lease, 1, 0.9, OUTCOME), 1),
    "fail_trial": (lambda store, lease: store.fail_trial(lease, 1, "diverged"), 1),
}


@pytest.mark.parametrize(("write", "changed"), WRITES.values(), ids=WRITES)
def test_what_changed_in_a_trial_is_read_without_the_others(store: Store, write: Write, changed: int) -> None:
    lease = begin(store)
    for uid in "ab":
        store.add_trial(lease, uid, PROPOSAL)
    before = store.changes("aneurysm")
    assert [trial.number for trial in before.trials] == [0, 1]
    assert store.changes("aneurysm", before.revision) == replace(before, trials=())
    write(store, lease)
    after = store.changes("aneurysm", before.revision)
    assert after.revision > before.revision
    assert after.trials == (store.trial("aneurysm", changed),)


def test_a_reader_that_looks_again_and_again_sees_what_a_new_one_sees(store: Store) -> None:
    lease, other = begin(store), begin(store, "other")
    reader = TrialsReader(store, "aneurysm")
    assert reader.read() == []
    for number in range(4):
        store.add_trial(lease, f"a{number}", PROPOSAL)
        store.add_trial(other, f"b{number}", PROPOSAL)
        assert reader.read() == store.trials("aneurysm")
        store.save_attempt(lease, Attempt(number, 1, AttemptState.RUNNING))
        assert reader.read() == store.trials("aneurysm")
    store.complete_trial(lease, 2, 0.5, OUTCOME, attempt=Attempt(2, 1, AttemptState.COMPLETED))
    store.fail_trial(lease, 0, "diverged")
    assert reader.read() == store.trials("aneurysm")


def test_a_reader_of_a_campaign_that_is_not_there_is_told(store: Store) -> None:
    with pytest.raises(NotFoundError, match="bohpo launch"):
        TrialsReader(store, "aneurysm").read()


def test_campaigns_are_summed_up(store: Store) -> None:
    low, empty = begin(store, "low"), create_campaign(store, "empty")
    create_campaign(store, "minimized", maximize=False)
    minimized = store.acquire_lease("minimized", another_owner(), -1.0)
    for lease, name in ((low, "low"), (minimized, "minimized")):
        for number in range(6):
            store.add_trial(lease, f"{name}-{number}", PROPOSAL)
        for number, value in ((4, 0.9), (1, 0.25), (3, 0.25), (2, 0.9)):
            store.complete_trial(lease, number, value, OUTCOME)
    store.fail_trial(low, 0, "diverged")
    for number in (1, 2):
        store.save_attempt(low, Attempt(5, number, AttemptState.RUNNING))
    store.add_event(low, "noted", "the last thing")
    store.add_evaluation("low", Evaluation(1, 1.0, OUTCOME))
    told = store.events("low")[-1].time
    shared: dict[str, Any] = {"metric": "partial_auc", "complete": 4}
    assert store.summaries() == [
        Summary(store.campaign("minimized"), maximize=False, lease=None, queued=2, best=1, best_value=0.25, **shared),
        Summary(empty, "partial_auc", maximize=True, lease=None),
        Summary(
            store.campaign("low"),
            maximize=True,
            lease=low,
            failed=1,
            running=1,
            best=2,
            best_value=0.9,
            evaluations=1,
            changed=told,
            **shared,
        ),
    ]


def test_a_reader_of_a_campaign_sees_all_that_many_threads_write(store: Store) -> None:
    lease = begin(store)
    reader = TrialsReader(store, "aneurysm")

    def drive(name: str) -> None:
        for count in range(5):
            number = store.add_trial(lease, f"{name}-{count}", PROPOSAL)
            store.complete_trial(lease, number, 0.5, OUTCOME)

    threads = [threading.Thread(target=drive, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        reader.read()
    assert reader.read() == store.trials("aneurysm")


@pytest.mark.parametrize(
    ("value", "reports"),
    [(math.nan, []), (math.inf, []), (-math.inf, []), (0.5, [(-1, 0.5)]), (0.5, [(2**31, 0.5)])],
    ids=["nan", "inf", "-inf", "negative step", "huge step"],
)
def test_garbage_is_never_a_result(store: Store, value: float, reports: list[tuple[int, float]]) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    with pytest.raises(AttemptError):
        store.complete_trial(lease, 0, value, Outcome(0.5), reports)
    assert store.trial("aneurysm", 0).state is TrialState.PENDING


def test_why_a_driver_has_stopped_a_campaign_is_known_until_the_next_one_begins(store: Store) -> None:
    lease = begin(store)
    begin(store, "other")

    def reasons() -> tuple[str, ...]:
        of_all = {campaign.name: campaign.stop_reason for campaign in store.campaigns()}
        summed_up = {summary.campaign.name: summary.campaign.stop_reason for summary in store.summaries()}
        assert of_all == summed_up
        assert of_all["other"] == ""
        return store.campaign("aneurysm").stop_reason, of_all["aneurysm"]

    assert reasons() == ("", "")
    store.add_event(lease, STOPPED_BY_FAILURES, "5 trials in a row failed alike")
    assert reasons() == ("", "")  # it is not stopped
    store.set_state(lease, CampaignState.STOPPED)
    assert reasons() == ("5 trials in a row failed alike",) * 2
    store.add_event(lease, "evaluated", "something else")
    assert reasons() == ("5 trials in a row failed alike",) * 2
    store.add_event(lease, "driver-started", "it goes on")
    assert reasons() == ("", "")
    store.add_event(lease, "driver-ended", "campaign stopped, as somebody asked")
    assert reasons() == ("", "")


def test_the_times_of_drivers_are_read_from_what_they_recorded(store: Store) -> None:
    lease, other = begin(store), begin(store, "other")
    assert store.driver_spans("aneurysm") == []
    store.add_event(lease, "driver-started", "one")
    assert store.driver_spans("aneurysm") == [(store.events("aneurysm")[0].time, None)], "one is at work"
    store.add_event(lease, "proposed", "the last thing before it was killed")
    store.add_event(other, "driver-started", "another campaign's")
    store.add_event(lease, "driver-started", "two")
    store.add_event(lease, "driver-ended", "stopped")
    started, killed, again, ended = (event.time for event in store.events("aneurysm"))
    assert store.driver_spans("aneurysm") == [(started, killed), (again, None)]
    store.release_lease(lease)
    assert store.driver_spans("aneurysm") == [(started, killed), (again, ended)]
    with pytest.raises(NotFoundError):
        store.driver_spans("missing")


def test_a_campaign_is_recorded_where_it_is_and_another_incarnation_has_no_jobs(store: Store) -> None:
    lease = begin(store)
    number = store.add_trial(lease, "uid", Proposal(SGD, "model"))
    running = Attempt(number, 1, AttemptState.RUNNING, job="17", submitted=1.0, started=2.0)
    store.save_attempt(lease, running)
    before = store.campaign("aneurysm")
    moved = replace(before, directory=Path("/elsewhere/aneurysm"))
    assert store.relocate(lease, moved) == store.campaign("aneurysm") == moved
    assert store.trial("aneurysm", number).attempts == (running,)
    copy = replace(moved, incarnation="c0ffee", state=CampaignState.FINISHED)
    settled = replace(moved, incarnation="c0ffee")
    assert store.relocate(lease, copy) == store.campaign("aneurysm") == settled, "nothing else is taken over"
    assert store.trial("aneurysm", number).attempts == (replace(running, job=""),)
    store.release_lease(lease)
    with pytest.raises(LeaseError):
        store.relocate(lease, moved)


def test_events_are_read_in_order_from_where_one_left_off(store: Store) -> None:
    lease, other = begin(store), begin(store, "other")
    store.add_event(lease, "launched", "begun")
    store.add_event(other, "launched", "another campaign's")
    store.add_event(lease, "proposed", "trial 0 by the model", trial=0)
    first, second = store.events("aneurysm")
    assert (first.kind, first.message, first.trial) == ("launched", "begun", None)
    assert (second.kind, second.trial) == ("proposed", 0)
    assert 0 < first.number < second.number
    assert first.time <= second.time <= time.time()
    assert store.events("aneurysm", after=first.number) == [second]
    assert store.events("aneurysm", after=second.number) == []


@pytest.mark.parametrize(
    "text",
    ["a\x00b", "caf\udce9", "\U0001f9e0 ' \" ; -- %s :x", "long" * 50_000],
    ids=["NUL", "not UTF-8", "quotes", "long"],
)
def test_whatever_a_trainer_printed_can_be_kept(store: Store, text: str) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    store.save_attempt(lease, Attempt(0, 1, AttemptState.RAISED, reason=text))
    store.add_event(lease, "attempt-ended", text)
    store.fail_trial(lease, 0, text)
    kept = text.replace("\x00", "\ufffd").replace("\udce9", "?")
    assert store.events("aneurysm")[0].message == kept
    assert store.trial("aneurysm", 0).attempts[0].reason == kept
    assert store.trial("aneurysm", 0).reason == kept


def test_evaluations_are_kept_beside_the_trial(store: Store) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    store.complete_trial(lease, 0, 0.75, OUTCOME)
    store.release_lease(lease)
    evaluations = [Evaluation(0, 10.5, OUTCOME), Evaluation(0, 9.5, Outcome(-0.5))]
    for evaluation in evaluations:
        store.add_evaluation("aneurysm", evaluation)
    assert store.evaluations("aneurysm") == evaluations
    assert store.trial("aneurysm", 0).value == 0.75


def test_what_one_connection_wrote_another_reads(store: Store, database_url: str) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    store.complete_trial(lease, 0, 0.75, OUTCOME, [(1, 0.5)])
    store.add_event(lease, "ended", "trial 0")
    other = open_store(database_url)
    try:
        assert everything(other) == everything(store)
    finally:
        other.close()
