"""What `bohpo doctor --job` runs on a compute node: look around, and write what is there into the shared folder."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bohpo.cli.doctor.commands import ask
from bohpo.cli.doctor.finding import Plan
from bohpo.cli.doctor.gpu import look_at_torch
from bohpo.durable import read_json, write_json

QUESTION = "question.json"
ANSWER = "answer.json"
LOCK = "lock"
"""The driver's host holds it while the node tries to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node tells.

    Attributes:
        token: The question's, so that an old answer is not taken for a new one.
        host: Its name.
        time_s: Its clock when it answered, seconds since 1970.
        python: Its Python's version and where that is.
        bohpo: Version that it runs.
        cores: That the job may use.
        gpus: One line each, as the driver lists them.
        visible_gpus: CUDA_VISIBLE_DEVICES, or None.
        respects_lock: Whether a lock that another host holds is refused here.
        torch: What torch says of its GPUs, or empty where it was not asked.
    """

    token: str
    host: str
    time_s: float
    python: str
    bohpo: str
    cores: int
    gpus: list[str]
    visible_gpus: str | None
    respects_lock: bool
    torch: str


def answer(folder: Path) -> None:
    """Answer the question in a folder.

    Raises:
        FileNotFoundError: If there is none: this node does not see what the driver's host wrote.
    """
    question = read_json(folder / QUESTION)
    if question is None:
        raise FileNotFoundError(f"{socket.gethostname()} sees no {folder / QUESTION}: the folder is not shared")
    listed = ask("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    torch = look_at_torch(Plan("", folder, "node", asks_torch=question["asks_torch"]))
    found = Answer(
        token=question["token"],
        host=socket.gethostname(),
        python=f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.prefix}",
        bohpo=importlib.metadata.version("bohpo"),
        cores=len(os.sched_getaffinity(0)),
        gpus=listed.lines if listed.is_good else [],
        visible_gpus=os.environ.get("CUDA_VISIBLE_DEVICES"),
        respects_lock=_is_locked(folder / LOCK),
        torch="".join(str(finding) for finding in torch),
        time_s=time.time(),
    )
    write_json(folder / ANSWER, asdict(found))


def _is_locked(path: Path) -> bool:
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


if __name__ == "__main__":
    answer(Path(sys.argv[1]))
