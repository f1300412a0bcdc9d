"""`bohpo doctor`: whether this machine can run campaigns."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bohpo.cli.output import emit, pairs
from bohpo.cli.place import HERE, Place
from bohpo.durable import write_atomically
from bohpo.errors import BohpoError, UsageError

FREE_BYTES_WANTED = 5_000_000_000
_OPTIONAL = {
    "SimpleITK": "pip install 'bohpo[trainers]' brings NIfTI and DICOM",
    "psycopg": "pip install 'bohpo[postgresql]' brings PostgreSQL",
    "PyYAML": "pip install 'bohpo[yaml]' brings YAML exports",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        is_fine: Whether it will do.
        detail: What was found, and the remedy where it will not do.
    """

    name: str
    is_fine: bool
    detail: str


def doctor(*, json: bool = False, place: Place = HERE) -> None:
    """Check that this machine can run campaigns; each trouble comes with its remedy.

    Args:
        json: Print one JSON object.
        place: Which database and folder to check.
    """
    checks: tuple[Callable[[Place], Finding], ...] = (_python, _cores, _packages, _folder, _space, _database)
    findings = [check(place) for check in checks]
    if json:
        emit({"findings": [{"name": f.name, "fine": f.is_fine, "detail": f.detail} for f in findings]})
    else:
        pairs((f"{'ok' if f.is_fine else 'TROUBLE':<8} {f.name}", f.detail) for f in findings)
    troubles = [finding.name for finding in findings if not finding.is_fine]
    if troubles:
        raise UsageError(f"trouble with {', '.join(troubles)}; the remedies are listed")


def _python(_place: Place) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", sys.version_info >= (3, 11), f"{version}, sqlite {sqlite3.sqlite_version}")


def _cores(_place: Place) -> Finding:
    cores = len(os.sched_getaffinity(0))
    return Finding("cores", True, f"{cores}; local campaigns part them among their jobs")


def _packages(_place: Place) -> Finding:
    missing = [f"{package} ({remedy})" for package, remedy in _OPTIONAL.items() if not _is_installed(package)]
    return Finding("packages", True, "all extras are installed" if not missing else "without " + "; ".join(missing))


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _folder(place: Place) -> Finding:
    folder = _existing(place.directory)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as probe:
            write_atomically(Path(probe) / "probe", b"x")
    except OSError as error:
        return Finding("folder", False, f"{folder}: {error.strerror}; choose another with --directory")
    return Finding("folder", True, f"{place.directory.resolve()} can be written")


def _space(place: Place) -> Finding:
    free = shutil.disk_usage(_existing(place.directory)).free
    enough = free >= FREE_BYTES_WANTED
    remedy = "" if enough else "; free some, or choose another --directory"
    return Finding("disk", enough, f"{free / 1e9:.1f} GB free{remedy}")


def _database(place: Place) -> Finding:
    try:
        with place.open() as store:
            count = len(store.campaigns())
    except BohpoError as error:
        if "://" not in place.store and not Path(place.store).exists():
            return Finding("database", True, f"{place.store} is not there yet; the first launch makes it")
        return Finding("database", False, str(error))
    return Finding("database", True, f"{count} campaigns")


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder.resolve(), *folder.resolve().parents) if parent.is_dir())
