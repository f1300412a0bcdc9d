"""What discovery reads: programs that may hang, and files of /sys.

A driver that hangs leaves its programs in a state that no signal ends. Such a program is abandoned, never waited for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bohpo.processes import parse_cpus

COMMAND_S = 15.0
"""Time limit of a program. `nvidia-smi` takes some seconds where no process keeps the driver loaded."""

_REAP_S = 1.0
_LONGEST_OUTPUT = 1_000_000
_LONGEST_COMPLAINT = 200


class ProbeError(Exception):
    """A program did not answer, or its answer made no sense; the message names it."""


@dataclass(frozen=True, slots=True)
class Sys:
    """The /sys tree.

    Attributes:
        root: Its mount point; another folder in tests.
    """

    root: Path = Path("/sys")

    def read(self, *parts: str) -> str:
        """Return the text of a file, or an empty string where it cannot be read."""
        try:
            return self.root.joinpath(*parts).read_text(errors="replace").strip()
        except OSError:
            return ""

    def list(self, *parts: str) -> list[str]:
        """Return the names in a folder, sorted; none where it cannot be read."""
        try:
            return sorted(path.name for path in self.root.joinpath(*parts).iterdir())
        except OSError:
            return []

    def numa_node(self, address: str) -> int | None:
        """Return the NUMA node of a PCI device; None where the machine has one node, or does not say."""
        text = self.read("bus", "pci", "devices", address, "numa_node")
        return int(text) if text.isdecimal() else None

    def near_cpus(self, address: str) -> frozenset[int]:
        """Return the CPUs that are near a PCI device; none where the machine does not say."""
        with contextlib.suppress(ValueError):
            return parse_cpus(self.read("bus", "pci", "devices", address, "local_cpulist"))
        return frozenset()


def run_probe(*command: str, seconds: float = COMMAND_S) -> str:
    """Run a program without input and return what it printed on stdout.

    Args:
        command: Program and arguments.
        seconds: Time limit; then the program is killed with what it started.

    Raises:
        ProbeError: If it cannot be started, does not end in time, or ends with an error.
    """
    with tempfile.TemporaryFile() as output:  # a pipe would be held open by what the program leaves behind
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C"},
                process_group=0,
            )
        except OSError as error:
            raise ProbeError(f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            _abandon(process)
            raise ProbeError(f"{command[0]} did not answer within {seconds:g} s") from error
        output.seek(0)
        text = output.read(_LONGEST_OUTPUT).decode(errors="replace")
    if status != 0:
        complaint = " ".join(text.split())[:_LONGEST_COMPLAINT] or f"exit status {status}"
        raise ProbeError(f"{command[0]} failed: {complaint}")
    return text


def _abandon(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_S)
