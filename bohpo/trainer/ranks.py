"""A training of several processes: `python -m bohpo.trainer.ranks ATTEMPT_DIRECTORY` starts them as torchrun does.

Each is a `bohpo.trainer.process` with the variables of torchrun in its environment (RANK, LOCAL_RANK, WORLD_SIZE,
MASTER_ADDR, MASTER_PORT), so that `torch.distributed.init_process_group` needs no argument. Unlike torchrun this ends
as its first process that failed did, by the same exit code or signal, so a worker can tell why; or as one whose memory
ran out, since the others then fail of the lost connection, and may do so before it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from bohpo.processes import PYTHON, die_with_parent
from bohpo.trainer.attempt import OUT_OF_MEMORY_EXIT_CODE, STOPPED_EXIT_CODE, AttemptDirectory

GRACE_S = 5.0
"""What the other processes get to leave, all together, once one has failed: they wait for it in vain."""

_TICK_S = 0.1


def environment_of_rank(rank: int, count: int, port: int) -> dict[str, str]:
    """Give what a process finds in its environment beside all else."""
    ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0}
    return {**{name: str(value) for name, value in ranks.items()}, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def run_ranks(command: Sequence[str], count: int, environment: Mapping[str, str]) -> int:
    """Run a command as `count` processes; pass SIGTERM on to them.

    Returns:
        `OUT_OF_MEMORY_EXIT_CODE` where memory ran out for one; else the exit code of the first that failed, negative
        for a signal; else `STOPPED_EXIT_CODE` where one stopped; or 0.
    """
    port = _free_port()
    processes = [
        subprocess.Popen(
            command,
            env={**environment, **environment_of_rank(rank, count, port)},
            preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - there are no threads here
        )
        for rank in range(count)
    ]

    def pass_on(number: int, _frame: FrameType | None) -> None:
        _send(processes, signal.Signals(number))

    signal.signal(signal.SIGTERM, pass_on)
    while (code := _failure_of(processes)) is None:
        if all(process.poll() is not None for process in processes):
            return max(process.returncode for process in processes)
        time.sleep(_TICK_S)
    _end(processes)
    codes = [process.returncode for process in processes]
    return OUT_OF_MEMORY_EXIT_CODE if OUT_OF_MEMORY_EXIT_CODE in codes else code


def _failure_of(processes: Sequence[subprocess.Popen[bytes]]) -> int | None:
    codes = (process.poll() for process in processes)
    return next((code for code in codes if code not in (None, 0, STOPPED_EXIT_CODE)), None)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    _send(processes, signal.SIGTERM)
    give_up = time.monotonic() + GRACE_S
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(give_up - time.monotonic(), 0.0))
    _send(processes, signal.SIGKILL)
    for process in processes:
        process.wait()


def _send(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    """Run the attempt whose directory is the first argument, and end as its processes did."""
    attempt = AttemptDirectory(Path(sys.argv[1]))
    command = (*PYTHON, "-m", "bohpo.trainer.process", str(attempt.path))
    code = run_ranks(command, attempt.read_spec().processes, os.environ)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
