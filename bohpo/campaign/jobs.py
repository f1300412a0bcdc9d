"""A campaign's jobs: submitted, adopted, looked at, and told from one another when they are gone.

The journal has an attempt before its job is submitted, and the job's id as soon as the queue gave it. What is in
between is found by the job's name, which is unique for good: so no attempt has two jobs, and none is forgotten.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator

from bohpo.campaign.attempts import INFRASTRUCTURE, AttemptPlan, attempt_directory, job_name, plan_attempt
from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import GONE, LAST_WORDS, Ending, find_ending
from bohpo.campaign.given_devices import read_devices
from bohpo.campaign.heartbeats import Heartbeats, Turns
from bohpo.campaign.ledger import Ledger
from bohpo.campaign.queue import Queue
from bohpo.campaign.reach import Reach
from bohpo.cluster.protocol import JobState, JobStatus
from bohpo.errors import QueueError
from bohpo.study import Study
from bohpo.trainer import AttemptDirectory
from bohpo.trial import Attempt, AttemptState

END_GRACE_S = 30.0
"""What a worker that may still live gets to have a checkpoint saved, where its job is gone."""

HUNG_S = 300.0
"""So long a worker may show no sign of life while its queue says that it runs."""

DEAD_S = 30.0
"""So long a worker must show no sign of life before a queue is believed that its node failed, or its job is gone.

A queue that lost sight of a node says so while the training goes on there.
"""

FILES_S = 0.25
"""Seconds of a step that are spent on looking at running attempts' files; the rest of them have their turn later."""


