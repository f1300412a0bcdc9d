"""All errors that bohpo raises on purpose.

    BohpoError                      1
    ├── UsageError                  2   what was asked for makes no sense
    │   ├── StudyError              2   a study file has mistakes; carries all of them
    │   ├── SpaceError              2   a search space or a configuration does not fit
    │   ├── EvaluationError         2   cases, lesions or marks cannot be scored
    │   └── DataError               2   a case of a trainer's data folder is broken
    ├── NotFoundError               3   no such campaign, trial or file
    ├── QueueError                  4   the queue refused the jobs
    │   └── LivingJobError          4   the queue answers, and does not end a job
    ├── StoreError                  5   the database is out of reach or unfit
    │   ├── LeaseError              5   another driver holds the campaign
    │   └── SchemaError             5   the database was written by another version
    ├── NoUsableTrialError          1   a campaign ended without a completed trial
    ├── SystematicFailureError      1   a campaign was stopped since its trials all fail alike
    ├── AttemptError                1   an attempt ended without a valid outcome
    │   └── OutOfMemoryError        1   a training needed more memory than there is
    ├── TryoutError                 1   a short training showed what a campaign would fail of
    ├── UnfitError                  1   this machine cannot run campaigns as it is
    └── Detached                  130   the campaign was left unfinished on request

The number is the exit code of the command line. Each message names the cause and the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class BohpoError(Exception):
    """Base of every error that bohpo raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(BohpoError):
    """Something was asked for that makes no sense; the message names the remedy."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a study file.

    Attributes:
        key: Dotted path of the key, as in `space.lr.low`.
        problem: What is wrong with it.
        remedy: What to write instead.
    """

    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """Write the mistake as one line."""
        return f"{self.key}: {self.problem}; {self.remedy}"


class StudyError(UsageError):
    """A study file has mistakes; all of them are reported at once."""

    def __init__(self, source: str, mistakes: tuple[Mistake, ...]) -> None:
        """Keep the mistakes of the study that was read from `source`."""
        self.source = source
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


class SpaceError(UsageError):
    """A search space contradicts itself, or a configuration does not fit it."""


class EvaluationError(UsageError):
    """Cases, lesions or marks cannot be scored."""


class DataError(UsageError):
    """A case of a data folder cannot be used; carries the case's name."""

    def __init__(self, case: str, problem: str, remedy: str) -> None:
        """Name the broken case, what is wrong with it and what to do."""
        self.case = case
        super().__init__(f"{case}: {problem}; {remedy}")


class NotFoundError(BohpoError):
    """No such campaign, trial or file."""

    exit_code = 3


class QueueError(BohpoError):
    """The queue refused to run the campaign's jobs, or does not answer."""

    exit_code = 4

    def __init__(self, message: str, *, is_for_good: bool = False) -> None:
        """Say what the queue said, and whether asking again is of no use until somebody changes something."""
        self.is_for_good = is_for_good
        super().__init__(message)


class LivingJobError(QueueError):
    """A job was told to end, and its queue still lists it; carries its name."""

    def __init__(self, job: str) -> None:
        """Name the job."""
        self.job = job
        super().__init__(f"{job}: the queue was told to remove it and still lists it; is its node down?")


class StoreError(BohpoError):
    """The database is out of reach, or not fit to hold campaigns."""

    exit_code = 5


class LeaseError(StoreError):
    """Another driver holds the campaign's lease, or took it over."""


class SchemaError(StoreError):
    """The database's tables belong to another version of bohpo."""


class NoUsableTrialError(BohpoError):
    """A campaign ended, or was asked for its best trial, without a completed one."""


class SystematicFailureError(BohpoError):
    """A campaign was stopped by its driver since its trials all fail alike; `bohpo resume` continues it."""


class AttemptError(BohpoError):
    """An attempt at a trial ended without a valid outcome."""


class OutOfMemoryError(AttemptError):
    """A training needed more memory than there is; the same configuration would again."""


class TryoutError(BohpoError):
    """A short training showed something that a campaign would fail of; `bohpo try` lists what."""


class UnfitError(BohpoError):
    """This machine cannot run campaigns as it is; `bohpo doctor` lists why."""


class Detached(BohpoError):
    """The campaign was left unfinished on request; `bohpo resume` continues it."""

    exit_code = 130
