"""All campaigns at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from bohpo.errors import BohpoError
from bohpo.service.answers import SummaryAnswer, summary_answer
from bohpo.service.pages.rendering import fill, page, piece
from bohpo.service.site import AtSite, Site
from bohpo.store.records import CampaignState, Summary
from bohpo.views.status import Status

router = APIRouter()

MOST_REPORTED = 12
"""Campaigns whose busy fraction is told though nobody drives them: for each of them, all trials have to be read."""

MANY_TRIALS = 2000


@dataclass(frozen=True, slots=True)
class Row:
    """A campaign in the list.

    Attributes:
        told: What is known without its trials.
        status: What its trials tell, or None where they were not read.
    """

    told: SummaryAnswer
    status: Status | None

    @property
    def shares(self) -> tuple[tuple[str, int], ...]:
        """Trials by where they stand."""
        counts = self.told.trials
        standing = ("complete", "running", "queued", "failed")
        return tuple((name, getattr(counts, name)) for name in standing)

    @property
    def ended(self) -> int:
        """Trials that have ended."""
        return self.told.trials.complete + self.told.trials.failed

    @property
    def total(self) -> int:
        """Trials to run in all, or as many as there are."""
        there = self.ended + self.told.trials.running + self.told.trials.queued
        return max(self.told.trials.budget or 0, there)

    @property
    def standing(self) -> str:
        """Where it stands, in a word; an active campaign that nobody drives has lost its driver."""
        if self.told.state == CampaignState.ACTIVE and self.told.driver is None:
            return "no driver"
        return self.told.state


@router.get("/")
def campaigns(request: Request, site: AtSite) -> Response:
    """Show all campaigns."""
    return page(request, "campaigns.html", revision=site.desk.revision, rows=_rows(site))


@router.get("/parts/campaigns")
def campaigns_part(request: Request, site: AtSite) -> Response:
    """Give the list again."""
    key, moment = ("campaigns",), (site.desk.revision,)
    return piece(request, key, moment, lambda: fill(request, "parts/campaigns.html", rows=_rows(site)))


def _rows(site: Site) -> list[Row]:
    listing = site.desk.listing()
    return [
        Row(summary_answer(known, listing.best.get(known.campaign.name)), _status(site, known, at))
        for at, known in enumerate(listing.summaries)
    ]


def _status(site: Site, known: Summary, at: int) -> Status | None:
    is_small = known.complete + known.failed <= MANY_TRIALS
    if known.lease is None and not (at < MOST_REPORTED and is_small):
        return None
    try:
        return site.desk.snapshot(known.campaign.name).status
    except BohpoError:  # gone by now, or its study is of another version: the list shows what it can
        return None
