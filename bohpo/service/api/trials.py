"""The trials of a campaign."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from bohpo.service.answers import TrialAnswer, trial_answer
from bohpo.service.api.conditional import etag_of, not_modified
from bohpo.service.api.parameters import MOST_ROWS, CampaignName, Sent, TrialNumber
from bohpo.service.site import AtSite
from bohpo.trainer.progress import GREATEST_STEP
from bohpo.views.listing import page as page_of

router = APIRouter(tags=["trials"])


class TrialsSent(Sent):
    """A page of the trials: how many there are in all, how many of them the filter let through."""

    campaign: str
    revision: int
    total: int
    found: int
    page: int
    pages: int
    trials: list[TrialAnswer]


class Asked(BaseModel):
    """Which trials, in which order, and which page of them; `filter` holds words, and comparisons such as lr<0.1."""

    filter: str = Field(default="", max_length=200)
    sort: str = Field(default="trial", max_length=256)
    order: Literal["up", "down"] = "up"
    page: int = Field(default=1, ge=1, le=GREATEST_STEP)
    per_page: int = Field(default=100, ge=1, le=MOST_ROWS)


class TrialSent(Sent):
    """A trial."""

    campaign: str
    metric: str
    trial: TrialAnswer


@router.get("/campaigns/{campaign}/trials")
def list_trials(
    campaign: CampaignName,
    site: AtSite,
    request: Request,
    response: Response,
    asked: Annotated[Asked, Query()],
) -> TrialsSent:
    """List trials, filtered, sorted and cut into pages."""
    seen = site.desk.snapshot(campaign)
    same = not_modified(request, response, etag_of(seen.revision))
    if same is not None:
        return same  # type: ignore[return-value]
    found = page_of(
        seen.view,
        words=asked.filter,
        sort=asked.sort,
        descending=asked.order == "down",
        number=asked.page,
        per_page=asked.per_page,
    )
    return TrialsSent(
        campaign=campaign,
        revision=seen.revision,
        total=found.total,
        found=found.found,
        page=found.number,
        pages=found.pages,
        trials=[trial_answer(seen.view, trial) for trial, _ in found.rows],
    )


@router.get("/campaigns/{campaign}/trials/{number}")
def show_trial(campaign: CampaignName, number: TrialNumber, site: AtSite) -> TrialSent:
    """Tell of a trial; as `bohpo trial C N --json`."""
    seen = site.desk.snapshot(campaign)
    trial = site.store.trial(campaign, number)
    return TrialSent(campaign=campaign, metric=seen.view.metric, trial=trial_answer(seen.view, trial))
