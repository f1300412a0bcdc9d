"""What the queue said of a campaign's jobs, in words."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from bohpo.campaign.queue_report import QueueState
from bohpo.cluster.protocol import JobState
from bohpo.trial import Attempt
from bohpo.views.campaign import CampaignView


def queue_rows(view: CampaignView, state: QueueState) -> list[tuple[str, str]]:
    """Give what the queue says of the jobs that wait, and whether it answers, as names and values for people."""
    alive = {attempt.job for attempt in view.attempts if attempt.state.is_alive}
    waiting = Counter(
        status.detail or status.state.value
        for job, status in state.jobs.items()
        if job in alive and status.state is JobState.QUEUED
    )
    told = [f"{count} {detail}" for detail, count in waiting.most_common()]
    if state.is_silent and state.answered is not None:
        told.append(f"has not answered since {time.strftime('%H:%M:%S', time.localtime(state.answered))}")
    return [("queue", ", ".join(told))] if told else []


def queue_as_json(view: CampaignView, state: QueueState) -> dict[str, Any]:
    """Give what the queue says of the jobs that are alive as a dictionary that JSON can hold."""
    alive = {attempt.job for attempt in view.attempts if attempt.state.is_alive}
    jobs = {
        job: {"state": status.state.value, "detail": status.detail}
        for job, status in state.jobs.items()
        if job in alive
    }
    return {"answered": state.answered, "silent": state.is_silent, "jobs": jobs}


def queue_word(attempt: Attempt, state: QueueState) -> str:
    """Give what the queue says of an attempt's job, empty where it says nothing of interest."""
    status = state.jobs.get(attempt.job) if attempt.state.is_alive else None
    return "" if status is None else status.detail
