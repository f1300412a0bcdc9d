"""Jobs of a queue that take several attempts each: an attempt goes to a free seat before a new job is submitted.

The queue's name for an attempt is `<job>/<number>`. What is known of a seat is in its folder, so that any driver of
the campaign finds the attempt in it, hands it the next one, or closes it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from bohpo.cluster.interpreter import with_node_interpreter
from bohpo.cluster.listing import ListedJob
from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.cluster.queue import ENDING_S, LISTING_S, QueueCluster
from bohpo.cluster.seat import Assignment, SeatFolder
from bohpo.errors import LivingJobError, QueueError
from bohpo.processes import PYTHON
from bohpo.study import Cluster as ClusterTable

logger = logging.getLogger(__name__)

_POLL_S = 1.0
_ELSEWHERE = JobStatus(JobState.GONE, "its job's id is that of another job now")


def seat_job(job: Job, seats: Path) -> Job:
    """Give the job of the seat whose first attempt is that of a job.

    Its environment names no attempt: the worker ends all processes that belong to its own.

    Args:
        job: The attempt's job, as it would be alone.
        seats: Folder of the campaign's seats.
    """
    folder = seats / job.name
    return Job(job.name, (*PYTHON, "-m", "bohpo.cluster.seat", str(folder)), folder / "seat.log")


@contextlib.contextmanager
def _folders_in_reach() -> Iterator[None]:
    """Tell of seats' folders that cannot be used as of a queue that does not answer: nothing is known of the jobs."""
    try:
        yield
    except OSError as error:
        raise QueueError(f"the folders of the jobs cannot be used: {error}; see `df`, `quota`") from error


