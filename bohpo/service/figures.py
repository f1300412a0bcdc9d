"""The figures as JSON, drawn once for each revision of a campaign, however many look.

What is drawn quickly is drawn while one waits. What asks the optimizer's model (importance, the ground of a pair) takes
seconds: it is drawn beside the requests, one at a time, and until then one gets the figure of an earlier revision, or
is asked to come again.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from bohpo.errors import NotFoundError, UsageError
from bohpo.service.gather import reports_of
from bohpo.service.rendered import Rendered, sent
from bohpo.service.work_pools import WorkPool
from bohpo.trial import Trial
from bohpo.views import figures as drawings
from bohpo.views.campaign import CampaignView
from bohpo.views.figures.style import MOST_LINES, Drawing
from bohpo.views.insight import insight
from bohpo.views.surface import surface

if TYPE_CHECKING:
    from bohpo.service.seats import Snapshot

Options: TypeAlias = Mapping[str, str]
Panels: TypeAlias = Mapping[str, Drawing]

MOST_KEPT = 300
"""Figures that are kept, the least recently asked for goes first; a figure of 20,000 trials takes 100 kB."""

MOST_CURVES = 60
"""Learning curves of one figure: each is a file to read."""

STALE_S = 5
"""After so long a browser asks again for a figure of which it got an earlier revision's."""

JSON = "application/json"

REST = 20.0
"""After the model was asked, it is left alone for so many times as long: of 20,000 trials it takes most of a minute."""

MOST_ASKED = 30
"""Figures that may wait for the model; who asks for another one is asked to come again."""

MODEL_S = 3600.0
"""Nobody waits for a figure of the model, so it may take long."""

HEAD_START_S = 1.0
"""So long the model waits: the page that shows what it says is drawn first."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A figure that the service draws.

    Attributes:
        draw: Draws it, or several panels of it, or says in a sentence why there is nothing to draw.
        asks_model: Whether that takes long.
        runs: Whether it changes while time passes and nothing else happens.
        options: Names of the options that it heeds.
    """

    draw: Callable[[CampaignView, Options], Drawing | Panels]
    asks_model: bool = False
    runs: bool = False
    options: tuple[str, ...] = ()


class Figures:
    """Draws and keeps figures; lives on one event loop."""

    def __init__(self, pool: WorkPool) -> None:
        """Begin with nothing drawn; `pool` draws what is waited for."""
        self._pool = pool
        self._kept: OrderedDict[tuple[str, ...], Rendered] = OrderedDict()
        self._drawing: dict[tuple[str, ...], asyncio.Task[Rendered]] = {}
        self._rests_until: dict[tuple[str, ...], float] = {}
        self._model = WorkPool(
            "figures of the model", threads=1, most_waiting=MOST_ASKED, deadline_s=MODEL_S, initializer=_give_way
        )

    async def answer(self, snapshot: Snapshot, name: str, options: Options) -> Rendered | None:
        """Give a figure of a campaign, of an earlier revision where this one's asks the model; None to come again.

        Raises:
            NotFoundError: If there is no such figure.
            UsageError: If an option makes no sense.
        """
        if name not in KINDS:
            raise NotFoundError(f"there is no figure {name!r}; there are {', '.join(KINDS)}")
        kind, view = KINDS[name], snapshot.view
        heeded = {key: options[key] for key in kind.options if options.get(key)}
        key = (view.campaign.name, str(view.campaign.created), name, json.dumps(heeded, sort_keys=True))
        moment = f"{snapshot.revision}-{int(view.now)}" if kind.runs else str(snapshot.revision)
        if (known := self._known(key)) is not None and known.moment == moment:
            return known
        if known is not None and time.monotonic() < self._rests_until.get(key, 0.0):
            return known
        task = self._drawing.get(key) or self._begin(key, moment, kind, view, heeded)
        if not kind.asks_model or task.done():
            return await task
        return known

    async def comparison(self, snapshots: Sequence[Snapshot], *, by_time: bool) -> Rendered:
        """Give the figure of several campaigns over each other."""
        moment = " ".join(str(snapshot.revision) for snapshot in snapshots)
        key = ("", *(snapshot.view.campaign.name for snapshot in snapshots), str(by_time))
        known = self._known(key)
        if known is None or known.moment != moment:
            views = [snapshot.view for snapshot in snapshots]
            drawing = await self._pool.run(lambda: drawings.compared(views, by_time=by_time))
            known = self._keep(key, rendered("compared", drawing, "", moment))
        return known

    def close(self) -> None:
        """Leave off; a figure that is being drawn is finished and thrown away."""
        self._model.close()

    def _begin(
        self, key: tuple[str, ...], moment: str, kind: Kind, view: CampaignView, options: Options
    ) -> asyncio.Task[Rendered]:
        name = key[2]

        def draw() -> Rendered:
            return rendered(name, kind.draw(view, options), view.metric, moment)

        async def kept() -> Rendered:
            pool, began = (self._model if kind.asks_model else self._pool), time.monotonic()
            try:
                await asyncio.sleep(HEAD_START_S if kind.asks_model else 0)
                return self._keep(key, await pool.run(draw))
            finally:
                self._drawing.pop(key, None)
                if kind.asks_model:
                    self._rests_until[key] = time.monotonic() + REST * (time.monotonic() - began)

        task = self._drawing[key] = asyncio.create_task(kept())
        task.add_done_callback(_heard)
        return task

    def _known(self, key: tuple[str, ...]) -> Rendered | None:
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
        return known

    def _keep(self, key: tuple[str, ...], figure: Rendered) -> Rendered:
        self._kept[key] = figure
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            oldest, _ = self._kept.popitem(last=False)
            self._rests_until.pop(oldest, None)
        return figure


