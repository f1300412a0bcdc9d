"""Campaigns over each other: how they went, and what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bohpo.errors import UsageError
from bohpo.service.figures import JSON, Figures
from bohpo.service.pages.rendering import fill, page, piece
from bohpo.service.rendered import sent
from bohpo.service.seats import Snapshot
from bohpo.service.site import AtSite, Site
from bohpo.views.differences import differing
from bohpo.views.figures import CAPTIONS

router = APIRouter()

MOST_CAMPAIGNS = 12
UNINTERESTING = {"name", "provenance"}

Chosen = Annotated[list[str], Query(alias="campaign", max_length=MOST_CAMPAIGNS)]


@router.get("/compare")
def compare(request: Request, site: AtSite, chosen: Chosen = []) -> Response:  # noqa: B006
    """Compare campaigns."""
    seen = _look(site, chosen)
    known = [summary.campaign.name for summary in site.desk.listing().summaries]
    return page(
        request,
        "compare.html",
        known=known,
        chosen=[snapshot.view.campaign.name for snapshot in seen],
        table=_table(request, seen) if seen else "",
        caption=CAPTIONS["compared"],
        query=request.url.query,
    )


@router.get("/compare/parts/table")
def compare_table(request: Request, site: AtSite, chosen: Chosen = []) -> Response:  # noqa: B006
    """Give the tables again."""
    seen = _look(site, chosen)
    key = ("compared", *(snapshot.view.campaign.name for snapshot in seen))
    moment = tuple(snapshot.revision for snapshot in seen)
    return piece(request, key, moment, lambda: _table(request, seen))


@router.get("/compare/figures/compared")
async def compare_figure(
    request: Request,
    site: AtSite,
    chosen: Chosen = [],  # noqa: B006
    by: str = "trials",
) -> Response:
    """Give the figure as plotly draws it."""
    figures: Figures = request.app.state.figures
    seen = await run_in_threadpool(_look, site, chosen)
    return sent(request, await figures.comparison(seen, by_time=by == "time"), JSON)


def _look(site: Site, names: Sequence[str]) -> list[Snapshot]:
    if len(names) > MOST_CAMPAIGNS:
        raise UsageError(f"{len(names)} campaigns are too many to tell apart; choose at most {MOST_CAMPAIGNS}")
    return [site.desk.snapshot(name) for name in dict.fromkeys(names)]


def _table(request: Request, seen: Sequence[Snapshot]) -> str:
    """Give the campaigns' figures, where their studies differ, and where their best configurations do."""
    studies = [_study(snapshot) for snapshot in seen]
    best = [dict(snapshot.status.best.configuration) if snapshot.status.best else {} for snapshot in seen]
    return fill(
        request,
        "parts/compared.html",
        seen=seen,
        studies=differing(studies),
        best=differing(best),
    )


def _study(snapshot: Snapshot) -> Mapping[str, Any]:
    """Give what a study says, what it leaves to the defaults included."""
    return snapshot.study.model_dump(mode="json", by_alias=True, exclude=UNINTERESTING)
