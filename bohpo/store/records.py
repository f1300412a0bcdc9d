"""Frozen values that the store keeps beside trials."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bohpo.processes import boot_id, pid_namespace, process_is_gone, process_started
from bohpo.trial import Outcome, Trial


class CampaignState(StrEnum):
    """Where a campaign stands. Whether a driver is at work right now is told by its lease."""

    ACTIVE = "active"
    STOPPED = "stopped"
    FINISHED = "finished"


class StopRequest(StrEnum):
    """What a driver was asked to do at its next step."""

    NONE = ""
    DRAIN = "drain"
    NOW = "now"


STOPPED_BY_FAILURES = "stopped-by-failures"
"""Kind of the event by which a driver records why it has stopped a campaign; nothing but a resume follows it."""

LAST_WORDS = (STOPPED_BY_FAILURES, "driver-ended", "driver-started")
"""Kinds of events of which the last one shows whether a stopped campaign was stopped by its driver."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One run of a study.

    Attributes:
        name: Unique in the database; also the name of the Optuna study.
        study_text: The study file as it was launched, TOML.
        study_hash: SHA-256 of the study's meaning, in hexadecimal.
        directory: Absolute path of the campaign's folder.
        state: Active, stopped or finished.
        stop_request: What the driver was asked to do.
        budget_trials: Trials to run in all, or None where only time limits the campaign.
        provenance: Versions, git commit, host and the like, fixed at the launch.
        created: Seconds since the epoch.
        ended: When it was finished, seconds since the epoch, or None.
        incarnation: Empty for a campaign as it was launched; tells a copy's jobs from those of its original.
        stop_reason: Why its driver has stopped it, and what to do; empty unless the driver did so by itself.
    """

    name: str
    study_text: str
    study_hash: str
    directory: Path
    state: CampaignState = CampaignState.ACTIVE
    stop_request: StopRequest = StopRequest.NONE
    budget_trials: int | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    ended: float | None = None
    incarnation: str = ""
    stop_reason: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A driver's process.

    Attributes:
        host: Name of its host.
        pid: Its process id there.
        started: Start of the process in clock ticks since the host's boot, so that a reused id is told apart.
        boot_id: Names the host's kernel since its last boot, or None if unknown.
        pid_namespace: Names the namespace in which `pid` counts, or None if unknown.
    """

    host: str
    pid: int
    started: int
    boot_id: str | None = None
    pid_namespace: str | None = None

    @classmethod
    def this_process(cls) -> Owner:
        """Return a description of the calling process."""
        return cls.of_process(os.getpid())

    @classmethod
    def of_process(cls, pid: int) -> Owner:
        """Return a description of a process of this host and this PID namespace."""
        return cls(socket.gethostname(), pid, process_started(pid) or 0, boot_id(), pid_namespace())

    @property
    def is_known_dead(self) -> bool:
        """Whether the process has surely ended; if not, its lease decides.

        That can be known only where its id means the same process as here: on the same kernel, since the same boot, in
        the same PID namespace. Names of hosts prove nothing, since containers and clones share them.
        """
        is_visible = self.boot_id is not None and self.pid_namespace is not None
        if not is_visible or (self.boot_id, self.pid_namespace) != (boot_id(), pid_namespace()):
            return False
        return process_is_gone(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a campaign.

    Attributes:
        campaign: Name of the campaign.
        token: Greater at every take-over; a write with an older token is refused.
        owner: Who holds it.
        expires: When it ends unless renewed, seconds since the epoch by the database's clock.
        since: When the owner took it, by the same clock.
    """

    campaign: str
    token: int
    owner: Owner
    expires: float
    since: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a campaign.

    Attributes:
        number: 1, 2, ... in the order of recording, over the whole database.
        time: Seconds since the epoch.
        kind: Short name such as `launched`, `proposed`, `attempt-ended`, `lease-taken`.
        message: One line for people.
        trial: Number of the trial it is about, or None.
    """

    number: int
    time: float
    kind: str
    message: str
    trial: int | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What to append to a campaign's history, in the transaction of the change that it tells of.

    Attributes:
        kind: As in `Event`.
        message: As in `Event`.
    """

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Changes:
    """The trials that changed since one last read.

    Attributes:
        revision: What to give when one asks again. Less than what one gave where the database was put back to an
            earlier copy: then read from 0.
        trials: Those that changed, whole, by number.
    """

    revision: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A campaign in a few figures.

    Attributes:
        campaign: Its record.
        metric: Name of the objective.
        maximize: Whether more is better.
        lease: Who drives it, or None.
        complete: Trials with an outcome.
        failed: Trials that will have none.
        running: Pending trials that a job is at work on.
        queued: Pending trials that wait for a job.
        best: Number of the best trial, or None before the first outcome.
        best_value: Its objective.
        evaluations: Scorings on the test cases.
        changed: Time of the last event, seconds since the epoch, or None before the first.
    """

    campaign: Campaign
    metric: str
    maximize: bool
    lease: Lease | None
    complete: int = 0
    failed: int = 0
    running: int = 0
    queued: int = 0
    best: int | None = None
    best_value: float | None = None
    evaluations: int = 0
    changed: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A trial's model scored on the held-out test cases.

    Attributes:
        trial: Number of the trial.
        time: When, seconds since the epoch.
        outcome: What came of it.
    """

    trial: int
    time: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Pulse:
    """What changes whenever anything of a campaign does.

    Attributes:
        created: When the campaign was launched, which tells it from an earlier one of its name.
        revision: Counts the changes of its trials.
        event: Number of its last event, 0 before the first.
        state: Active, stopped or finished.
        stop_request: What its driver was asked to do.
        budget_trials: Trials to run in all, or None.
        driver: Token of the lease that is held, or None.
        evaluations: Scorings on the test cases.
    """

    created: float
    revision: int
    event: int
    state: str
    stop_request: str
    budget_trials: int | None
    driver: int | None
    evaluations: int


@dataclass(frozen=True, slots=True)
class Audit:
    """Something that somebody asked the service to do.

    Attributes:
        time: Seconds since the epoch.
        who: Name of the token.
        address: Where the request came from.
        action: Short name such as `launch`, `stop`, `refused`.
        campaign: Name of the campaign, or None.
        detail: One line for people.
        number: 1, 2, ... in the order of recording; 0 before it is recorded.
    """

    time: float
    who: str
    address: str
    action: str
    campaign: str | None = None
    detail: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class RequestedLaunch:
    """A launch that was asked for under an idempotency key.

    Attributes:
        key: The key: asked again with it, nothing is launched twice.
        digest: SHA-256 of what was asked for.
        campaign: Name that the campaign gets.
        time: Seconds since the epoch.
    """

    key: str
    digest: str
    campaign: str
    time: float
