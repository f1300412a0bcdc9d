"""One tiny job through the queue: what a login node alone cannot know."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bohpo.cli.doctor.finding import LOCAL, Finding, Plan
from bohpo.cli.doctor.folders import existing
from bohpo.cli.doctor.probe import ANSWER, LOCK, QUESTION, Answer
from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.local import LocalCluster
from bohpo.cluster.protocol import Cluster, Job, JobStatus
from bohpo.cluster.queue import QueueCluster
from bohpo.durable import read_json, write_json
from bohpo.errors import BohpoError, QueueError
from bohpo.processes import ATTEMPT_DIRECTORY, PYTHON
from bohpo.study import Cluster as ClusterTable

SEEN_S = 60.0
"""A network file system may show a new file that much later."""

SHOWN_S = 5.0
CLOCK_TOLERANCE_S = 2.0
LONGEST_LOG = 300
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class _Course:
    """How the job went.

    Attributes:
        submitted_s: This host's clock when it was submitted.
        seen_s: This host's clock when its answer was seen, or when it was given up.
        answer: The answer, or None.
        status: What the queue said last, or None.
        log: The end of what the job printed, one line.
    """

    submitted_s: float
    seen_s: float
    answer: Answer | None
    status: JobStatus | None
    log: str


def try_job(plan: Plan, settings: ClusterTable, *, wait_s: float, say: Callable[[str], None]) -> list[Finding]:
    """Submit one tiny job and tell what its node is like; the job is gone when this returns.

    Args:
        plan: What the machine is to do.
        settings: What jobs ask their queue for.
        wait_s: Seconds that it may take.
        say: Tells the person who waits.
    """
    try:
        with _shared_folder(plan) as folder, _cluster(settings) as cluster:
            course = _run(cluster, folder, plan, wait_s, say)
    except BohpoError as error:
        return [Finding("job", False, str(error), "`bohpo launch STUDY --dry-run` shows a job script")]
    except OSError as error:
        return [Finding("job", False, f"{plan.directory}: {error.strerror}", "make the folder writable")]
    if course.answer is None:
        return [_lost(course, plan)]
    return _told(course.answer, course, settings)


@contextlib.contextmanager
def _shared_folder(plan: Plan) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=existing(plan.directory), prefix="bohpo-doctor-"))
    try:
        with (folder / LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _cluster(settings: ClusterTable) -> Iterator[Cluster]:
    is_local = settings.backend == LOCAL
    cluster = LocalCluster() if is_local else QueueCluster(BACKENDS[settings.backend], settings)
    with contextlib.closing(cluster):
        yield cluster


def _run(cluster: Cluster, folder: Path, plan: Plan, wait_s: float, say: Callable[[str], None]) -> _Course:
    token = uuid.uuid4().hex
    write_json(folder / QUESTION, {"token": token, "asks_torch": plan.asks_torch})
    job = Job(
        name=f"bohpo-doctor-{token[:8]}",
        command=(*PYTHON, "-m", "bohpo.cli.doctor.probe", str(folder)),
        log=folder / "log.txt",
        environment={ATTEMPT_DIRECTORY: str(folder)},
    )
    submitted = time.time()
    job_id = cluster.submit(job)
    say(f"job {job_id} is submitted; it has {wait_s:g} s to answer")
    status: JobStatus | None = None
    give_up, found = time.monotonic() + wait_s, None
    try:
        while (found := _answer(folder, token)) is None and time.monotonic() < give_up:
            status = cluster.look([job_id])[job_id]
            if not status.state.is_alive:
                give_up = min(give_up, time.monotonic() + _patience_s(plan, job.log))
            cluster.wait(_POLL_S)
        return _Course(submitted, time.time(), found, status, _end_of(job.log))
    finally:
        # One that has answered ends by itself; whether the queue can be told so is then no finding.
        with contextlib.suppress(QueueError) if found else contextlib.nullcontext():
            cluster.end_leftover(job, grace_s=0.0)


def _patience_s(plan: Plan, log: Path) -> float:
    """Give how long after a job's end its answer may still come into view; its log shows how quick files do."""
    if not plan.uses_queue:
        return _POLL_S
    return SHOWN_S if log.exists() else SEEN_S


def _answer(folder: Path, token: str) -> Answer | None:
    """Read the answer; listing the folder makes a network file system look for new files."""
    if ANSWER not in {path.name for path in folder.iterdir()}:
        return None
    data = read_json(folder / ANSWER)
    return Answer(**data) if data and data["token"] == token else None


def _end_of(log: Path) -> str:
    try:
        return " ".join(log.read_text(errors="replace").split())[-LONGEST_LOG:]
    except OSError:
        return ""


def _lost(course: _Course, plan: Plan) -> Finding:
    waited = course.seen_s - course.submitted_s
    status = course.status
    if status is not None and status.state.is_alive:
        detail = f"no answer within {waited:.0f} s: {status.detail or status.state.value}"
        remedy = "wait longer (--wait SECONDS), or ask for less in [cluster]; its job was cancelled"
        return Finding("job", False, detail, remedy)
    said = status.detail or status.state.value if status is not None else "unknown"
    if course.log:
        return Finding("job", False, f"it ended without an answer ({said}): {course.log}", "correct [cluster]")
    remedy = f"see that nodes have {existing(plan.directory)} under this very path, or choose another --directory"
    return Finding("job", False, f"it ended without a trace ({said}): its node may not see the folder", remedy)


def _told(answer: Answer, course: _Course, settings: ClusterTable) -> list[Finding]:
    took = course.seen_s - course.submitted_s
    ours = importlib.metadata.version("bohpo")
    same = answer.bohpo == ours
    python = f"{answer.python}, bohpo {answer.bohpo}"
    locks = "this host's lock is refused there" if answer.respects_lock else "this host's lock does not hold there"
    mount = "" if answer.respects_lock else "mount it with locks (Lustre: `flock`, not `localflock`; NFS: lockd)"
    return [
        Finding("job", True, f"answered from {answer.host}, {answer.cores} cores, {took:.1f} s after it was submitted"),
        Finding("job folder", True, "the node reads and writes it; its answer was seen here"),
        Finding("job python", same, python, "" if same else f"here it is {ours}: install the same version"),
        Finding("job locks", answer.respects_lock, locks, mount),
        _clock(answer, course),
        *_gpus(answer, settings),
    ]


def _clock(answer: Answer, course: _Course) -> Finding:
    """Compare clocks by order: a node answers after the submission and before the answer is seen."""
    early, late = course.submitted_s - answer.time_s, answer.time_s - course.seen_s
    off = max(early, late)
    if off <= CLOCK_TOLERANCE_S:
        return Finding("job clock", True, "agrees with this host's", is_needed=False)
    detail = f"the node's is at least {off:.0f} s {'behind' if early > late else 'ahead'}"
    return Finding("job clock", False, detail, "have it set by a time server (chronyd, ntpd)", is_needed=False)


def _gpus(answer: Answer, settings: ClusterTable) -> list[Finding]:
    torch = [Finding("job torch", True, answer.torch, is_needed=False)] if answer.torch else []
    shown = "; ".join(answer.gpus) or "none"
    mask = "" if answer.visible_gpus is None else f", CUDA_VISIBLE_DEVICES={answer.visible_gpus}"
    enough = len(answer.gpus) >= settings.gpus
    remedy = "" if enough else f"{settings.gpus} asked for: check cluster.queue, and `--nv` of a container"
    return [Finding("job gpu", enough, f"{shown}{mask}", remedy), *torch]
