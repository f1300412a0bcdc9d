"""What happens to a test where a service's programs are missing or cannot run."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


class ServiceError(Exception):
    """A service that is installed does not come up; the message says why."""


def missing(what: str) -> NoReturn:
    """Skip the test in one line, or fail it where BOHPO_REQUIRE_SERVICES=1 says that nothing may be missing."""
    if _nothing_may_be_missing():
        pytest.fail(f"{what} is missing; run `make services`")
    pytest.skip(f"{what} is missing; `make services` installs it")


def unable(what: str, why: str) -> NoReturn:
    """Skip the test where a service that is installed cannot run here, or fail it where nothing may be missing."""
    if _nothing_may_be_missing():
        pytest.fail(f"{what} cannot run here: {why}")
    pytest.skip(f"{what} cannot run here: {why}")


def require_programs(service: str, *programs: str) -> None:
    """Skip or fail the test where one of a service's programs is not installed."""
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        missing(f"{service} ({', '.join(absent)})")


def require_root(service: str) -> None:
    """Skip or fail the test where this user cannot run a service's daemons."""
    if os.getuid() != 0:
        unable(service, "its daemons start other people's jobs and need root")


def _nothing_may_be_missing() -> bool:
    return os.environ.get("BOHPO_REQUIRE_SERVICES") == "1"
