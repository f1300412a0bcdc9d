"""The campaigns' folder: whether it is shared, keeps promises about files, and has room."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from pathlib import Path

from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.durable import write_atomically
from bohpo.store.filesystem import NETWORK_FILE_SYSTEMS, type_on_this_host

FREE_BYTES_WANTED = 5_000_000_000
FREE_FILES_WANTED = 20_000
"""An attempt leaves about ten files."""

CLOCK_TOLERANCE_S = 5.0
"""Workers compare the times of files, which the file server sets, with their own clock."""


def look_at_folder(plan: Plan) -> list[Finding]:
    """Check that files can be written, replaced and locked there as a campaign does."""
    folder = existing(plan.directory)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".bohpo-doctor-") as probe:
            return [_written(plan, folder, Path(probe)), _locked(Path(probe)), *_dated(Path(probe))]
    except OSError as error:
        remedy = "make it writable, or choose another with --directory or BOHPO_HOME"
        return [Finding("folder", False, f"{folder}: {error.strerror}", remedy)]


def _written(plan: Plan, folder: Path, probe: Path) -> Finding:
    began = time.monotonic()
    for content in (b"first", b"second"):
        write_atomically(probe / "probe", content)
    took_ms = (time.monotonic() - began) * 500
    left = sorted(path.name for path in probe.iterdir())
    if (probe / "probe").read_bytes() != b"second" or left != ["probe"]:
        remedy = "choose another --directory: a campaign's files would be torn here"
        return Finding("folder", False, f"{folder}: a file cannot be replaced in one step", remedy)
    there = "" if folder == plan.directory.resolve() else ", where it will be made"
    return Finding("folder", True, f"{plan.directory.resolve()}: written and replaced in {took_ms:.0f} ms{there}")


def _locked(probe: Path) -> Finding:
    """Check that the second lock of a file is refused while the first one holds."""
    remedy = "mount it with locks (Lustre: `flock`, NFS: lockd), or choose another --directory"
    with (probe / "lock").open("wb") as first, (probe / "lock").open("wb") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return Finding("locks", False, f"no file can be locked: {error.strerror}", remedy)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Finding("locks", True, "a file is locked by one at a time")
    return Finding("locks", False, "two hold the lock of one file at the same time", remedy)


def _dated(probe: Path) -> list[Finding]:
    before = time.time()
    (probe / "dated").write_bytes(b"x")
    changed = (probe / "dated").stat().st_mtime
    ahead = changed - time.time() if changed > time.time() else min(0.0, changed - before)
    if abs(ahead) <= CLOCK_TOLERANCE_S:
        return []
    remedy = "set both by the same time server (chronyd, ntpd)"
    return [Finding("file clock", False, f"the file server's clock is {ahead:+.0f} s off", remedy, is_needed=False)]


def look_at_sharing(plan: Plan) -> list[Finding]:
    """Tell what file system it is: jobs of a queue need one that their nodes see."""
    kind = type_on_this_host(existing(plan.directory))
    network = NETWORK_FILE_SYSTEMS.get(kind)
    if network is not None:
        return [Finding("file system", True, f"{network}, shared; SQLite is refused there")]
    if not plan.uses_queue:
        return [Finding("file system", True, kind or "unknown")]
    remedy = "put --directory on the shared file system; --job tells for sure"
    return [Finding("file system", False, f"{kind or 'unknown'}, a disk of this host", remedy, is_needed=False)]


def look_at_space(plan: Plan) -> list[Finding]:
    """Check free bytes and free files; a quota may leave less."""
    status = os.statvfs(existing(plan.directory))
    free, files = status.f_bavail * status.f_frsize, status.f_favail
    counts_files = status.f_files > 0  # btrfs and some network file systems do not
    enough = free >= FREE_BYTES_WANTED and not (counts_files and files < FREE_FILES_WANTED)
    shown = f", room for {files:,} files" if counts_files else ""
    wanted = f"a campaign wants {FREE_BYTES_WANTED / 1e9:g} GB and {FREE_FILES_WANTED:,} files"
    remedy = "" if enough else f"{wanted}: free some, or choose another --directory"
    return [Finding("disk", enough, f"{free / 1e9:.1f} GB free{shown}; a quota may leave less", remedy)]


def existing(folder: Path) -> Path:
    """Give the folder itself, or the nearest one above it that exists."""
    return next(parent for parent in (folder.resolve(), *folder.resolve().parents) if parent.is_dir())
