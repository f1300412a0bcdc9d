"""What machines ask: whether the service is there, and its figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from bohpo.service.answers import Answer
from bohpo.service.metrics import MEDIA_TYPE, written
from bohpo.service.site import AtSite

router = APIRouter(tags=["upkeep"])


class HealthAnswer(Answer):
    """Whether the service answers, and its database does."""

    service: bool
    database: bool


@router.get("/health")
async def health(site: AtSite) -> HealthAnswer:
    """Answer whether the service is there, on the event loop: it waits for no thread, file or database."""
    return HealthAnswer(service=True, database=not site.desk.trouble)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(site: AtSite) -> PlainTextResponse:
    """Give figures for Prometheus."""
    return PlainTextResponse(written(site), media_type=MEDIA_TYPE)
