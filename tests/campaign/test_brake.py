"""Trials that all fail alike stop a campaign, and trials that fail for reasons of their own do not."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bohpo.campaign.brake import find_systematic_failure
from bohpo.campaign.launch import begin, drive
from bohpo.errors import Detached, NoUsableTrialError, SystematicFailureError
from bohpo.simulation.fates import Fate
from bohpo.simulation.site import Site, dead_driver
from bohpo.simulation.trainings import Duration
from bohpo.store import Campaign, CampaignState, StopRequest, Store, open_store
from bohpo.trainer import AttemptSpec
from bohpo.trial import Attempt, AttemptState, Configuration, Proposal, Trial, TrialState
from tests.campaign.test_loop import study
from tests.simulation import campaigns
from tests.simulation.failpoints import Failpoints
from tests.simulation.promises import Witness

IMPORT = "ModuleNotFoundError: No module named 'monai'"


def failed(
    number: int,
    reason: str = IMPORT,
    state: AttemptState = AttemptState.RAISED,
    configuration: Configuration | None = None,
) -> Trial:
    attempts = (Attempt(number, 1, state, reason),)
    told = f"{state.value}: {reason}"
    proposal = Proposal(configuration or {}, "startup")
    return Trial(number, "", configuration or {}, TrialState.FAILED, proposal, reason=told, attempts=attempts)


def complete(number: int) -> Trial:
    return Trial(number, "", {}, TrialState.COMPLETE, Proposal({}, "startup"), value=0.5)


def stops(trials: Sequence[Trial], *, jobs: int = 1, most: int | None = None, has_completed: bool = False) -> bool:
    found = find_systematic_failure(trials, jobs=jobs, max_failures=most, has_completed=has_completed)
    return found is not None


def fewest(make: Callable[[int], Trial], *, jobs: int = 1, has_completed: bool = False) -> int:
    """Count the failures after which the campaign is stopped."""
    return next(n for n in range(1, 100) if stops([make(i) for i in range(n)], jobs=jobs, has_completed=has_completed))


def test_the_failure_names_its_trials_in_order_with_reason_and_remedy() -> None:
    found = find_systematic_failure([complete(0), failed(2), failed(1)], jobs=1, max_failures=2, has_completed=True)
    assert found is not None
    assert (found.trials, found.remedy) == ((2, 1), "correct the trainer")
    assert str(found) == f"2 trials in a row failed alike, the last with raised: {IMPORT}"


def test_a_trainers_error_stops_after_five_and_after_more_than_all_jobs_at_once() -> None:
    assert [fewest(failed, jobs=jobs) for jobs in (1, 4, 5, 16)] == [5, 5, 6, 17]
    assert fewest(failed, has_completed=True) == 20


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (AttemptState.OUT_OF_MEMORY, "torch.OutOfMemoryError: CUDA out of memory"),
        (AttemptState.RAISED, "RuntimeError: CUDA error: out of memory"),
        (AttemptState.RAISED, "AttemptError: the training diverged: step 2 reported nan"),
        (AttemptState.KILLED, "the trainer was killed by SIGKILL; out of memory?"),
        (AttemptState.TIMED_OUT, "ran longer than budget.attempt_seconds = 60; killed"),
        (AttemptState.SILENT, "reported nothing for budget.silence_seconds = 60; killed"),
    ],
)
def test_what_a_configuration_may_cause_stops_after_ten(state: AttemptState, reason: str) -> None:
    assert fewest(lambda number: failed(number, reason, state)) == 10


def test_a_number_holds_at_any_time_and_zero_is_never() -> None:
    three = [failed(number) for number in range(3)]
    assert stops(three, most=3)
    assert stops([complete(9), *three], jobs=8, most=3, has_completed=True)
    assert not stops(three, most=4)
    assert not stops([failed(number) for number in range(200)], most=0)


@pytest.mark.parametrize(
    "reasons",
    [
        ("no GPU 0 at 0x7f3a21 of /tmp/a/b.py", "no GPU 13 at 0x55aa of /home/you/c.py"),
        ("cannot open campaigns/x/trials/3/attempt-1/log", "cannot open campaigns/x/trials/12/attempt-2/log"),
        ("lr = 1e-05 is too small", "lr = 0.25 is too small"),
        ("loss is nan", "loss is -inf"),
        ("job 6f0e21d49ab3 has 1,024 items", "job 99999999abcd has 7 items"),
        ("the shape [3, 64]  differs", "the shape [17, 8] differs"),
    ],
)
def test_messages_are_alike_but_for_numbers_paths_and_addresses(reasons: tuple[str, str]) -> None:
    assert stops([failed(0, reasons[0]), failed(1, reasons[1])], most=2)


def test_messages_are_alike_but_for_the_trials_own_values() -> None:
    said = [failed(n, f"KeyError: '{name}'", configuration={"net": name}) for n, name in enumerate(("unet", "resnet"))]
    assert stops(said, most=2)
    assert not stops([failed(0, "KeyError: 'unet'"), failed(1, "KeyError: 'resnet'")], most=2)


@pytest.mark.parametrize(
    "between",
    [
        complete(9),
        failed(9, "ValueError: another one"),
        failed(9, IMPORT, AttemptState.INVALID_OUTCOME),
    ],
)
def test_another_end_between_begins_anew(between: Trial) -> None:
    before, after = [failed(n) for n in range(4)], [failed(n) for n in range(10, 14)]
    assert stops([*before, *after])
    assert not stops([*before, between, *after])


@pytest.mark.parametrize("state", [AttemptState.LOST, AttemptState.PREEMPTED])
def test_what_the_infrastructure_ends_neither_counts_nor_interrupts(state: AttemptState) -> None:
    lost = [failed(n, "its node failed", state) for n in range(10, 40)]
    assert not stops(lost)
    assert not stops([failed(0), failed(1), *lost, failed(2), failed(3)])
    assert stops([failed(0), failed(1), *lost, failed(2), failed(3), failed(4)])
    unsent = Trial(0, "", {}, TrialState.FAILED, Proposal({}, "startup"), reason="out-of-time: budget.hours")
    assert not stops([unsent] * 30)


def test_half_of_all_configurations_out_of_memory_almost_never_stop_a_campaign() -> None:
    """In 200 campaigns of 50 trials, 4 at a time; the chance of ten in a row at the begin is one in 1,000 each."""
    stopped = 0
    for seed in range(200):
        rng, trials = random.Random(seed), list[Trial]()
        for number in range(50):
            is_out = rng.random() < 0.5
            trials.append(failed(number, "out of memory", AttemptState.OUT_OF_MEMORY) if is_out else complete(number))
            has_completed = any(trial.state is TrialState.COMPLETE for trial in trials)
            if stops(trials, jobs=4, has_completed=has_completed):
                stopped += 1
                break
    assert stopped <= 1


# -- the loop, on virtual time -------------------------------------------------------------------------------------


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder for campaigns' files."""
    with campaigns.folder() as made:
        yield made


