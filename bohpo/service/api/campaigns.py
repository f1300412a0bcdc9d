"""Campaigns: all of them, and where one stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bohpo.campaign.queue_report import QueueState
from bohpo.service.answers import (
    BestAnswer,
    CampaignAnswer,
    EventAnswer,
    SummaryAnswer,
    campaign_answer,
    event_answer,
    summary_answer,
)
from bohpo.service.api.conditional import etag_of, not_modified
from bohpo.service.api.parameters import After, CampaignName, Limit, Sent
from bohpo.service.insights import best_of
from bohpo.service.site import AtSite

router = APIRouter(tags=["campaigns"])


class CampaignsSent(Sent):
    """All campaigns, the latest first."""

    campaigns: list[SummaryAnswer]


class CampaignSent(CampaignAnswer, Sent):
    """Where a campaign stands, and the revision that live events name."""

    revision: int


class BestSent(BestAnswer, Sent):
    """The best trial, and the one that the model expects to be the best."""


class EventsSent(Sent):
    """What happened in a campaign, in order."""

    events: list[EventAnswer]


@router.get("/campaigns")
def list_campaigns(site: AtSite, request: Request, response: Response) -> CampaignsSent:
    """List the campaigns, the latest first; as `bohpo ls --json`."""
    listing = site.desk.listing()
    same = not_modified(request, response, etag_of(listing.revision))
    if same is not None:
        return same  # type: ignore[return-value]
    told = [summary_answer(known, listing.best.get(known.campaign.name)) for known in listing.summaries]
    return CampaignsSent(campaigns=told)


@router.get("/campaigns/{campaign}")
def show_campaign(campaign: CampaignName, site: AtSite, request: Request, response: Response) -> CampaignSent:
    """Tell where a campaign stands; as `bohpo status C --json`."""
    seen = site.desk.snapshot(campaign)
    same = not_modified(request, response, etag_of(seen.revision, int(seen.view.now)))
    if same is not None:
        return same  # type: ignore[return-value]
    told = campaign_answer(seen.view, seen.status, lease=seen.lease, queue=QueueState.read(seen.view.campaign))
    return CampaignSent(revision=seen.revision, **dict(told))


@router.get("/campaigns/{campaign}/best")
async def show_best(campaign: CampaignName, site: AtSite) -> BestSent:
    """Return the best trial, and the one that the model expects to be the best; as `bohpo best C --json`."""
    return BestSent(
        **dict(await site.pools.exports.run(lambda: best_of(site.desk.snapshot(campaign).view), ("best", campaign)))
    )


@router.get("/campaigns/{campaign}/events")
def list_events(
    campaign: CampaignName,
    site: AtSite,
    after: After = 0,
    limit: Annotated[Limit, Query()] = 200,
) -> EventsSent:
    """Tell what happened in a campaign: the latest events, in order."""
    return EventsSent(events=[event_answer(event) for event in site.store.events(campaign, after, limit)])
