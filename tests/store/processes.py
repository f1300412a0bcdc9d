"""Starting and ending `tests.store.writer`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def writer(url: str, *part: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a writer, and kill it at the end if it still lives."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", url, *part],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for the next write that a writer acknowledges."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the writer ended early"
    return dict(json.loads(line))


def remaining_lines(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """Read all that a writer acknowledged until its end; a line that the kill cut off does not count."""
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]


def wait_until_stopped(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has stopped itself with SIGSTOP."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the writer ended instead of stopping itself"
