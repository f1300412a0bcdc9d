"""The campaigns as everybody sees them: read once, brought up to date, and told of."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bohpo.errors import NotFoundError, StoreError, StudyError
from bohpo.service.desk import Desk
from bohpo.service.events import Ticks
from bohpo.space import Space
from bohpo.store import Owner, RequestedLaunch, StopRequest, open_store
from bohpo.store.database import DatabaseStore
from bohpo.store.records import Campaign, Changes
from tests.service.conftest import opened
from tests.service.recorded import complete, record_campaign


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatabaseStore]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        record_campaign(store, tmp_path)
        yield store


@pytest.fixture
def desk(store: DatabaseStore) -> Desk:
    desk = Desk(store)
    desk.poll()
    return desk


def test_everybody_sees_the_same_snapshot_of_a_revision(desk: Desk) -> None:
    first = desk.snapshot("specimen")
    assert desk.poll() == {}
    assert desk.snapshot("specimen").view.trials is first.view.trials
    assert [trial.number for trial in first.view.ranked[:2]] == [5, 4]
    assert set(first.view.curves) == {5, 4, 3, 2, 1}


def test_a_change_is_a_new_revision_of_that_campaign_only(store: DatabaseStore, desk: Desk, tmp_path: Path) -> None:
    record_campaign(store, tmp_path, "other")
    assert set(desk.poll()) == {"other"}
    before, untouched = desk.snapshot("specimen"), desk.revision_of("other")
    lease = store.acquire_lease("specimen", Owner.this_process(), 60.0)
    complete(store, lease, 9)
    assert desk.poll() == {"specimen": desk.revision_of("specimen")}
    after = desk.snapshot("specimen")
    assert after.revision > before.revision
    assert after.status.complete == before.status.complete + 1
    assert after.lease == lease
    assert desk.revision_of("other") == untouched


def test_requests_budgets_and_drivers_are_changes_too(store: DatabaseStore, desk: Desk) -> None:
    store.request_stop("specimen", StopRequest.DRAIN)
    assert "specimen" in desk.poll()
    store.set_budget("specimen", 99)
    assert "specimen" in desk.poll()
    lease = store.acquire_lease("specimen", Owner.this_process(), 60.0)
    assert "specimen" in desk.poll()
    store.add_event(lease, "told", "something happened")
    assert "specimen" in desk.poll()
    assert desk.snapshot("specimen").view.campaign.budget_trials == 99


def test_revisions_grow_over_restarts(store: DatabaseStore, desk: Desk) -> None:
    assert Desk(store).revision >= desk.revision


def test_a_campaign_that_nobody_knows_is_told_with_its_like(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match="did you mean specimen"):
        desk.snapshot("specimn")


def test_a_new_campaign_is_seen_before_the_next_poll(store: DatabaseStore, desk: Desk, tmp_path: Path) -> None:
    record_campaign(store, tmp_path, "new")
    assert desk.snapshot("new").revision == desk.revision_of("new") > 0
    assert desk.poll() == {"new": desk.revision_of("new")}, "who watches the list hears of it nevertheless"
    assert desk.poll() == {}


def test_the_campaign_that_is_at_work_is_read_before_anybody_asks(
    store: DatabaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_campaign(store, tmp_path, "other")
    lease = store.acquire_lease("specimen", Owner.this_process(), 60.0)
    store.add_event(lease, "told", "something happened")
    desk = Desk(store)
    desk.prepare()

    def asked(_: DatabaseStore, name: str) -> Campaign:
        raise AssertionError(f"{name} is read now")

    monkeypatch.setattr(DatabaseStore, "campaign", asked)
    assert len(desk.snapshot("specimen").view.trials) == 8
    with pytest.raises(AssertionError, match="other is read now"):
        desk.snapshot("other")


def test_a_service_that_starts_prepares_without_a_visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = threading.Event()
    monkeypatch.setattr(Desk, "prepare", lambda _: prepared.set())
    with opened(tmp_path) as house, house.client():
        assert prepared.wait(120)


def test_nothing_is_prepared_of_an_empty_database_or_of_a_study_from_the_future(tmp_path: Path) -> None:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        Desk(store).prepare()
        create_foreign(store, tmp_path)
        desk = Desk(store)
        desk.prepare()
        with pytest.raises(StudyError):
            desk.snapshot("foreign")


def test_what_was_read_is_left_out_of_the_search_for_garbage(desk: Desk) -> None:
    trial = desk.snapshot("specimen").view.trials[0]
    assert gc.isenabled()
    assert gc.is_tracked(trial)
    assert not any(searched is trial for searched in gc.get_objects())


def test_while_the_database_is_silent_the_last_snapshot_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    known = desk.snapshot("specimen")

    def silent(_: DatabaseStore) -> None:
        raise StoreError("the database does not answer")

    monkeypatch.setattr(DatabaseStore, "pulses", silent)
    assert desk.poll() == {}
    assert "does not answer" in desk.trouble
    assert desk.snapshot("specimen") is known


def held_up(monkeypatch: pytest.MonkeyPatch, until: threading.Event) -> list[str]:
    """Delay the reading of trials until an event; return the campaigns that are being read."""
    asked: list[str] = []
    read = DatabaseStore.changes

    def slow(store: DatabaseStore, name: str, since: int = 0) -> Changes:
        asked.append(name)
        until.wait(120)
        return read(store, name, since)

    monkeypatch.setattr(DatabaseStore, "changes", slow)
    return asked


def test_a_campaign_that_takes_long_to_read_is_read_once_and_holds_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.service.desk.READING_S", 0.05)
    until = threading.Event()
    asked = held_up(monkeypatch, until)
    try:
        for _ in range(5):
            with pytest.raises(StoreError, match="'specimen' is still being read; ask again"):
                desk.snapshot("specimen")
        assert asked == ["specimen"]
    finally:
        until.set()
    monkeypatch.setattr("bohpo.service.desk.READING_S", 120.0)
    assert len(desk.snapshot("specimen").view.trials) == 8
    assert asked == ["specimen"]


def test_while_what_is_new_takes_long_to_read_the_last_snapshot_is_shown(
    store: DatabaseStore, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, until = desk.snapshot("specimen"), threading.Event()
    store.set_budget("specimen", 99)
    assert "specimen" in desk.poll()
    held_up(monkeypatch, until)
    monkeypatch.setattr("bohpo.service.desk.READING_S", 0.05)
    try:
        assert desk.snapshot("specimen") is known
    finally:
        until.set()
    monkeypatch.setattr("bohpo.service.desk.READING_S", 120.0)
    assert desk.snapshot("specimen").view.campaign.budget_trials == 99


def test_a_desk_that_is_closed_waits_for_nothing(desk: Desk) -> None:
    desk.close()
    with pytest.raises(StoreError, match="ask again"):
        desk.snapshot("specimen")


def test_a_study_that_this_version_cannot_read_spoils_no_list(store: DatabaseStore, desk: Desk, tmp_path: Path) -> None:
    create_foreign(store, tmp_path)
    desk.poll()
    assert [known.campaign.name for known in desk.listing().summaries] == ["foreign", "specimen"]


def create_foreign(store: DatabaseStore, folder: Path) -> None:
    """Begin a campaign whose study another version wrote."""
    store.create_campaign(
        "foreign",
        study_text="from = 'the future'",
        study_hash="0" * 64,
        directory=folder / "campaigns" / "foreign",
        space=Space(()),
        maximize=True,
        metric="score",
        budget_trials=None,
        provenance={"working_directory": str(folder)},
    )


def test_pulses_differ_wherever_campaigns_do(store: DatabaseStore) -> None:
    pulse = store.pulses()["specimen"]
    assert pulse == store.pulses()["specimen"]
    assert replace(pulse, evaluations=1) != pulse


def test_a_key_launches_once_and_never_takes_over_a_campaign(store: DatabaseStore) -> None:
    first = RequestedLaunch("key", "digest", "new", 1.0)
    assert store.claim_launch(first) == first
    assert store.claim_launch(replace(first, digest="other", campaign="third", time=2.0)) == first
    assert store.claim_launch(RequestedLaunch("another", "digest", "specimen", 3.0)) is None
    assert store.claim_launch(RequestedLaunch("another", "digest", "free", 4.0)) == RequestedLaunch(
        "another", "digest", "free", 4.0
    )


def test_listeners_hear_of_what_they_look_at_and_nothing_else() -> None:
    async def heard() -> list[str]:
        ticks, told = Ticks(), []
        stream = ticks.stream({"mine": 1}, lambda: True)
        told.append(await anext(stream))
        ticks.publish({"other": 2})
        ticks.publish({"mine": 3})
        ticks.publish({"mine": 4, "other": 5})
        told.append(await anext(stream))
        ticks.end()
        told += [rest async for rest in stream]
        assert ticks.listeners == 0
        return told

    first, second = asyncio.run(heard())
    assert '"revision": 1' in first
    assert second == 'event: tick\ndata: {"campaign": "mine", "revision": 4}\n\n'


def test_who_looks_at_the_list_hears_of_every_campaign() -> None:
    async def heard() -> str:
        ticks = Ticks()
        stream = ticks.stream({"": 1}, lambda: True)
        await anext(stream)
        ticks.publish({"any": 7})
        told = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return told

    assert asyncio.run(heard()) == 'event: tick\ndata: {"campaign": "", "revision": 7}\n\n'


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_stream_ends_soon_after_its_token_whether_or_not_there_is_something_to_tell(
    monkeypatch: pytest.MonkeyPatch, *, is_busy: bool
) -> None:
    monkeypatch.setattr("bohpo.service.events.CHECK_S", 0.01)
    holds = [True]

    async def heard() -> list[str]:
        ticks, told = Ticks(), []
        async for text in ticks.stream({"mine": 1}, lambda: holds[0]):
            told.append(text)
            if len(told) == 3 or not is_busy:
                holds[0] = False
            if is_busy:
                ticks.publish({"mine": 1 + len(told)})
            assert len(told) < 1000
        assert ticks.listeners == 0
        return told

    assert len(asyncio.run(heard())) >= (3 if is_busy else 1)