def run(site: Site, number: int = 1) -> CampaignState | None:
    return campaigns.drive(site, dead_driver(number), Failpoints(site.clock), Witness())


def kinds(site: Site) -> list[str]:
    return [event.kind for event in site.store.events(site.name)]


def test_a_simulated_campaign_whose_trainings_all_raise_is_stopped_early_and_goes_on_with_as_many_chances(
    home: Path,
) -> None:
    site = campaigns.begin(home, trials=40, luck=lambda spec, start: (Fate.RAISES, 1.0))
    assert run(site) is CampaignState.STOPPED
    first = len(site.store.trials(site.name))
    assert 10 <= first <= 11  # the other one of two jobs is finished
    assert kinds(site)[-2:] == ["driver-ended", "stopped-by-failures"]
    reason = site.campaign.stop_reason
    assert reason.startswith(
        "10 trials in a row failed alike, the last with raised: RuntimeError: the training diverged"
    )
    assert reason.endswith("Correct the trainer, then `bohpo resume virtual`")

    assert run(site, 2) is CampaignState.STOPPED
    assert 20 <= len(site.store.trials(site.name)) <= 22
    assert kinds(site).count("stopped-by-failures") == 2


def test_a_correction_lets_the_campaign_finish(home: Path) -> None:
    is_corrected = False

    def luck(spec: object, start: int) -> tuple[Fate, float]:
        return (Fate.SUCCEEDS if is_corrected else Fate.RAISES), 1.0

    site = campaigns.begin(home, trials=16, luck=luck)
    assert run(site) is CampaignState.STOPPED
    is_corrected = True
    assert run(site, 2) is CampaignState.FINISHED
    assert site.campaign.stop_reason == ""
    states = [trial.state for trial in site.store.trials(site.name)]
    assert len(states) == 16
    assert states.count(TrialState.COMPLETE) >= 5


