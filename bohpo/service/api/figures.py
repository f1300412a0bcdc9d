"""The figures of a campaign, for plotly."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bohpo.service.api.parameters import CampaignName
from bohpo.service.figures import figure_response
from bohpo.service.site import AtSite

router = APIRouter(tags=["figures"])

COME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}}, "description": "The figure, or a sentence that says why there is none"},
    202: {"description": "It is being drawn; ask again in a second"},
}


class Options(BaseModel):
    """How many trials, best first; which parameters, of the figure of a pair."""

    k: str | None = Field(default=None, max_length=9)
    x: str | None = Field(default=None, max_length=256)
    y: str | None = Field(default=None, max_length=256)


@router.get("/campaigns/{campaign}/figures/{figure}", response_class=Response, responses=COME_AGAIN)
async def show_figure(
    campaign: CampaignName,
    figure: Annotated[str, Path(max_length=64, description="progress, froc, slices, timeline, ...")],
    site: AtSite,
    request: Request,
    options: Annotated[Options, Query()],
) -> Response:
    """Give a figure as plotly reads it."""
    seen = await run_in_threadpool(site.desk.snapshot, campaign)
    drawn = await request.app.state.figures.answer(seen, figure, options.model_dump(exclude_none=True))
    return figure_response(request, drawn, seen)
