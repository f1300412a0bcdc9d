"""Where a campaign came from: enough to run it again."""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import subprocess
from pathlib import Path

PACKAGES = ("bohpo", "torch", "botorch", "gpytorch", "optuna", "numpy", "simpleitk")


def provenance(working_directory: Path) -> dict[str, str]:
    """Describe the code, the packages and the host that a campaign runs with.

    Args:
        working_directory: Where the trainer runs; its git commit is recorded, with `-dirty` where files differ from it.
    """
    return {
        "working_directory": str(working_directory),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "git_commit": _git_commit(working_directory),
        **{f"version_{package}": _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _git_commit(folder: Path) -> str:
    command = ("git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace").strip()
    except (OSError, subprocess.CalledProcessError):
        return "not in git"
