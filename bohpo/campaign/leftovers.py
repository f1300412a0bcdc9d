"""Attempts that were given up while their jobs may still run: ended when found, heeded when they complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from bohpo.campaign.attempts import attempt_directory, plan_attempt
from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import Ending, find_ending
from bohpo.campaign.heartbeats import Turns
from bohpo.campaign.ledger import Ledger
from bohpo.campaign.queue import Queue
from bohpo.cluster.protocol import Job
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState

CHECK_S = 60.0
"""How long after the first look at them the next one comes; each further one takes twice as long, for a dead node's job
may stay for days, and asking takes its time.
"""

GREATEST_CHECK_S = 3600.0

END_S = 10.0
"""Seconds of a step that are spent on ending them; the queue lets one wait long for a job on a dead node."""

LATE_S = 10.0
"""How often their files are looked at."""

LATE_FILES_S = 0.25


class Leftovers:
    """The jobs of attempts that are recorded as ended."""

    def __init__(self, study: Study, ledger: Ledger, queue: Queue, clock: Clock) -> None:
        """Begin without any."""
        self._study = study
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._asked: dict[str, tuple[Job, int]] = {}
        self._turns = Turns(clock, LATE_FILES_S)
        self._turns_to_end = Turns(clock, END_S)
        self._next_check = clock.monotonic()
        self._checks = 0
        self._next_look = clock.monotonic()

    def add(self, attempts: Iterable[Attempt]) -> None:
        """Have the jobs of attempts ended, if they live."""
        for attempt in attempts:
            trial = self._ledger.trials[attempt.trial]
            job = plan_attempt(self._study, self._ledger.campaign, trial, attempt.number).job
            self._asked.setdefault(job.name, (job, 0))
            self._next_check, self._checks = self._clock.monotonic(), 0

    def end(self) -> None:
        """End those that live, by force where they were asked before; drop those that are gone."""
        if not self._asked or self._clock.monotonic() < self._next_check:
            return
        self._next_check = self._clock.monotonic() + min(CHECK_S * 2**self._checks, GREATEST_CHECK_S)
        self._checks += 1
        found = self._queue.find(self._asked.keys())
        if found is None:
            return
        self._asked = {name: self._asked[name] for name in found}
        for name in self._turns_to_end.among(list(found)):
            job, times = self._asked[name]
            if times == 0:
                self._queue.cancel(found[name])
            else:
                self._queue.end(job, grace_s=0.0)
            self._asked[name] = (job, times + 1)

    def late(self) -> Iterator[tuple[Attempt, Ending]]:
        """Give the attempts that were declared lost, and have completed all the same."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + LATE_S
        given_up = (AttemptState.LOST, AttemptState.COMPLETED)  # the latter where recording it was interrupted
        for attempt in self._turns.among(
            [a for trial in self._ledger.pending for a in trial.attempts if a.state in given_up]
        ):
            ending = self._completed(attempt)
            if ending is not None:
                yield attempt, ending

    def _completed(self, attempt: Attempt) -> Ending | None:
        files = attempt_directory(self._ledger.campaign, attempt.trial, attempt.number)
        if Ending.read(files) is None:
            return None
        plan = plan_attempt(self._study, self._ledger.campaign, self._ledger.trials[attempt.trial], attempt.number)
        with contextlib.suppress(OSError):  # one folder out of reach is no reason to look at no other
            ending = find_ending(files, plan.spec, now=self._clock.now())
            return ending if ending.state is AttemptState.COMPLETED else None
        return None
