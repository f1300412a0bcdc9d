"""Files of an attempt: its log as it is, and its pictures."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from bohpo.campaign.attempts import attempt_directory
from bohpo.errors import NotFoundError
from bohpo.regular_files import open_regular
from bohpo.service.api.parameters import CampaignName, TrialNumber
from bohpo.service.attempt_files import read_picture
from bohpo.service.rendered import is_known
from bohpo.service.site import AtSite
from bohpo.trainer import AttemptDirectory

router = APIRouter()

BASE = "/campaigns/{campaign}/trials/{number}/attempts/{attempt}"

LOG_BYTES = 20_000_000
"""The worker cuts logs at half of this."""


@router.get(BASE + "/log.txt")
def log(campaign: CampaignName, number: TrialNumber, attempt: TrialNumber, site: AtSite) -> Response:
    """Give what the trainer printed, all of it."""
    files = _files(site, campaign, number, attempt)
    try:
        with open_regular(files.log) as file:
            content = file.read(LOG_BYTES)
    except OSError as error:
        raise NotFoundError(f"{files.log}: there is no such log") from error
    return Response(content, media_type="text/plain; charset=utf-8")


@router.get(BASE + "/pictures/{name:path}")
def picture(
    request: Request, site: AtSite, *, campaign: CampaignName, number: TrialNumber, attempt: TrialNumber, name: str
) -> Response:
    """Give a picture that the trainer wrote."""
    content, media_type = read_picture(_files(site, campaign, number, attempt), name)
    headers = {"ETag": f'"{len(content)}-{hash(content) & 0xFFFFFFFF:x}"'}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _files(site: AtSite, campaign: str, number: int, attempt: int) -> AttemptDirectory:
    seen = site.desk.snapshot(campaign)
    site.store.trial(campaign, number)
    return attempt_directory(seen.view.campaign, number, attempt)
