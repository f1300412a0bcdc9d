"""What a process uses: memory, descriptors, threads, processor time, and the length of its log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.viewers import TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used at one moment.

    Attributes:
        rss_mib: Resident memory, MiB.
        descriptors: Open file descriptors.
        threads: Threads.
        processor_s: Processor time since its start, seconds.
        log_kib: Length of its log, KiB.
    """

    rss_mib: float
    descriptors: int
    threads: int
    processor_s: float
    log_kib: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process used at one moment.

    Attributes:
        process: `driver` or `service`.
        seconds: Since the start of the run.
        finished: Trials that had finished.
        usage: What the process used.
    """

    process: str
    seconds: float
    finished: int
    usage: Usage


def read_usage(pid: int, log: Path) -> Usage:
    """Return what a living process uses.

    Args:
        pid: Its id.
        log: File that takes its standard error.

    Raises:
        OSError: If the process is gone.

    Source:
        proc(5): /proc/pid/status, /proc/pid/fd, /proc/pid/stat.
    """
    process = Path(f"/proc/{pid}")
    status = dict(line.partition(":")[::2] for line in (process / "status").read_text().splitlines())
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return Usage(
        rss_mib=int(status["VmRSS"].split()[0]) / 1024,
        descriptors=sum(1 for _ in (process / "fd").iterdir()),
        threads=int(status["Threads"]),
        processor_s=(int(fields[11]) + int(fields[12])) / TICKS_PER_S,
        log_kib=log.stat().st_size / 1024,
    )
