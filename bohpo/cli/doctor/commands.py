"""Ask another program something, for a limited time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass

COMMAND_S = 10.0
LONGEST_COMPLAINT = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What a program answered.

    Attributes:
        status: Exit status, or None where it did not end in time or could not be started.
        output: What it printed on stdout.
        complaint: What it printed on stderr, or why there is no answer; one line.
    """

    status: int | None
    output: str
    complaint: str

    @property
    def is_good(self) -> bool:
        """Whether it ended with success."""
        return self.status == 0

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line, without empty lines."""
        return [line.strip() for line in self.output.splitlines() if line.strip()]


def ask(*command: str, seconds: float = COMMAND_S) -> Reply:
    """Run a program without input, in the C locale.

    Args:
        command: Program and arguments.
        seconds: How long it may take; then it is killed with what it started.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            text=True,
            errors="replace",
            process_group=0,
        )
    except OSError as error:
        return Reply(None, "", f"{command[0]} cannot be started: {error.strerror}")
    try:
        output, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return Reply(None, "", f"`{' '.join(command)}` did not answer within {seconds:g} s")
    return Reply(process.returncode, output, " ".join(complaint.split())[:LONGEST_COMPLAINT])
