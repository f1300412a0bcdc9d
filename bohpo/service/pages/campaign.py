"""One campaign: its figures, its trials, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bohpo.campaign.queue_report import QueueState
from bohpo.errors import NotFoundError
from bohpo.service.answers import driver, queue_answer
from bohpo.service.api.parameters import CampaignName
from bohpo.service.figures import Figures, figure_response
from bohpo.service.pages.rendering import HTML, fill, page
from bohpo.service.queue_words import queue_rows
from bohpo.service.rendered import Rendered, sent
from bohpo.service.seats import Snapshot
from bohpo.service.site import AtSite, Site
from bohpo.views import listing
from bohpo.views.figures import CAPTIONS
from bohpo.views.operating import FROC, operating_points
from bohpo.views.report import headline, tables

router = APIRouter()

LATEST_EVENTS = 100

Asked: TypeAlias = Mapping[str, str]
"""What the page was asked for: filter, order and page of the table."""


@router.get("/campaigns/{campaign}")
def campaign(campaign: CampaignName, request: Request, site: AtSite) -> Response:
    """Show a campaign."""
    seen = site.desk.snapshot(campaign)
    view = seen.view
    return page(
        request,
        "campaign.html",
        view=view,
        revision=seen.revision,
        captions=CAPTIONS,
        parts={name: make(request, site, seen, request.query_params) for name, make in PARTS.items()},
        query=request.url.query,
        curves=_curves(seen),
        names=view.space.names,
    )


@router.get("/campaigns/{campaign}/parts/{part}")
def campaign_part(campaign: CampaignName, part: str, request: Request, site: AtSite) -> Response:
    """Give a part of the page again."""
    return sent(request, part_of(request, site, site.desk.snapshot(campaign), part, request.url.query), HTML)


@router.get("/campaigns/{campaign}/figures/{figure}")
async def campaign_figure(campaign: CampaignName, figure: str, request: Request, site: AtSite) -> Response:
    """Give a figure as plotly draws it."""
    figures: Figures = request.app.state.figures
    seen = await run_in_threadpool(site.desk.snapshot, campaign)
    return figure_response(request, await figures.answer(seen, figure, request.query_params), seen)


def part_of(request: Request, site: Site, seen: Snapshot, part: str, query: str) -> Rendered:
    """Give a part of the page, filled once for all who look.

    Args:
        request: Knows by which path the service is reached.
        site: The service.
        seen: The campaign.
        part: Name of the part.
        query: What the page was asked for, as the table's filter.

    Raises:
        NotFoundError: If there is no such part.
    """
    if part not in PARTS:
        raise NotFoundError(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    campaign, shelf = seen.view.campaign, request.app.state.shelf
    runs = int(seen.view.now) if part in RUNNING else 0
    moment = (seen.revision, runs, bool(site.desk.trouble))
    asked = query if part in ASKED else ""
    key = (campaign.name, campaign.created, part, asked)
    made: Rendered = shelf.piece(key, moment, lambda: PARTS[part](request, site, seen, dict(parse_qsl(asked))))
    return made


def _header(request: Request, site: Site, seen: Snapshot, _asked: Asked) -> str:
    """Give where the campaign stands and who drives it."""
    view = seen.view
    queue = queue_rows(queue_answer(view, QueueState.read(view.campaign)))
    return fill(
        request,
        "parts/standing.html",
        view=view,
        driver=driver(seen.lease),
        queue=queue,
        left=_jobs_left(seen),
        curves=_curves(seen),
        trouble=site.desk.trouble,
    )


def _curves(seen: Snapshot) -> list[str]:
    """Name the curves that the best trials gave."""
    return sorted({name for curves in seen.view.curves.values() for name in curves})


def _jobs_left(seen: Snapshot) -> int:
    return 0 if seen.lease else len(seen.view.alive)


def _headline(_request: Request, _site: Site, seen: Snapshot, _asked: Asked) -> str:
    return headline.headline(seen.view, seen.status)


def _best(_request: Request, _site: Site, seen: Snapshot, _asked: Asked) -> str:
    best = seen.status.best
    return "" if best is None else headline.best_configuration(best, None)


def _operating(request: Request, _site: Site, seen: Snapshot, _asked: Asked) -> str:
    """Give the operating points of the best trials."""
    view = seen.view
    rows = [
        (trial, operating_points(view.curves[trial.number][FROC]))
        for trial in view.ranked[: len(view.curves)]
        if FROC in view.curves.get(trial.number, {})
    ]
    if not any(points for _, points in rows):
        return ""
    fps = sorted({point.fps_per_case for _, points in rows for point in points})
    table = [(trial, {point.fps_per_case: point for point in points}) for trial, points in rows]
    return fill(request, "parts/operating.html", fps=fps, table=table, campaign=view.campaign.name)


def _trials(request: Request, _site: Site, seen: Snapshot, query: Asked) -> str:
    asked = {"sort": "trial", "order": "down", **query}
    number = asked.get("page", "1")
    shown = listing.page(
        seen.view,
        words=asked.get("q", "")[:200],
        sort=asked["sort"][:500],
        descending=asked["order"] == "down",
        number=int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else 1,
    )
    best = seen.status.best
    return fill(
        request,
        "parts/trials.html",
        campaign=seen.view.campaign.name,
        shown=shown,
        words=asked.get("q", ""),
        sort=asked["sort"],
        order=asked["order"],
        best=None if best is None else best.number,
        address=lambda **changes: "?" + urlencode({**_kept(asked), **changes}) + "#trials",
    )


def _kept(asked: Mapping[str, str]) -> dict[str, str]:
    return {key: asked[key] for key in ("q", "sort", "order") if asked.get(key)}


def _history(request: Request, site: Site, seen: Snapshot, _asked: Asked) -> str:
    events = site.store.events(seen.view.campaign.name, 0, LATEST_EVENTS)
    return fill(request, "parts/history.html", events=events[::-1], most=LATEST_EVENTS)


def _provenance(_request: Request, _site: Site, seen: Snapshot, _asked: Asked) -> str:
    return tables.provenance(seen.view)


Make: TypeAlias = Callable[[Request, Site, Snapshot, Asked], str]

PARTS: dict[str, Make] = {
    "standing": _header,
    "headline": _headline,
    "best": _best,
    "operating": _operating,
    "trials": _trials,
    "history": _history,
    "provenance": _provenance,
}
"""Parts of the page by name."""

RUNNING = ("standing", "headline")
"""Parts that change while time passes and nothing else happens."""

ASKED = ("trials",)
"""Parts that heed what the page was asked for."""
