"""Which devices and CPUs the jobs of this host own, whichever driver started them.

Nothing is written down that could go stale: what a job owns is in the environment of its processes, and it owns that
until the last of them is gone. Drivers of a user look and start jobs one at a time, under a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bohpo.errors import QueueError
from bohpo.processes import ATTEMPT_DIRECTORY, CPUS, DEVICE_SHARE, DEVICES, JOB_NAME, parse_cpus, read_environment

_PREFIX = b"BOHPO_"
_TEMPORARY = Path("/tmp")  # noqa: S108 - drivers of one user meet here whatever TMPDIR each has; the folder is checked


@dataclass(frozen=True, slots=True)
class Claim:
    """What one job of this host owns.

    Attributes:
        job: Name of the job.
        directory: Folder of its attempt; with the name it identifies the job.
        devices: UUIDs of its devices.
        share: Share of each of them, above 0 and up to 1.
        cpus: CPUs that it is pinned to.
    """

    job: str
    directory: str
    devices: tuple[str, ...]
    share: float = 1.0
    cpus: frozenset[int] = frozenset()


def read_claims() -> tuple[Claim, ...]:
    """Return what the living jobs of this host own, as far as this user may see.

    A driver that runs inside a job shares that job's devices, so this job's own claim does not count.
    """
    claims = {claim for folder in Path("/proc").iterdir() if folder.name.isdecimal() for claim in _claims_of(folder)}
    outer = os.environ.get(ATTEMPT_DIRECTORY)
    return tuple(sorted((claim for claim in claims if claim.directory != outer), key=lambda claim: claim.job))


def _claims_of(process: Path) -> Iterator[Claim]:
    try:
        entries = read_environment(int(process.name))
    except OSError:  # another user's, or gone
        return
    environment = dict(
        os.fsdecode(entry).partition("=")[::2] for entry in entries if entry.startswith(_PREFIX) and b"=" in entry
    )
    if environment.get(DEVICES) or environment.get(CPUS):
        yield _parse(environment)


def _parse(environment: Mapping[str, str]) -> Claim:
    uuids = (entry.rpartition("=")[2] for entry in environment.get(DEVICES, "").split(","))
    cpus: frozenset[int] = frozenset()
    share = 1.0
    with contextlib.suppress(ValueError):
        cpus = parse_cpus(environment.get(CPUS, ""))
    with contextlib.suppress(ValueError):
        written = float(environment.get(DEVICE_SHARE) or "1")
        share = written if 0 < written <= 1 else 1.0
    return Claim(
        job=environment.get(JOB_NAME, "an unnamed job"),
        directory=environment.get(ATTEMPT_DIRECTORY, ""),
        devices=tuple(filter(None, uuids)),
        share=share,
        cpus=cpus,
    )


@contextlib.contextmanager
def lock_devices(folder: Path | None = None) -> Iterator[bool]:
    """Hold this user's lock on the devices of the host; yield False at once where another driver holds it.

    Args:
        folder: Folder of the lock; one that all drivers of this user share by default.

    Raises:
        QueueError: If the folder is another user's, or cannot be made.
    """
    folder = _TEMPORARY / f"bohpo-{os.getuid()}" if folder is None else folder
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise QueueError(f"{folder} is not this user's folder; have it removed: drivers agree there on GPUs")
        descriptor = os.open(folder / "devices.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise QueueError(f"{folder} cannot be used: {error.strerror}; drivers agree there on GPUs") from error
    try:
        yield _is_locked(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another driver
        return False
    return True
