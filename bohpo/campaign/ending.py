"""How an attempt ended: what the worker makes of the trainer's exit and files, and the driver of a job that is gone.

What a worker wrote down comes first, then a valid outcome. Only without either does the queue's word count:

| the queue says of the job        | the attempt was | whose fault           |
| -------------------------------- | --------------- | --------------------- |
| wall time, cancelled, preempted  | preempted       | the infrastructure's  |
| node failed, gone, failed        | lost            | the infrastructure's  |
| out of memory                    | killed          | the configuration's   |

Two exceptions: a driver that can read an outcome heeds it although the worker could not, and that a trainer was killed
does not count against its configuration where the queue ended the job.
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bohpo.campaign.log import last_line_of
from bohpo.cluster.protocol import JobState, JobStatus
from bohpo.durable import read_json
from bohpo.errors import AttemptError
from bohpo.trainer import AttemptDirectory, AttemptSpec, Outcome
from bohpo.trainer.attempt import NOT_OURS, OUT_OF_MEMORY_EXIT_CODE, STOPPED_EXIT_CODE
from bohpo.trial import Attempt, AttemptState


@dataclass(frozen=True, slots=True)
class Ending:
    """The content of `ended.json`.

    Attributes:
        state: How the attempt ended.
        reason: Why, in one line; empty for a completed one.
        started: When it began to run, seconds since the epoch, or None where only the driver may know.
        ended: When it ended.
    """

    state: AttemptState
    reason: str
    started: float | None
    ended: float

    @classmethod
    def as_recorded(cls, attempt: Attempt) -> Ending:
        """Give how an attempt ended that is recorded as ended."""
        return cls(attempt.state, attempt.reason, attempt.started, attempt.ended or attempt.submitted)

    def of(self, attempt: Attempt) -> Attempt:
        """Give an attempt as it ended."""
        started = attempt.started if self.started is None else self.started
        return dataclasses.replace(attempt, state=self.state, reason=self.reason, started=started, ended=self.ended)

    def to_json(self) -> dict[str, Any]:
        """Give the ending as a dictionary that JSON can hold."""
        return {"state": self.state.value, "reason": self.reason, "started": self.started, "ended": self.ended}

    @classmethod
    def read(cls, attempt: AttemptDirectory) -> Ending | None:
        """Read how an attempt ended, or give None where no worker came to its end or the file is not its own."""
        try:
            data = attempt.read_ended()
            if data is None:
                return None
            ending = cls(AttemptState(data["state"]), str(data["reason"]), float(data["started"]), float(data["ended"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None if ending.state.is_alive else ending


TRAINERS_MISTAKES = (*NOT_OURS, PermissionError)
"""What a trainer may make of its files; whatever else keeps them from being read is the file system's and may pass."""

LAST_WORDS = frozenset(AttemptState) - {
    AttemptState.SUBMITTED,
    AttemptState.RUNNING,
    AttemptState.KILLED,
    AttemptState.PREEMPTED,
    AttemptState.LOST,
}
"""Ends that a worker tells of and that no word of the queue changes."""

GONE = JobStatus(JobState.GONE)

_DEATHS: Mapping[JobState, tuple[AttemptState, str]] = {
    JobState.TIME_LIMIT: (AttemptState.PREEMPTED, "the queue ended its job at the wall time"),
    JobState.CANCELLED: (AttemptState.PREEMPTED, "its job was cancelled in the queue"),
    JobState.PREEMPTED: (AttemptState.PREEMPTED, "its job made way for another one"),
    JobState.OUT_OF_MEMORY: (AttemptState.KILLED, "its job ran out of memory"),
    JobState.NODE_FAILED: (AttemptState.LOST, "its node failed"),
}
"""What the queue says of a job -> how its attempt ended, where neither the worker nor the trainer left a word."""

_ENDED_BY_THE_QUEUE = (JobState.TIME_LIMIT, JobState.CANCELLED, JobState.PREEMPTED, JobState.NODE_FAILED)


def find_ending(attempt: AttemptDirectory, spec: AttemptSpec, *, now: float, status: JobStatus = GONE) -> Ending:
    """Tell what became of an attempt whose job is gone, trusting only files of the attempt itself.

    Args:
        attempt: Its files.
        spec: What it was asked to do.
        now: Seconds since the epoch.
        status: What the queue tells of its job.

    Raises:
        OSError: If the file system does not give its files.
    """
    if not attempt.is_of(spec):
        return Ending(AttemptState.LOST, "it was never prepared", None, now)
    ending = Ending.read(attempt)
    if ending is not None and ending.state is not AttemptState.LOST:
        return _in_view_of(status, ending)
    state, _ = _judge_outcome(attempt, spec)
    if state is AttemptState.COMPLETED:
        return Ending(state, "", None, now)
    return ending or Ending(*_death(attempt, status), None, now)


