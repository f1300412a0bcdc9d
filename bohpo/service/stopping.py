"""Asking a campaign to stop."""

from __future__ import annotations

from bohpo.campaign.launch import jobs_left, study_of
from bohpo.service.answers import StopAnswer
from bohpo.store import Campaign, StopRequest, Store
from bohpo.study import settle


def ask_to_stop(store: Store, name: str, *, now: bool) -> StopAnswer:
    """Ask the driver of a campaign to stop, if it has one.

    Args:
        store: Where the campaign is recorded.
        name: Its name.
        now: Whether running trainings are saved in their checkpoints, rather than finished.

    Returns:
        What was asked of whom; where there is no driver, how many jobs one has left, and what they do.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    campaign = store.campaign(name)
    request = StopRequest.NOW if now else StopRequest.DRAIN
    is_driven = store.lease(name) is not None
    if is_driven:
        store.request_stop(name, request)
    left = 0 if is_driven else jobs_left(campaign, store)
    fate = _fate_of_jobs(campaign, now=now) if left else ""
    return StopAnswer(campaign=name, request=request.value, driver=is_driven, jobs=left, fate=fate)


def told_of(answer: StopAnswer) -> str:
    """Say in words what became of asking a campaign to stop."""
    now, name = answer.request == StopRequest.NOW.value, answer.campaign
    if answer.driver:
        return f"{name} will stop {'now' if now else 'when its running trainings have ended'}"
    if answer.jobs:
        return f"no driver is at work on {name!r}; jobs that it left: {answer.jobs}, {answer.fate}"
    return f"no driver is at work on {name!r}; nothing runs"


def _fate_of_jobs(campaign: Campaign, *, now: bool) -> str:
    """Tell what becomes of jobs whose driver has died."""
    if now:
        return "ended"
    if settle(study_of(campaign)).study.cluster.backend == "local":
        return f"save checkpoints and end with it; `bohpo resume {campaign.name}` goes on with them"
    return f"run on; `bohpo stop {campaign.name} --now` ends them"