class Jobs:
    """The jobs of a campaign.

    Attributes:
        running: Attempts that have a job, by its id.
        unsent: Attempts in the journal that the queue has not taken, or has not said so, by trial.
        statuses: Where the jobs stood when the queue was asked last.
        reach: Tells files that cannot be read for a while from those that never can.
    """

    def __init__(self, study: Study, ledger: Ledger, queue: Queue, clock: Clock, *, may_outlive: bool) -> None:
        """Begin without jobs, which may be at work after their queue has lost sight of them where `may_outlive`."""
        self._may_outlive = may_outlive
        self.running: dict[str, Attempt] = {}
        self.statuses: dict[str, JobStatus] = {}
        self.unsent: dict[int, Attempt] = {}
        self._spoken: set[str] = set()
        self._study = study
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._heartbeats = Heartbeats(clock)
        self._turns = Turns(clock, FILES_S)
        self.reach = Reach(ledger.campaign.directory, clock)

    def plan(self, attempt: Attempt) -> AttemptPlan:
        """Give the plan that an attempt follows."""
        return plan_attempt(self._study, self._ledger.campaign, self._ledger.trials[attempt.trial], attempt.number)

    def files(self, attempt: Attempt) -> AttemptDirectory:
        """Give an attempt's files."""
        return attempt_directory(self._ledger.campaign, attempt.trial, attempt.number)

    # -- submit --------------------------------------------------------------------------------------------------

    def adopt(self, attempt: Attempt) -> bool:
        """Take over an attempt that an earlier driver began; give whether its job is known by its id."""
        if attempt.job:
            self.running[attempt.job] = attempt
        else:
            self.unsent[attempt.trial] = attempt
        return bool(attempt.job)

    def find_submitted(self, trials: Iterable[int]) -> dict[int, Attempt] | None:
        """Take over the attempts whose submission was never acknowledged although the queue has their jobs.

        Returns:
            Those of `trials` that need no submission any more, by trial; or None where the queue does not answer.
        """
        unsure = [self.unsent[trial] for trial in trials if trial in self.unsent]
        names = {self._name(attempt): attempt for attempt in unsure}
        found = self._queue.find(names.keys())
        if found is None:
            return None
        taken = {}
        for name, attempt in names.items():
            if name in found or self._has_begun(attempt):  # the latter ran and is gone: its files tell the rest
                taken[attempt.trial] = dataclasses.replace(attempt, job=found.get(name, ""))
                self._take(found.get(name, name), taken[attempt.trial])
                del self.unsent[attempt.trial]
        return taken

    def submit(self, number: int, slot: int) -> str:
        """Submit a trial's next attempt, or the one that the queue refused before.

        Returns:
            The job's id, which is not in the journal yet.

        Raises:
            QueueError: If the queue refuses it or does not answer, or the attempt's folder cannot be written.
        """
        trial = self._ledger.trials[number]
        attempt = self.unsent.get(number) or Attempt(
            number, len(trial.attempts) + 1, AttemptState.SUBMITTED, submitted=self._clock.now()
        )
        attempt = self._ledger.save(dataclasses.replace(attempt, worker=slot))
        self.unsent[number] = attempt
        plan = self.plan(attempt)
        try:
            plan.directory.prepare(plan.spec, plan.configuration)
        except OSError as error:
            self._queue.count_refusal()
            raise QueueError(f"{plan.directory.path} cannot be written: {error.strerror}; see `df`, `quota`") from error
        job_id = self._queue.submit(plan.job)
        self._take(job_id, dataclasses.replace(attempt, job=job_id, submitted=self._clock.now()))
        del self.unsent[number]
        return job_id

    def journal(self, job_ids: Iterable[str]) -> None:
        """Record what is new of attempts that run."""
        for job_id in job_ids:
            attempt = self.running[job_id]
            if attempt not in self._ledger.trials[attempt.trial].attempts:
                self._ledger.save(attempt)

    def _take(self, job_id: str, attempt: Attempt) -> None:
        """Count an attempt among those that run; another one of this id has no job: its queue forgot it."""
        other = self.running.pop(job_id, None)
        if other is not None:
            self._heartbeats.forget(job_id)
            self.running[self._name(other)] = dataclasses.replace(other, job="")
        self.running[job_id] = attempt

    def _name(self, attempt: Attempt) -> str:
        return job_name(self._ledger.campaign, self._ledger.trials[attempt.trial], attempt.number)

    def has_checkpoint(self, attempt: Attempt) -> bool:
        """Tell whether an attempt saved a checkpoint."""
        try:
            return any(self.files(attempt).checkpoint.iterdir())
        except OSError:
            return False

    def _has_begun(self, attempt: Attempt) -> bool:
        files = self.files(attempt)
        with contextlib.suppress(OSError):  # what cannot be read cannot be submitted either, and is asked about again
            is_own = files.belongs_to(self._ledger.trials[attempt.trial].uid)
            return is_own and (files.heartbeat.exists() or files.ended.exists())
        return False

    # -- look ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask the queue about all jobs, and look at as many attempts' files as there is time for."""
        jobless = {name: GONE for name, attempt in self.running.items() if not attempt.job}
        named = {job_id: self._name(attempt) for job_id, attempt in self.running.items() if attempt.job}
        statuses = self._queue.look(named)
        self.statuses = jobless if statuses is None else jobless | dict(statuses)
        for job_id in self._turns.among(list(self.running)):
            self._look_at_files(job_id)
        self.journal(self.running)

    def _look_at_files(self, job_id: str) -> None:
        attempt = self.running[job_id]
        files = self.files(attempt)
        has_begun = self._heartbeats.look(job_id, files.heartbeat)
        if has_begun and attempt.state is AttemptState.SUBMITTED:
            attempt = dataclasses.replace(
                attempt, state=AttemptState.RUNNING, started=self._clock.now(), devices=read_devices(files)
            )
            self.running[job_id] = attempt
        ending = Ending.read(files)
        if ending is not None and ending.state in LAST_WORDS:
            self._spoken.add(job_id)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; a worker that cannot be asked from here stops when it finds its attempt closed."""
        self._queue.cancel(job_id)
        if self.statuses.get(job_id, GONE).state is JobState.NODE_FAILED:
            self.close(self.running[job_id])

    def hung(self) -> list[str]:
        """List the jobs that run, as the queue says, but whose workers show no sign of life."""
        return [
            job_id
            for job_id in self.running
            if self._heartbeats.silent_s(job_id) > HUNG_S
            and job_id not in self._spoken
            and self.statuses.get(job_id, GONE).state is JobState.RUNNING
        ]

    def ended(self) -> Iterator[tuple[str, Attempt, Ending]]:
        """Give the attempts that have ended, with how: by their workers' last word, or because their jobs are gone."""
        gone = [job_id for job_id, status in self.statuses.items() if not self._may_be_at_work(job_id, status)]
        vanished = [job_id for job_id in gone if job_id in self.running and self._last_word(job_id) is None]
        unknown = self._renamed(vanished)
        for job_id in dict.fromkeys([*self._spoken, *gone]):
            if job_id in self.running and job_id not in unknown:
                ending = self._ending(job_id)
                if ending is not None:
                    yield job_id, self.running[job_id], ending

    def _may_be_at_work(self, job_id: str, status: JobStatus) -> bool:
        if status.state.is_alive:
            return True
        is_out_of_sight = status.state is JobState.NODE_FAILED or (self._may_outlive and status.state is JobState.GONE)
        return is_out_of_sight and job_id in self.running and self._shows_life(job_id)

    def _shows_life(self, job_id: str) -> bool:
        """Whether a worker without a last word has shown a sign of life of late; before it begins it shows none."""
        files = self.files(self.running[job_id])
        has_begun = self._heartbeats.look(job_id, files.heartbeat)
        return has_begun and self._heartbeats.silent_s(job_id) < DEAD_S and Ending.read(files) is None

    def forget(self, job_id: str) -> None:
        """Drop a job whose attempt is recorded."""
        del self.running[job_id]
        self.statuses.pop(job_id, None)
        self._spoken.discard(job_id)
        self._heartbeats.forget(job_id)

    def _last_word(self, job_id: str) -> Ending | None:
        return Ending.read(self.files(self.running[job_id]))

    def _renamed(self, vanished: list[str]) -> set[str]:
        """Follow attempts that were submitted twice to the job that lives; give those of which nothing is known."""
        names = {self._name(self.running[job_id]): job_id for job_id in vanished}
        found = self._queue.find(names.keys())
        if found is None:
            return set(vanished)
        for name, job_id in found.items():
            attempt = self.running[names[name]]
            if job_id != names[name]:
                self.forget(names[name])
                self._take(job_id, dataclasses.replace(attempt, job=job_id))
        return {names[name] for name in found}

    def _ending(self, job_id: str) -> Ending | None:
        """Return how an attempt ended; None while that cannot be known yet."""
        attempt = self.running[job_id]
        plan = self.plan(attempt)
        defect = self.reach.defect_of(plan.directory)
        if defect is not None and not defect.is_final:
            return None
        word = Ending.read(plan.directory)
        if word is None and not self._queue.end(plan.job, grace_s=END_GRACE_S):
            return None
        if defect is not None:
            return Ending(AttemptState.INVALID_OUTCOME, defect.reason, None, self._clock.now())
        status = self.statuses.get(job_id, GONE)
        ending = find_ending(plan.directory, plan.spec, now=self._clock.now(), status=status)
        if ending.state not in INFRASTRUCTURE:
            return ending
        self.close(attempt)
        return None if word is not None and Ending.read(plan.directory) is None else ending  # begun again meanwhile

    def close(self, attempt: Attempt) -> None:
        """Bar workers that begin at an attempt late: it is about to be recorded as ended."""
        with contextlib.suppress(OSError):
            self.files(attempt).closed.touch()
