"""A trainer that counts: an external command that leaves a trace of every step, so that a checker can follow it.

It imports nothing but the standard library, since a thousand of it are started. Constants of its configuration:

| name          | what                                                                                  |
| ------------- | ------------------------------------------------------------------------------------- |
| steps         | number of steps; each ends with a checkpoint                                          |
| step_seconds  | length of a step                                                                      |
| haste         | a file; while it exists, steps take no time                                           |
| poison_above  | where x is above it, the trainer kills itself at its first step, as if out of memory  |
| garbage_above | where x is above it, the outcome is nan                                               |

Beside the attempts' folders it appends a line to `steps.jsonl` for each step that it has done. The score is the sum of
x over all steps, taken from checkpoint to checkpoint: a step that is lost, or counted twice, changes it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

STOPPED_EXIT_CODE = 75

_stop_requested = False


def request_stop(_signal: int, _frame: FrameType | None) -> None:
    """Have the training end after the step that it is at."""
    global _stop_requested  # noqa: PLW0603 - a signal handler has nowhere else to write
    _stop_requested = True


def write_whole(path: Path, data: object) -> None:
    """Write JSON such that a reader sees all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(data))
    temporary.replace(path)


def append(path: Path, data: object) -> None:
    """Append a line of JSON in one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(data).encode() + b"\n")
    finally:
        os.close(descriptor)


def restore() -> tuple[int, float]:
    """Give the steps done and the score so far, of this attempt's checkpoint or the latest earlier one."""
    folders = [os.environ["BOHPO_CHECKPOINT"], *os.environ["BOHPO_RESUME_FROM"].split(os.pathsep)]
    found = [Path(folder) / "state.json" for folder in folders if folder]
    states = [json.loads(path.read_text()) for path in found if path.exists()]
    steps, score = max(states, default=[0, 0.0])
    return int(steps), float(score)


def train(configuration: dict[str, Any], folder: Path) -> None:
    """Count to the last step, or leave with STOPPED_EXIT_CODE when asked to."""
    x = float(configuration["x"])
    if x > configuration.get("poison_above", 2.0):
        os.kill(os.getpid(), signal.SIGKILL)
    checkpoint = Path(os.environ["BOHPO_CHECKPOINT"])
    checkpoint.mkdir(parents=True, exist_ok=True)
    done, score = restore()
    for step in range(done, int(configuration["steps"])):
        if _stop_requested:
            sys.exit(STOPPED_EXIT_CODE)
        if not Path(configuration["haste"]).exists():
            time.sleep(float(configuration["step_seconds"]))
        score += x
        trace = {"attempt": folder.name, "step": step, "pid": os.getpid(), "time": time.time()}
        append(folder.parent / "steps.jsonl", trace)
        write_whole(checkpoint / "state.json", [step + 1, score])
        append(folder / "progress.jsonl", {"step": step + 1, "value": score, "time": time.time()})
    if x > configuration.get("garbage_above", 2.0):
        (folder / "outcome.json").write_text('{"value": NaN}')
        return
    write_whole(folder / "outcome.json", {"value": score})


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, request_stop)
    train(json.loads(Path(os.environ["BOHPO_CONFIG"]).read_text()), Path(os.environ["BOHPO_DIRECTORY"]))
