"""The queue's commands: run with a time limit, and what they print."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bohpo.errors import QueueError

TIMEOUT_S = 60.0
"""Longer than the timeouts that queues have themselves, which tell better what is wrong."""

_KEPT_SLURM = ("SLURM_CONF", "SLURM_CONF_SERVER")
_SECRET_PREFIXES = ("BOHPO_", "PGPASS")


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed.

    Attributes:
        exit_code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    exit_code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it complained of, on one line."""
        return " ".join((self.err.strip() or self.out.strip()).split()) or f"exit code {self.exit_code}"


class Run(Protocol):
    """Runs one of the queue's commands."""

    def __call__(self, *command: str, accept: Collection[int] = (0,)) -> Printed:
        """Run a command.

        Args:
            command: Program and arguments.
            accept: Exit codes after which what it printed counts.

        Raises:
            QueueError: If it cannot be run, takes too long, or leaves with another exit code.
        """
        ...


def this_user() -> str:
    """Give this user's name by its number: LOGNAME and USER, which others believe, may name somebody else."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def run(*command: str, accept: Collection[int] = (0,)) -> Printed:
    """Run one of the queue's commands, as `Run` has it."""
    printed = run_anyway(command)
    if printed.exit_code not in accept:
        raise QueueError(f"{shlex.join(command[:3])}: {printed.words}")
    return printed


def run_anyway(command: Sequence[str]) -> Printed:
    """Run one of the queue's commands, whatever its exit code.

    Raises:
        QueueError: If it cannot be run, or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            env=commands_environment(os.environ),
            start_new_session=True,  # Ctrl-C stops the driver, not half of a submission
            check=False,
        )
    except FileNotFoundError as error:
        raise not_found(command[0]) from error
    except subprocess.TimeoutExpired as error:
        raise QueueError(f"{command[0]} did not answer for {TIMEOUT_S:.0f} s; is the queue down?") from error
    except OSError as error:
        raise QueueError(f"{command[0]} cannot be run: {error.strerror}; see `ulimit -u`") from error
    return Printed(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def not_found(program: str) -> QueueError:
    """Give the error for a queue whose commands are not here."""
    remedy = "run bohpo where the queue's commands are, such as a login node, or load their module"
    return QueueError(f"{program} is not on PATH; {remedy}", is_for_good=True)


def commands_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Give what the queue's commands may see of an environment, since many queues hand it on to the jobs.

    The database's URL and password do not concern the jobs, and where the driver runs in a Slurm job itself that
    job's settings do not concern those that it submits.
    """
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_SECRET_PREFIXES) and (not name.startswith("SLURM_") or name in _KEPT_SLURM)
    }