def test_a_training_that_completes_while_the_driver_waits_for_it_releases_the_brake(home: Path) -> None:
    """Of three jobs one takes long and succeeds, while those beside it fail until the brake is on."""

    def luck(spec: object, start: int) -> tuple[Fate, float]:
        assert isinstance(spec, AttemptSpec)
        return (Fate.SUCCEEDS, 1.0) if spec.trial == 0 or spec.trial > 12 else (Fate.RAISES, 0.05)

    site = campaigns.begin(home, trials=16, jobs=3, luck=luck, training=Duration(200.0, 0.01))
    assert run(site) is CampaignState.FINISHED
    told = kinds(site)
    assert told.index("systematic-failure") < told.index("systematic-failure-over")
    assert "stopped-by-failures" not in told
    assert len(site.store.trials(site.name)) == 16


@pytest.mark.parametrize("fate", [Fate.NODE_FAILED, Fate.GONE])
def test_lost_jobs_do_not_stop_a_simulated_campaign(home: Path, fate: Fate) -> None:
    site = campaigns.begin(home, trials=6, luck=lambda spec, start: (fate, 0.5))
    assert run(site) is CampaignState.FINISHED
    assert {trial.attempts[-1].state for trial in site.store.trials(site.name)} == {AttemptState.LOST}
    assert "systematic-failure" not in kinds(site)


def test_a_budget_that_is_used_up_is_finished_and_not_stopped(home: Path) -> None:
    site = campaigns.begin(home, trials=10, luck=lambda spec, start: (Fate.RAISES, 1.0))
    assert run(site) is CampaignState.FINISHED
    assert site.campaign.stop_reason == ""


# -- the loop, with real jobs --------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        yield opened


def launched(store: Store, home: Path, function: str, extra: str = "", trials: int = 16) -> Campaign:
    wanted = study(function, trials=trials, extra=extra)
    return drive(wanted, begin(wanted, store, home), store)


def test_sixteen_trainings_that_would_all_return_text_are_stopped_with_the_message(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(SystematicFailureError) as stopped:
        launched(store, tmp_path, "returning_text")
    assert stopped.value.exit_code == 1
    assert "returned a str, '0.9'; return a bohpo.trainer.Outcome" in str(stopped.value)
    assert "`bohpo resume specimen`" in str(stopped.value)
    assert 5 <= len(store.trials("specimen")) <= 6
    assert store.campaign("specimen").state is CampaignState.STOPPED
    assert store.campaign("specimen").stop_reason in str(stopped.value)
    assert store.lease("specimen") is None
    assert [summary.campaign.stop_reason for summary in store.summaries()] == [store.campaign("specimen").stop_reason]


def test_the_study_says_how_many_failures_are_too_many(store: Store, tmp_path: Path) -> None:
    with pytest.raises(SystematicFailureError, match="2 trials in a row failed alike"):
        launched(store, tmp_path, "returning_text", "max_failures = 2")
    assert 2 <= len(store.trials("specimen")) <= 3


def test_with_zero_the_whole_budget_is_used(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NoUsableTrialError):
        launched(store, tmp_path, "returning_text", "max_failures = 0", trials=7)
    assert len(store.trials("specimen")) == 7


def test_somebody_who_stops_the_campaign_meanwhile_is_told_of_the_stop(store: Store, tmp_path: Path) -> None:
    """The stop is asked for by the first training itself, while the brake is not on yet."""
    wanted = study("returning_text", trials=16, extra="max_failures = 1")
    campaign = begin(wanted, store, tmp_path)

    def ask_then_fail(*words: object, **named: object) -> bool:
        store.request_stop("specimen", StopRequest.DRAIN)
        return bool(fail(*words, **named))  # type: ignore[arg-type]

    fail, store.fail_trial = store.fail_trial, ask_then_fail  # type: ignore[method-assign]
    with pytest.raises(Detached):
        drive(wanted, campaign, store)
    assert store.campaign("specimen").stop_reason == ""
