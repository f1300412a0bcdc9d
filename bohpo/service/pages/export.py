"""A trial's configuration in all formats."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from bohpo.service.api.parameters import CampaignName
from bohpo.service.pages.rendering import page
from bohpo.service.site import AtSite
from bohpo.views.export.export import DESCRIPTIONS

router = APIRouter()


@router.get("/campaigns/{campaign}/export")
def export(campaign: CampaignName, request: Request, site: AtSite) -> Response:
    """Show the formats."""
    view = site.desk.snapshot(campaign).view
    asked = request.query_params.get("trial", "")
    best = view.best
    chosen = asked if asked.isascii() and asked.isdecimal() else ("" if best is None else str(best.number))
    return page(
        request,
        "export.html",
        view=view,
        formats={format.value: words for format, words in DESCRIPTIONS.items()},
        best=best,
        chosen=chosen[:9],
    )
