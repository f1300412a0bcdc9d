"""What the queue said of a campaign's jobs, in words."""

from __future__ import annotations

import time
from collections import Counter

from bohpo.cluster.protocol import JobState
from bohpo.service.answers import AttemptAnswer, QueueAnswer
from bohpo.trial import AttemptState


def queue_rows(told: QueueAnswer) -> list[tuple[str, str]]:
    """Give what the queue says of the jobs that wait, and whether it answers, as names and values for people."""
    waiting = Counter(job.detail or job.state for job in told.jobs.values() if job.state == JobState.QUEUED.value)
    words = [f"{count} {detail}" for detail, count in waiting.most_common()]
    if told.silent and told.answered is not None:
        words.append(f"has not answered since {time.strftime('%H:%M:%S', time.localtime(told.answered))}")
    return [("queue", ", ".join(words))] if words else []


def queue_word(attempt: AttemptAnswer, told: QueueAnswer | None) -> str:
    """Give what the queue says of an attempt's job, empty where it says nothing of interest."""
    job = told.jobs.get(attempt.job) if told is not None and AttemptState(attempt.state).is_alive else None
    return "" if job is None else job.detail
