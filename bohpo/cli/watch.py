"""`bohpo watch`, and the live view of `launch --follow`: drawn on a terminal, a line per event anywhere else."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator

from bohpo.cli.output import emit, say
from bohpo.cli.place import HERE, Place
from bohpo.cli.tunnel import way_in
from bohpo.errors import StoreError
from bohpo.service.answers import as_json, campaign_answer
from bohpo.service.gather import gather
from bohpo.store import Store, TrialsReader
from bohpo.store.records import CampaignState
from bohpo.views.status import status

_TOLD = {
    "driver-started",
    "completed",
    "completed-late",
    "failed",
    "attempt-ended",
    "jobs-end-early",
    "waiting-long",
    "no-proposal",
    "systematic-failure",
    "systematic-failure-over",
    "stopped-by-failures",
    "driver-ended",
}


def watch(campaign: str, /, *, interval: float = 1.0, json: bool = False, place: Place = HERE) -> None:
    """Follow a campaign live until it ends; Ctrl-C leaves it running.

    Args:
        campaign: Name of the campaign.
        interval: Seconds between two looks.
        json: Print one JSON object per change instead of a picture.
        place: Where it is recorded.
    """
    with place.open() as store:
        store.campaign(campaign)
        if not json:
            say(f"in a browser: {way_in()}")
        show(store, campaign, until=threading.Event(), interval=interval, json=json)


@contextlib.contextmanager
def following(place: Place, campaign: str, *, drawn: bool = True) -> Iterator[None]:
    """Show a campaign live while the body drives it; the view has a connection of its own, in a thread of its own.

    Args:
        place: Where it is recorded.
        campaign: Its name.
        drawn: Whether it is drawn where there is a terminal; else there is a line per event.
    """
    done = threading.Event()

    def follow() -> None:
        try:
            with place.open() as store:
                show(store, campaign, until=done, driving=True, drawn=drawn)
        except StoreError as error:
            say(f"the live view ended: {error}")

    thread = threading.Thread(target=follow, name="live-view", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def show(
    store: Store,
    campaign: str,
    *,
    until: threading.Event,
    interval: float = 1.0,
    json: bool = False,
    driving: bool = False,
    drawn: bool = True,
) -> None:
    """Show a campaign until it ends or `until` is set.

    Args:
        store: Where it is recorded.
        campaign: Its name.
        until: Ends the view; one last look is taken after it was set.
        interval: Seconds between two looks.
        json: Print one JSON object per change.
        driving: Whether a driver in this process is about to begin, so that the campaign's end is not taken from
            its record.
        drawn: Whether it is drawn where there is a terminal; else there is a line per event.
    """
    looks = _looks(store, campaign, until, interval, driving=driving)
    if json:
        _show_json(store, campaign, looks)
    elif drawn and sys.stderr.isatty():
        _show_drawn(store, campaign, looks)
    else:
        _show_lines(store, campaign, looks, after=_last_told(store, campaign, driving=driving))


def _looks(store: Store, campaign: str, until: threading.Event, interval: float, *, driving: bool) -> Iterator[bool]:
    """Give the moments to look at a campaign: whether it is the last look, until it is."""
    over = False
    while not over:
        over = _is_over(store, campaign, until, driving=driving)
        yield over
        if not over:
            until.wait(interval)


def _is_over(store: Store, campaign: str, until: threading.Event, *, driving: bool) -> bool:
    if until.is_set() or driving:
        return until.is_set()
    if store.campaign(campaign).state is not CampaignState.ACTIVE:
        return True
    if store.lease(campaign) is None:
        say(f"no driver is at work on {campaign!r}; `bohpo resume {campaign}` goes on with it")
        return True
    return False


def _last_told(store: Store, campaign: str, *, driving: bool) -> int:
    """Give the number of the event after which lines are shown: of this driver, or from now on."""
    events = store.events(campaign)
    return max((event.number for event in events if not driving or event.kind == "driver-ended"), default=0)


def _show_lines(store: Store, campaign: str, looks: Iterable[bool], *, after: int) -> None:
    for _ in looks:
        for event in store.events(campaign, after=after):
            after = event.number
            if event.kind in _TOLD:
                say(f"{time.strftime('%H:%M:%S', time.localtime(event.time))}  {event.message}")


def _show_drawn(store: Store, campaign: str, looks: Iterable[bool]) -> None:
    from rich.console import Console
    from rich.live import Live

    from bohpo.cli.live import draw

    reader = TrialsReader(store, campaign)
    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        for _ in looks:
            live.update(draw(gather(store, campaign, curves_of=0, reader=reader)), refresh=True)


def _show_json(store: Store, campaign: str, looks: Iterable[bool]) -> None:
    shown, reader = None, TrialsReader(store, campaign)
    for is_last in looks:
        view = gather(store, campaign, curves_of=0, reader=reader)
        now = as_json(campaign_answer(view, status(view), lease=None))
        if now["trials"] != shown or is_last:
            emit(now)
            sys.stdout.flush()
        shown = now["trials"]