def _give_way() -> None:
    """Have this thread run when no other wants to: requests go first."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)


def rendered(name: str, drawing: Drawing | Panels, metric: str, moment: str) -> Rendered:
    """Write a figure down.

    Args:
        name: Of the figure.
        drawing: The figure, its panels by name, or a sentence.
        metric: Name of the objective.
        moment: Which revision it shows.
    """
    caption = drawings.CAPTIONS[name]
    head = {"schema": 1, "name": name, "title": caption.title, "caption": caption.text.replace("{metric}", metric)}
    if isinstance(drawing, Mapping):
        panels = ",".join(f'{{"name":{json.dumps(panel)},{_body(drawn)}}}' for panel, drawn in drawing.items())
        text = f'{json.dumps(head)[:-1]}, "panels": [{panels}]}}'
    else:
        text = f"{json.dumps(head)[:-1]}, {_body(drawing)}}}"
    return Rendered.of(text, moment)


def delay(drawn: Rendered | None, snapshot: Snapshot) -> int | None:
    """Give the seconds after which a browser asks again: it got no figure, or that of an earlier revision."""
    if drawn is None:
        return 1
    return None if str(drawn.moment).partition("-")[0] == str(snapshot.revision) else STALE_S


def figure_response(request: Request, drawn: Rendered | None, snapshot: Snapshot) -> Response:
    """Send a figure, or ask the browser to come again."""
    again = delay(drawn, snapshot)
    later = {} if again is None else {"Retry-After": str(again)}
    if drawn is None:
        return Response(status_code=202, headers={**later, "Cache-Control": "no-store"})
    answer = sent(request, drawn, JSON)
    answer.headers.update(later)
    return answer


def _body(drawing: Drawing) -> str:
    if isinstance(drawing, str):
        return f'"sentence":{json.dumps(drawing)}'
    return f'"figure":{json.dumps(drawing.as_json(), separators=(",", ":"))}'


def _heard(task: asyncio.Task[Rendered]) -> None:
    """Have asyncio not complain of an error that nobody waited for; who asks next meets it again."""
    if not task.cancelled():
        task.exception()


def _froc(view: CampaignView, options: Options) -> Drawing:
    return drawings.froc(view, banded=whole(options, "k", 1, 1, 20))


def _roc(view: CampaignView, options: Options) -> Drawing:
    return drawings.roc(view, banded=whole(options, "k", 1, 1, 20))


def _importance(view: CampaignView, _options: Options) -> Drawing:
    return drawings.importance(view, insight(view))


def _parallel(view: CampaignView, options: Options) -> Drawing:
    return drawings.parallel_coordinates(view, most=whole(options, "k", MOST_LINES, 2, MOST_LINES))


def _slices(view: CampaignView, _options: Options) -> Drawing | Panels:
    return drawings.slices(view) or "No trial has completed yet."


def _pair(view: CampaignView, options: Options) -> Drawing:
    names = view.space.names
    if len(names) < 2:
        return "There is one parameter only."
    across = options.get("x") or names[0]
    up = options.get("y") or next(name for name in names if name != across)
    for name in (across, up):
        if name not in names:
            raise UsageError(f"there is no parameter {name!r}; there are {', '.join(names)}")
    if across == up:
        return "Choose two different parameters."
    return drawings.pair(view, across, up, surface(view, across, up))


def _learning(view: CampaignView, options: Options) -> Drawing:
    most = whole(options, "k", MOST_CURVES, 1, MOST_CURVES)
    chosen: list[Trial] = [*view.ranked[:most], *view.pending[:most]]
    return drawings.learning_curves(view, {trial.number: reports_of(view.campaign, trial) for trial in chosen})


def whole(options: Options, name: str, default: int, low: int, high: int) -> int:
    """Read an option that is a whole number.

    Raises:
        UsageError: If it is none, or out of range.
    """
    given = options.get(name) or str(default)
    if not given.isascii() or not given.isdecimal() or len(given) > 9 or not low <= int(given) <= high:
        raise UsageError(f"{name}={given[:40]!r} makes no sense; give a whole number from {low} to {high}")
    return int(given)


KINDS: dict[str, Kind] = {
    "progress": Kind(lambda view, _: drawings.best_so_far(view)),
    "froc": Kind(_froc, options=("k",)),
    "roc": Kind(_roc, options=("k",)),
    "importance": Kind(_importance, asks_model=True),
    "pair": Kind(_pair, asks_model=True, options=("x", "y")),
    "parallel": Kind(_parallel, options=("k",)),
    "slices": Kind(_slices),
    "timeline": Kind(lambda view, _: drawings.timeline(view), runs=True),
    "learning": Kind(_learning, runs=True, options=("k",)),
}
"""The figures of a campaign by name."""
