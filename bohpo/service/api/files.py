"""What lies in the campaigns' folders: logs, and pictures that trainers wrote."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse
from starlette.responses import Response

from bohpo.campaign.attempts import attempt_directory
from bohpo.errors import NotFoundError
from bohpo.service.api.parameters import AttemptNumber, CampaignName, Sent, TrialNumber
from bohpo.service.attempt_files import pictures, read_picture, read_tail
from bohpo.service.site import AtSite, Site
from bohpo.trainer import AttemptDirectory

router = APIRouter(tags=["trials"])

MOST_BYTES = 10_000_000

Tail = Annotated[int, Query(ge=1, le=MOST_BYTES, description="So much of its end, in bytes")]


class PicturesSent(Sent):
    """The pictures that an attempt wrote, as paths below its folder."""

    pictures: list[str]


@router.get("/campaigns/{campaign}/trials/{number}/log", response_class=PlainTextResponse)
def show_log(
    campaign: CampaignName, number: TrialNumber, site: AtSite, attempt: AttemptNumber = None, tail: Tail = 100_000
) -> str:
    """Give the end of what a trial's trainer printed; as `bohpo logs C N`."""
    files = _files(site, campaign, number, attempt)
    found = read_tail(files.log, tail)
    if found is None:
        raise NotFoundError(f"{files.log}: there is no such log; `bohpo trial {campaign} {number}` tells why")
    return found.text


@router.get("/campaigns/{campaign}/trials/{number}/pictures")
def list_pictures(
    campaign: CampaignName, number: TrialNumber, site: AtSite, attempt: AttemptNumber = None
) -> PicturesSent:
    """List the pictures that an attempt wrote."""
    return PicturesSent(pictures=pictures(_files(site, campaign, number, attempt)))


@router.get(
    "/campaigns/{campaign}/trials/{number}/pictures/{name:path}",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}, "description": "The picture"}},
)
def show_picture(
    campaign: CampaignName,
    number: TrialNumber,
    name: Annotated[str, Path(max_length=1000, description="As it is listed")],
    site: AtSite,
    attempt: AttemptNumber = None,
) -> Response:
    """Give a picture that an attempt wrote."""
    content, media_type = read_picture(_files(site, campaign, number, attempt), name)
    return Response(content, media_type=media_type)


@router.get("/campaigns/{campaign}/driver-log", response_class=PlainTextResponse)
def show_driver_log(campaign: CampaignName, site: AtSite, tail: Tail = 100_000) -> str:
    """Give the end of what the drivers printed that this service started for a campaign."""
    site.desk.snapshot(campaign)
    found = read_tail(site.drivers.log_of(campaign), tail)
    if found is None:
        raise NotFoundError(f"this service started no driver of {campaign!r}; who did has its log")
    return found.text


def _files(site: Site, campaign: str, number: int, attempt: int | None) -> AttemptDirectory:
    record = site.desk.snapshot(campaign).view.campaign
    trial = site.store.trial(campaign, number)
    latest = max((known.number for known in trial.attempts), default=1)
    return attempt_directory(record, number, latest if attempt is None else attempt)
