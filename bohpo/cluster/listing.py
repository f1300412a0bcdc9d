"""What a queue lists, as every backend's parser gives it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from bohpo.cluster.protocol import JobState, JobStatus
from bohpo.errors import QueueError


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job as its queue lists it.

    Attributes:
        job_id: The queue's name for it.
        name: As `queue_name` made it.
        status: Where it stands.
    """

    job_id: str
    name: str
    status: JobStatus


def listed(job_id: str, name: str, state: JobState, *detail: str | None) -> ListedJob:
    """Give a listed job; the parts of the detail are joined on one line."""
    words = " ".join(" ".join(part for part in detail if part).split())
    return ListedJob(job_id, name, JobStatus(state, words))


def queue_name(name: str, longest: int) -> str:
    """Give what a job is called in a queue that wants a letter first, and lists no more than `longest` characters.

    A longer name ends in a digest of the whole, so that it is unique and can be worked out again by any driver.
    """
    name = name if name[:1].isalpha() else f"j{name}"
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: longest - 11]}-{digest}"


def by_id(jobs: Iterable[ListedJob]) -> Mapping[str, ListedJob]:
    """Give the jobs by the queue's name for them."""
    return {job.job_id: job for job in jobs}


def read_xml(text: str, command: str) -> ElementTree.Element:
    """Parse what one of the queue's commands printed.

    Raises:
        QueueError: If it is no XML.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # no queue sends one, and expanding them is how XML does harm
        raise unreadable(command, text)
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - entities were refused above
    except ElementTree.ParseError as error:
        raise unreadable(command, text) from error


def text_of(element: ElementTree.Element, path: str) -> str:
    """Give the text below an element, empty where there is none."""
    return (element.findtext(path) or "").strip()


def unreadable(command: str, text: Any) -> QueueError:
    """Give the error for an answer that is not what the command documents."""
    start = " ".join(str(text).split())[:120]
    return QueueError(f"{command} answered what bohpo cannot read: {start!r}; is it the queue's own command?")
