"""What becomes of attempts and of questions to the queue, drawn by seed.

Each draw depends on the seed and on what it is for, never on what was drawn before: trial 7 takes as long with eight
jobs as with one, and a fault more or less moves no other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from bohpo.trainer import AttemptSpec


class Fate(StrEnum):
    """What becomes of an attempt: first what its trainer does, then what its worker, node or queue does to it.

    A requeued job is asked to stop first, a restarted one is lost with its node; both are run again under their ids.
    The node of a job that is cut off is lost to the queue, but not to the shared disk: the training goes on.
    """

    SUCCEEDS = "succeeds"
    RAISES = "raises"
    WRITES_GARBAGE = "writes-garbage"
    KILLED = "killed"

    CANCELLED = "cancelled"
    REQUEUED = "requeued"
    RESTARTED = "restarted"
    OUT_OF_MEMORY = "out-of-memory"
    NODE_FAILED = "node-failed"
    TIME_LIMIT = "time-limit"
    FAILED = "failed"
    GONE = "gone"
    HANGS = "hangs"
    CUT_OFF = "cut-off"


@dataclass(frozen=True, slots=True)
class Faults:
    """How often things go wrong.

    Attributes:
        fates: Share of the attempts that come to each bad end, in [0, 1].
        refused: Share of the submissions that the queue refuses.
        unacknowledged: Share of the submissions that the queue takes, but whose answer is lost.
        unanswered: Share of the questions that the queue does not answer.
        driver_deaths: Moments at which the driver is killed, seconds since the begin.
    """

    fates: Mapping[Fate, float] = field(default_factory=dict)
    refused: float = 0.0
    unacknowledged: float = 0.0
    unanswered: float = 0.0
    driver_deaths: tuple[float, ...] = ()


class Dice:
    """Draws by seed."""

    def __init__(self, seed: int, faults: Faults | None = None) -> None:
        """Draw for one simulation.

        Args:
            seed: Of all draws.
            faults: How often things go wrong; never by default.
        """
        self._seed = seed
        self._faults = Faults() if faults is None else faults
        self._asked = 0

    def fate(self, spec: AttemptSpec, start: int) -> tuple[Fate, float]:
        """Draw what becomes of an attempt, and after which share of its work that happens.

        Args:
            spec: The attempt.
            start: 0 when its job starts for the first time, 1 after a requeue, and so on.
        """
        random = self._random("fate", spec.trial, spec.number, start)
        drawn, share = random.random(), random.random()
        for fate, rate in self._faults.fates.items():
            if drawn < rate:
                return fate, share
            drawn -= rate
        return Fate.SUCCEEDS, 1.0

    def wait(self, spec: AttemptSpec, mean: float) -> float:
        """Draw how long a job waits in the queue, in seconds: exponential."""
        return self._random("wait", spec.trial, spec.number).expovariate(1.0 / mean) if mean > 0 else 0.0

    def seconds(self, trial: int, mean: float, spread: float) -> float:
        """Draw how long a training takes, in seconds: log-normal.

        Args:
            trial: Its trial's number.
            mean: Mean, in seconds.
            spread: Standard deviation over the mean.
        """
        sigma = math.sqrt(math.log1p(spread**2))
        return mean * math.exp(self._random("seconds", trial).gauss(0.0, 1.0) * sigma - sigma**2 / 2)

    def noise(self, trial: int) -> float:
        """Draw the noise of a trial's score: standard normal."""
        return self._random("noise", trial).gauss(0.0, 1.0)

    def point(self, dimension: int) -> list[float]:
        """Draw a point of the unit cube away from its faces: where the objective has its optimum."""
        random = self._random("optimum")
        return [random.uniform(0.15, 0.85) for _ in range(dimension)]

    def is_refused(self) -> bool:
        """Draw whether the queue refuses the next submission."""
        return self._next("refused") < self._faults.refused

    def is_unacknowledged(self) -> bool:
        """Draw whether the answer to the next submission is lost."""
        return self._next("unacknowledged") < self._faults.unacknowledged

    def is_unanswered(self) -> bool:
        """Draw whether the queue leaves the next question unanswered."""
        return self._next("unanswered") < self._faults.unanswered

    def _next(self, purpose: str) -> float:
        self._asked += 1
        return self._random(purpose, self._asked).random()

    def _random(self, *purpose: object) -> Random:
        return Random("/".join(map(str, (self._seed, *purpose))))  # noqa: S311 - dice, no secrets
