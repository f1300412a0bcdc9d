"""The stream of revisions, and whether the service is there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from bohpo.service.site import Asking, AtSite

MOST_NAMES = 50

router = APIRouter(tags=["live"])


@router.get("/ticks", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def ticks(
    site: AtSite,
    asking: Asking,
    request: Request,
    campaign: Annotated[
        list[str], Query(max_length=MOST_NAMES, description="Which; without one, the list of all")
    ] = [],  # noqa: B006
) -> StreamingResponse:
    """Say, as server-sent events, which campaign has a new revision: `{"campaign": "c", "revision": 1}`."""
    if site.ticks.is_full(asking.token.id):
        raise HTTPException(503, "too many browsers listen; close some, or ask again and again instead")
    now = {name: site.desk.revision_of(name) for name in campaign} or {"": site.desk.revision}
    stream = site.ticks.stream(
        now, lambda: asking.token in site.tokens.all() and not asking.token.has_expired, asking.token.id
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
