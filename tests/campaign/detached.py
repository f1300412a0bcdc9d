"""A queue made of this host's processes, which run on when their driver dies, and a driver of a campaign on it.

`python -m tests.campaign.detached DATABASE` drives the campaign `specimen` of a database. A queue's folder holds a file
for each job, named as the job is, with the job's id in it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from bohpo.campaign.clock import SystemClock
from bohpo.campaign.launch import make_optimizer, study_of
from bohpo.campaign.lease import holding
from bohpo.campaign.ledger import LEASE_S
from bohpo.campaign.loop import Loop
from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.processes import process_started
from bohpo.store import CampaignState, Owner, StopRequest, open_store

DIES_AFTER = "DIES_AFTER_SUBMISSION"
"""Number of the submission after which the driver is killed, before it knows the job's id."""


class DetachedCluster:
    """Runs jobs that outlive the process which submitted them."""

    def __init__(self, folder: Path) -> None:
        """Use the queue in a folder."""
        self._folder = folder
        self._submissions = 0
        folder.mkdir(exist_ok=True)

    def submit(self, job: Job) -> str:
        """Start the job."""
        with job.log.open("ab") as log:
            process = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **job.environment},
                start_new_session=True,
            )
        job_id = f"{process.pid}-{process_started(process.pid) or 0}"
        (self._folder / job.name).write_text(job_id)
        self._submissions += 1
        if os.environ.get(DIES_AFTER) == str(self._submissions):
            os.kill(os.getpid(), signal.SIGKILL)
        return job_id

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Tell which live."""
        return {job_id: JobStatus(JobState.RUNNING if lives(job_id) else JobState.GONE) for job_id in job_ids}

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Find those that live."""
        known = {path.name: path.read_text() for path in self._folder.iterdir()}
        return {name: known[name] for name in names if name in known and lives(known[name])}

    def wait(self, seconds: float) -> None:
        """Wait."""
        time.sleep(min(seconds, 0.1))

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        if lives(job_id):
            os.kill(int(job_id.partition("-")[0]), signal.SIGTERM)

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """Kill a job."""
        for job_id in self.find([job.name]).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(job_id.partition("-")[0]), signal.SIGKILL)

    def close(self) -> None:
        """Leave the jobs."""


def lives(job_id: str) -> bool:
    """Tell whether a job's process lives."""
    pid, _, started = job_id.partition("-")
    return process_started(int(pid)) == int(started)


def main(database: str) -> None:
    """Drive the campaign to its end, or until SIGTERM."""
    with contextlib.closing(open_store(database)) as store:
        lease = store.acquire_lease("specimen", Owner.this_process(), LEASE_S)
        store.request_stop("specimen", StopRequest.NONE)
        campaign = store.campaign("specimen")
        study = study_of(campaign)
        loop = Loop(
            study,
            campaign,
            lease,
            optimizer=make_optimizer(study),
            store=store,
            cluster=DetachedCluster(Path(database).parent / "queue"),
            clock=SystemClock(),
            leaves_jobs=True,
        )
        signal.signal(signal.SIGTERM, lambda *_: loop.stop())
        with holding(store, lease, lambda: loop.last_step):
            state = loop.run()
        store.release_lease(lease)
        sys.exit(0 if state is CampaignState.FINISHED else 130)


if __name__ == "__main__":
    main(sys.argv[1])