class SeatedCluster:
    """Hands attempts to the seats of a campaign.

    A campaign may go on with another `attempts_per_job` than it began with, so jobs with a seat and jobs without one
    are known side by side.
    """

    def __init__(
        self,
        queue: QueueCluster,
        settings: ClusterTable,
        seats: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with the seats that earlier drivers left.

        Args:
            queue: Runs the seats' jobs.
            settings: How many attempts a seat takes.
            seats: Folder of the campaign's seats.
            monotonic: Seconds that never go back.
            sleep: Waits for some seconds.
        """
        self._queue = queue
        self._settings = settings
        self._seats = seats
        self._monotonic = monotonic
        self._sleep = sleep
        self._folders: dict[str, SeatFolder] = {}
        self._spent: set[str] = set()

    @_folders_in_reach()
    def submit(self, job: Job) -> str:
        """Hand the attempt to a free seat, or submit a job: with a seat of its own, or for it alone."""
        if self._settings.attempts_per_job == 1:
            return self._queue.submit(job)
        assignment = self._assignment(job)
        for job_id, folder in self._free_seats().items():
            number = folder.last() + 1
            if folder.assign(number, assignment):
                return f"{job_id}/{number}"
        folder = SeatFolder(self._seats / job.name)
        attempts = self._settings.attempts_per_job
        folder.prepare(assignment, attempts=attempts if isinstance(attempts, int) else None)
        job_id = self._queue.submit(seat_job(job, self._seats))
        self._keep(job_id, folder)
        return f"{job_id}/1"

    @_folders_in_reach()
    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Ask the queue about the jobs, and the seats about the attempts in them."""
        self._know(self._queue.jobs(not_older_than_s=LISTING_S))
        jobs = self._queue.look(self._jobs_of(job_ids))
        return {job_id: self._status(job_id, jobs.get(_job(job_id), _ELSEWHERE)) for job_id in job_ids}

    @_folders_in_reach()
    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Give the names of the attempts whose job waits or runs, alone or in a seat."""
        alone = self._queue.find(names)
        listing = self._queue.jobs(not_older_than_s=LISTING_S)
        self._know(listing)
        found = {name: job_id for name, job_id in alone.items() if job_id not in self._folders}
        for job_id, folder in self._folders.items():
            if job_id in listing and listing[job_id].status.state.is_alive:
                number = folder.last()
                assignment = folder.assignment(number)
                if assignment is not None and assignment.name in names and not folder.has_ended(number):
                    found[assignment.name] = f"{job_id}/{number}"
        return found

    def wait(self, seconds: float) -> None:
        """Wait; a queue does not tell when a job ends."""
        self._queue.wait(seconds)

    @_folders_in_reach()
    def cancel(self, job_id: str) -> None:
        """Ask an attempt's worker to stop; its seat goes on. A seat that waits in the queue is taken from it."""
        status = self.look([job_id])[job_id]
        folder = self._folders.get(_job(job_id))
        if status.state is JobState.RUNNING and folder is not None:
            folder.ask_to_stop(_number(job_id))
        elif status.state.is_alive:
            self._queue.cancel(_job(job_id))

    @_folders_in_reach()
    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """Ask an attempt to stop; where it does not, end its seat, in which nothing else runs then."""
        if grace_s > 0:
            for job_id in self.find([job.name]).values():
                self.cancel(job_id)
            self._wait_until_gone(job, grace_s)
        for job_id in self.find([job.name]).values():
            self._queue.remove(_job(job_id))
        if not self._wait_until_gone(job, ENDING_S):
            raise LivingJobError(job.name)

    def close(self) -> None:
        """Close the seats that wait for an attempt; those at work go on, for the next driver."""
        try:
            for folder in self._free_seats().values():
                folder.close(folder.last() + 1)
        except (QueueError, OSError) as error:
            logger.info("idle jobs end by themselves: %s", error)

    def _assignment(self, job: Job) -> Assignment:
        command = with_node_interpreter(job.command, self._settings)
        return Assignment(job.name, command, str(job.log), job.environment)

    def _free_seats(self) -> Mapping[str, SeatFolder]:
        """Give the seats that wait for an attempt, and whose job is alive for all that the queue tells.

        An attempt that is handed to one that has died since is lost with it, as if it had died a moment later.
        """
        self._know(self._queue.jobs(not_older_than_s=LISTING_S))
        usable = {job_id: folder for job_id, folder in self._folders.items() if job_id not in self._spent}
        jobs = self._queue.look({job_id: folder.path.name for job_id, folder in usable.items()})
        free = {}
        for job_id, folder in usable.items():
            last = folder.last()
            if folder.is_closed(last):
                self._spent.add(job_id)
            elif not jobs[job_id].state.is_alive:
                self._spent.add(job_id)
                if folder.has_ended(last):
                    folder.close(last + 1)  # for other drivers
            elif folder.has_ended(last):
                free[job_id] = folder
        return free

    def _keep(self, job_id: str, folder: SeatFolder) -> None:
        self._folders[job_id] = folder
        self._spent.discard(job_id)

    def _know(self, listing: Mapping[str, ListedJob]) -> None:
        """Find the folders of jobs that another driver submitted, by their names.

        A queue that lost its memory gives ids a second time: then a folder is no longer that of the job of its id.
        """
        for job_id in self._folders.keys() & listing.keys():
            if listing[job_id].name not in ("", self._queue.name_of(self._folders[job_id].path.name)):
                del self._folders[job_id]
        unknown = {job.name: job_id for job_id, job in listing.items() if job_id not in self._folders}
        if not unknown or not self._seats.is_dir():
            return
        for path in self._seats.iterdir():
            found = unknown.get(self._queue.name_of(path.name))
            if found is not None:
                self._keep(found, SeatFolder(path))

    def _jobs_of(self, job_ids: Collection[str]) -> Collection[str]:
        """Give the queue's jobs that attempts are in, with their names where those of the attempts are given."""
        if not isinstance(job_ids, Mapping):
            return {_job(job_id) for job_id in job_ids}
        names: dict[str, str] = {}
        for attempt_id, name in job_ids.items():
            job_id, folder = _job(attempt_id), self._folders.get(_job(attempt_id))
            if folder is None:
                names[job_id] = name
            elif (assignment := folder.assignment(_number(attempt_id))) is not None and assignment.name == name:
                names[job_id] = folder.path.name
        return names

    def _status(self, job_id: str, job: JobStatus) -> JobStatus:
        folder = self._folders.get(_job(job_id))
        if folder is not None and folder.has_ended(_number(job_id)):
            return JobStatus(JobState.GONE, "ended in its seat")
        return job

    def _wait_until_gone(self, job: Job, seconds: float) -> bool:
        give_up = self._monotonic() + seconds
        while self.find([job.name]):
            if self._monotonic() >= give_up:
                return False
            self._sleep(_POLL_S)
        return True


def _job(job_id: str) -> str:
    return job_id.partition("/")[0]


def _number(job_id: str) -> int:
    number = job_id.partition("/")[2]
    return int(number) if number.isascii() and number.isdigit() else 1
