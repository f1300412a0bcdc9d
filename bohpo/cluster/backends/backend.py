"""What a backend says of its queue: the table's columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohpo.cluster.commands import Run
from bohpo.cluster.listing import ListedJob
from bohpo.study import Cluster

WARNING_S = 60
"""How long before its wall time a queue sends SIGTERM, for a worker whose own clock has failed it."""

SHORTEST_WARNED_S = 600
"""Shorter jobs get no such signal: queues send it up to a minute early."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A key of [cluster] that a backend does not read.

    Attributes:
        key: The key.
        beside: Another key that makes it unread; empty where it is never read.
        remedy: What to do instead.
    """

    key: str
    beside: str = ""
    remedy: str = "leave it out"


PARALLEL_ENVIRONMENT = Unread("parallel_environment", remedy="leave it out: only Grid Engine has parallel environments")


def replaced_by_resources(*keys: str) -> tuple[Unread, ...]:
    """Return the keys that `resources` stands for where it is set."""
    return tuple(Unread(key, "resources", "ask for it in cluster.resources, and leave it out here") for key in keys)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What one job asks its queue for.

    Attributes:
        name: What it is called in the queue.
        log: File for what the job prints.
        settings: The study's [cluster].
    """

    name: str
    log: Path
    settings: Cluster

    @property
    def cpus(self) -> int:
        """CPUs on each node."""
        return self.settings.cpus or 1

    @property
    def is_warned(self) -> bool:
        """Whether the queue is to send a signal before the wall time."""
        return (self.settings.wall_seconds or 0) >= SHORTEST_WARNED_S

    @property
    def wall_clock(self) -> str | None:
        """The wall time as hours:minutes:seconds."""
        seconds = self.settings.wall_seconds
        return None if seconds is None else f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@dataclass(frozen=True, slots=True)
class Backend:
    """One queue: how a job is asked for, and how the queue is asked about jobs.

    Attributes:
        name: As the study writes it.
        job_class: dask-jobqueue's module and class.
        job_id: Regular expression for what `submit` prints, with a group `job_id`.
        prefix: What a directive begins with in a job script.
        submit: Program that submits.
        options: Gives the job class's arguments.
        list_jobs: Gives this user's jobs that wait or run, and as many of the ended ones as come with them.
        ended_jobs: Gives what the queue still knows of jobs of these names that it lists no more.
        remove: Command that takes a job from the queue, and ends it where it runs.
        ask: Command that asks a running job to stop; `remove` where it is empty.
        is_removed: Words by which `remove` says that there is no such job any more.
        for_good: Words by which the queue refuses a job that it will never take.
        longest_name: Characters of a job's name that it keeps and lists.
        is_one_line: Whether the set-up lines and the worker's are joined into one.
        escape: Makes a line of the shell one of the script.
        wrap: Gives the lines that run the worker, from its command on one line.
        unread: Keys of [cluster] that no part of a job script comes from.
    """

    name: str
    job_class: tuple[str, str]
    job_id: str
    prefix: str
    submit: str
    options: Callable[[JobRequest], dict[str, Any]]
    list_jobs: Callable[[Run], Iterable[ListedJob]]
    remove: tuple[str, ...]
    is_removed: tuple[str, ...]
    for_good: tuple[str, ...]
    ended_jobs: Callable[[Run, Collection[str]], Iterable[ListedJob]] = lambda _run, _ids: ()
    ask: tuple[str, ...] = ()
    longest_name: int = 200
    is_one_line: bool = False
    escape: Callable[[str], str] = str
    wrap: Callable[[str], str] = "exec {}".format
    unread: tuple[Unread, ...] = (PARALLEL_ENVIRONMENT,)
