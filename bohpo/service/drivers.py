"""Drivers that the service starts: processes of their own, which neither know of it nor end with it.

A driver is what `bohpo launch` and `bohpo resume` run. It has a session, a log and a lease of its own; the service
waits only until it holds that lease, or says why not. So a service that is killed costs a campaign nothing, and what
was asked for twice is found done: a launch under the same key, a campaign that is driven. While a driver begins, no
thread waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bohpo.errors import BohpoError, LeaseError, NotFoundError, QueueError, StoreError, UsageError
from bohpo.processes import PYTHON
from bohpo.regular_files import append_regular, open_regular
from bohpo.service.settings import Settings
from bohpo.service.turns import Turns
from bohpo.service.work_pools import WorkPool
from bohpo.store import RequestedLaunch
from bohpo.store.database import DatabaseStore
from bohpo.store.records import Owner

logger = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""For so long a driver may take to begin; it loads its packages from a file system that may be slow."""

LOOK_S = 0.1
TAIL_BYTES = 4000
SECRETS = ("BOHPO_TOKEN", "BOHPO_TOKEN_FILE", "BOHPO_SERVER")
ENDED: dict[int, type[BohpoError]] = {2: UsageError, 3: NotFoundError, 4: QueueError, 5: StoreError}
"""What a driver that left with an exit code had to say."""

BEGAN = frozenset((0, 1, 130))
"""Exit codes of a driver that did begin: it finished, without a usable trial, or was stopped."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be launched.

    Attributes:
        study: Study file.
        name: Name of the campaign.
        trials: Trials to run in all, or None for the study's.
        workers: Jobs at a time, or None for the study's.
        cluster: Where jobs run, or None for the study's.
    """

    study: Path
    name: str
    trials: int | None = None
    workers: int | None = None
    cluster: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The command after `bohpo`."""
        flags = {"--trials": self.trials, "--workers": self.workers, "--cluster": self.cluster}
        told = [f"{flag}={value}" for flag, value in flags.items() if value is not None]
        return ("launch", f"--name={self.name}", *told, "--", str(self.study))


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that has begun.

    Attributes:
        campaign: What it drives.
        pid: Its process on this host.
        log: What it prints.
    """

    campaign: str
    pid: int
    log: Path


class Drivers:
    """Starts drivers, of each campaign one at a time; lives on one event loop."""

    def __init__(self, settings: Settings, store: DatabaseStore, pool: WorkPool) -> None:
        """Start them as `settings` say, and find them in `store`; `pool` reads and writes what that takes."""
        self._settings = settings
        self._store = store
        self._pool = pool
        self._turns = Turns()
        self._children: list[subprocess.Popen[bytes]] = []

    async def launch(self, launch: Launch, *, key: str | None, digest: str) -> Driver | None:
        """Launch a study.

        Args:
            launch: What to launch.
            key: Asked again with it, nothing is launched twice.
            digest: Of what was asked for.

        Returns:
            The driver; None where this very launch was done before.

        Raises:
            UsageError: If the key stands for another launch, or a campaign has this name.
            HTTPException: 503, if too many drivers are beginning.
            BohpoError: Whatever the driver said, if it did not begin.
        """
        async with self._turns.take(launch.name):
            if await self._pool.run(lambda: self._is_done(launch, key, digest)):
                return None
            return await self._start(launch.name, launch.words)

    async def resume(self, name: str, trials: int | None) -> Driver:
        """Go on with a campaign.

        Raises:
            LeaseError: If it has a driver.
            HTTPException: 503, if too many drivers are beginning.
            BohpoError: Whatever the driver said, if it did not begin.
        """
        async with self._turns.take(name):
            lease = await self._pool.run(lambda: self._store.lease(name))
            if lease is not None:
                raise LeaseError(f"{name} is driven by process {lease.owner.pid} on {lease.owner.host}; stop it first")
            flags = () if trials is None else (f"--trials={trials}",)
            return await self._start(name, ("resume", *flags, "--", name))

    async def end_jobs(self, name: str) -> Driver:
        """Save the jobs that a driver left in their checkpoints, and end them."""
        async with self._turns.take(name):
            return await self._start(name, ("stop", "--now", "--", name))

    def log_of(self, name: str) -> Path:
        """Give the file of what the drivers of a campaign print."""
        return self._settings.own_directory / "drivers" / f"{name}.log"

    def reap(self) -> None:
        """Take note of drivers that have ended, so that no zombies stay."""
        self._children = [child for child in self._children if child.poll() is None]

    def _is_done(self, launch: Launch, key: str | None, digest: str) -> bool:
        """Claim a launch under its key; return whether this very launch was done before."""
        known = self._has_begun(launch.name)
        if key is not None:
            claimed = self._store.claim_launch(RequestedLaunch(key, digest, launch.name, time.time()))
            if claimed is not None and claimed.digest != digest:
                raise UsageError("this idempotency key was used for another launch; take a new one for this")
            if claimed is not None and known:
                return True
        if known:
            raise UsageError(f"a campaign {launch.name!r} exists; resume it, or give the new one another name")
        return False

    def _has_begun(self, name: str) -> bool:
        with contextlib.suppress(NotFoundError):
            return bool(self._store.campaign(name))
        return False

    async def _start(self, name: str, words: tuple[str, ...]) -> Driver:
        log = self.log_of(name)
        child, begins_at = await self._pool.run(lambda: self._spawn(log, words))
        self._children.append(child)
        give_up, has_begun = time.monotonic() + PATIENCE_S, False
        while not has_begun and time.monotonic() < give_up:
            await asyncio.sleep(LOOK_S)
            has_begun = await self._pool.run(lambda: self._look(child, name, log, begins_at))
        logger.info("driver of %s: process %s", name, child.pid)
        return Driver(name, child.pid, log)

    def _spawn(self, log: Path, words: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], int]:
        """Start a driver; return it, and where its part of the log begins."""
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with append_regular(log) as stream:
            begins_at = stream.tell()
            child = subprocess.Popen(
                (*PYTHON, "-m", "bohpo", *words),
                cwd=self._settings.working_directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        return child, begins_at

    def _look(self, child: subprocess.Popen[bytes], name: str, log: Path, begins_at: int) -> bool:
        """Return whether a driver holds its lease, or had begun before it ended.

        Raises:
            BohpoError: What it said, if it ended without having begun.
        """
        code = child.poll()
        if code is None:
            return self._is_driven_by(Owner.of_process(child.pid), name)
        if code not in BEGAN or not self._has_begun(name):
            raise ENDED.get(code, BohpoError)(_said(log, begins_at) or f"the driver ended with exit code {code}")
        return True

    def _is_driven_by(self, owner: Owner, name: str) -> bool:
        try:
            lease = self._store.lease(name)
        except NotFoundError:
            return False
        return lease is not None and lease.owner == owner

    def _environment(self) -> dict[str, str]:
        """Give a driver's environment; the database's URL may hold a password, which no command line may show."""
        kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
        return kept | {"BOHPO_STORE": self._settings.store, "BOHPO_HOME": str(self._settings.directory)}


def digest_of(request: dict[str, Any]) -> str:
    """Tell one request from another."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def as_json(driver: Driver) -> dict[str, Any]:
    """Give a driver as a dictionary that JSON can hold."""
    return {**asdict(driver), "log": str(driver.log)}


def _said(log: Path, begins_at: int) -> str:
    with open_regular(log) as stream:
        stream.seek(max(begins_at, stream.seek(0, os.SEEK_END) - TAIL_BYTES))
        told = stream.read(TAIL_BYTES).decode(errors="replace").strip()
    return told.removeprefix("bohpo: ")
