"""One trial: what was tried, why, what came of it, and what its trainings said."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter, Request
from starlette.responses import Response

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.queue_report import QueueState
from bohpo.errors import NotFoundError
from bohpo.service.answers import queue_answer, trial_answer
from bohpo.service.api.parameters import CampaignName, TrialNumber
from bohpo.service.attempt_files import Tail, last_traceback, pictures, read_tail
from bohpo.service.figures import figure_response, rendered
from bohpo.service.gather import reports_of
from bohpo.service.pages.rendering import HTML, fill, page
from bohpo.service.queue_words import queue_word
from bohpo.service.rendered import Rendered, sent
from bohpo.service.seats import Snapshot
from bohpo.service.site import AtSite, Site
from bohpo.trial import Attempt, Trial, TrialState
from bohpo.views import figures, wording
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import CAPTIONS

router = APIRouter()

ALONE = ("froc", "learning", "roc")
"""Figures that a trial has by itself."""


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """An attempt, and what its folder holds.

    Attributes:
        attempt: The attempt.
        queue: What the queue says of its job.
        log: The end of what the trainer printed, or None.
        worker_log: The end of what went wrong around it, or None.
        traceback: The last one in its log.
        pictures: That the trainer wrote.
    """

    attempt: Attempt
    queue: str
    log: Tail | None
    worker_log: Tail | None
    traceback: str
    pictures: tuple[str, ...]


@router.get("/campaigns/{campaign}/trials/{number}")
def trial(campaign: CampaignName, number: TrialNumber, request: Request, site: AtSite) -> Response:
    """Show a trial."""
    seen, found = _look(site, campaign, number)
    ranks = {ranked.number: rank for rank, ranked in enumerate(seen.view.ranked, start=1)}
    return page(
        request,
        "trial.html",
        view=seen.view,
        revision=seen.revision,
        trial=found,
        last=len(seen.view.trials) - 1,
        captions=CAPTIONS,
        curves=sorted(site.store.curves(campaign, number)) if found.state is TrialState.COMPLETE else [],
        parts={
            "outcome": _outcome(request, seen, found, ranks.get(number)),
            "attempts": _attempts(request, seen, found),
        },
    )


@router.get("/campaigns/{campaign}/trials/{number}/parts/{part}")
def trial_part(campaign: CampaignName, number: TrialNumber, part: str, request: Request, site: AtSite) -> Response:
    """Give a part of the page again."""
    seen, found = _look(site, campaign, number)
    if part == "outcome":
        rank = next((at for at, one in enumerate(seen.view.ranked, start=1) if one.number == number), None)
        html = _outcome(request, seen, found, rank)
    elif part == "attempts":
        html = _attempts(request, seen, found)
    else:
        raise NotFoundError(f"there is no part {part!r}; there are outcome, attempts")
    return sent(request, Rendered.of(html, seen.revision), HTML)


@router.get("/campaigns/{campaign}/trials/{number}/figures/{figure}")
def trial_figure(campaign: CampaignName, number: TrialNumber, figure: str, request: Request, site: AtSite) -> Response:
    """Give a figure of the trial alone."""
    seen, found = _look(site, campaign, number)
    if figure not in ALONE:
        raise NotFoundError(f"there is no figure {figure!r} of a trial; there are {', '.join(ALONE)}")
    alone = _alone(seen.view, found)
    if figure == "learning":
        drawing = figures.learning_curves(alone, {number: reports_of(seen.view.campaign, found)})
    else:
        alone = dataclasses.replace(alone, curves={number: site.store.curves(campaign, number)})
        drawing = figures.froc(alone) if figure == "froc" else figures.roc(alone)
    return figure_response(request, rendered(figure, drawing, seen.view.metric, str(seen.revision)), seen)


def _look(site: Site, campaign: str, number: int) -> tuple[Snapshot, Trial]:
    seen = site.desk.snapshot(campaign)
    trials = seen.view.trials
    if number < len(trials) and trials[number].number == number:
        return seen, trials[number]
    return seen, site.store.trial(campaign, number)


def _alone(view: CampaignView, trial: Trial) -> CampaignView:
    evaluations = tuple(one for one in view.evaluations if one.trial == trial.number)
    return dataclasses.replace(view, trials=(trial,), evaluations=evaluations)


def _outcome(request: Request, seen: Snapshot, trial: Trial, rank: int | None) -> str:
    return fill(
        request,
        "parts/outcome.html",
        view=seen.view,
        trial=trial,
        told=trial_answer(seen.view, trial),
        rank=rank,
        ranked=len(seen.view.ranked),
        proposed_by=wording.proposed_by(trial.proposal.source, trial.proposal.view),
        fixed=seen.study.fixed,
    )


def _attempts(request: Request, seen: Snapshot, trial: Trial) -> str:
    campaign = seen.view.campaign
    queue = queue_answer(seen.view, QueueState.read(campaign))
    answers = trial_answer(seen.view, trial).attempts
    told = []
    for attempt, answer in zip(trial.attempts, answers, strict=True):
        files = attempt_directory(campaign, trial.number, attempt.number)
        told.append(
            Told(
                attempt,
                queue_word(answer, queue),
                read_tail(files.log),
                read_tail(files.worker_log),
                "" if attempt.state.is_alive else last_traceback(files.log),
                tuple(pictures(files)),
            )
        )
    return fill(request, "parts/attempts.html", campaign=campaign.name, trial=trial, told=told[::-1], now=seen.view.now)