def _in_view_of(status: JobStatus, ending: Ending) -> Ending:
    """Give what the worker wrote down; a trainer that was killed with its whole job is not to blame."""
    was_ended = status.state in _ENDED_BY_THE_QUEUE
    if ending.state is not AttemptState.KILLED or not was_ended:
        return ending
    _, reason = _DEATHS[status.state]
    return dataclasses.replace(ending, state=AttemptState.PREEMPTED, reason=_with_detail(reason, status))


def _death(attempt: AttemptDirectory, status: JobStatus) -> tuple[AttemptState, str]:
    """Tell of an attempt without a last word why it died."""
    if status.state in _DEATHS:
        state, reason = _DEATHS[status.state]
        return state, _with_detail(reason, status)
    if attempt.heartbeat.exists():
        return AttemptState.LOST, _with_detail("its worker vanished", status)
    said = last_line_of(attempt.worker_log) or "nothing in worker.log"
    return AttemptState.LOST, _with_detail(f"its job ended before its worker began: {said}", status)


def _with_detail(reason: str, status: JobStatus) -> str:
    return f"{reason} ({status.detail})" if status.detail else reason


def read_outcome(attempt: AttemptDirectory, spec: AttemptSpec) -> tuple[float, Outcome]:
    """Read and check what the trainer wrote, trusting nothing.

    Returns:
        The objective's figure and the whole outcome.

    Raises:
        AttemptError: If there is no outcome, or it is malformed, not finite or out of bounds.
        OSError: If the file system does not give it.
    """
    try:
        data = read_json(attempt.outcome)
    except ValueError as error:
        raise AttemptError(f"outcome.json is not JSON: {error}") from error
    except TRAINERS_MISTAKES as error:
        raise AttemptError(f"outcome.json cannot be read: {error.strerror}") from error
    if data is None:
        raise AttemptError("the trainer ended without outcome.json; write it before leaving with exit code 0")
    outcome = Outcome.from_json(data)
    value = outcome.objective(spec.metric)
    low, high = spec.bounds
    if (low is not None and value < low) or (high is not None and value > high):
        raise AttemptError(f"{spec.metric} is {value}, outside objective.bounds = [{low}, {high}]")
    return value, outcome


def classify(
    attempt: AttemptDirectory, spec: AttemptSpec, *, exit_code: int, last_words: str, stopped_for: AttemptState | None
) -> tuple[AttemptState, str]:
    """Tell how an attempt ended. A valid outcome counts even if the trainer was killed after it.

    Args:
        attempt: Its files.
        spec: What it was asked to do.
        exit_code: The trainer's, negative for a signal as in `subprocess`.
        last_words: The error that the trainer ended with, or the last line that it printed.
        stopped_for: Why the worker ended the trainer, or None where it ended by itself.

    Returns:
        The state and the reason in one line.
    """
    try:
        verdict = _judge_outcome(attempt, spec)
    except OSError as error:
        verdict = AttemptState.LOST, f"its outcome.json cannot be read: {error.strerror}"
    ended_by_itself = stopped_for is None and exit_code >= 0
    if (verdict[0] is AttemptState.COMPLETED and not ended_by_itself) or (exit_code == 0 and ended_by_itself):
        return verdict
    if stopped_for is AttemptState.TIMED_OUT:
        return stopped_for, f"ran longer than budget.attempt_seconds = {spec.deadline_seconds:g}; killed"
    if stopped_for is AttemptState.SILENT:
        return stopped_for, f"reported nothing for budget.silence_seconds = {spec.silence_seconds:g}; killed"
    if stopped_for is AttemptState.PREEMPTED or exit_code == STOPPED_EXIT_CODE:
        return AttemptState.PREEMPTED, "asked to stop; goes on from its checkpoint if it saved one"
    if exit_code < 0:
        return AttemptState.KILLED, f"the trainer was killed by {_signal_name(-exit_code)}; out of memory?"
    state = AttemptState.OUT_OF_MEMORY if exit_code == OUT_OF_MEMORY_EXIT_CODE else AttemptState.RAISED
    return state, last_words or f"the trainer left with exit code {exit_code} and printed nothing"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"


def _judge_outcome(attempt: AttemptDirectory, spec: AttemptSpec) -> tuple[AttemptState, str]:
    try:
        read_outcome(attempt, spec)
    except AttemptError as error:
        return AttemptState.INVALID_OUTCOME, str(error)
    return AttemptState.COMPLETED, ""
