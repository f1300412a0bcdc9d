"""The [cluster] table: where jobs run, and what each of them asks its queue for.

Whatever of it reaches a job script is allow-listed here, so that no value can add a line to one.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

from bohpo.study.tables import Table

Backend: TypeAlias = Literal["local", "slurm", "pbs", "sge", "lsf", "htcondor", "oar", "moab"]

_WALL_TIME = re.compile(r"(?:(\d{1,3})-)?(\d{1,4}):([0-5]\d):([0-5]\d)")
_MEMORY = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([KMGT]?)(i?)B?", re.IGNORECASE)
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def _wall_time(value: object) -> object:
    if isinstance(value, str) and not (_WALL_TIME.fullmatch(value) and wall_seconds(value) > 0):
        raise PydanticCustomError("wall_time", "no wall time")
    return value


def _memory(value: object) -> object:
    if isinstance(value, str) and not (_MEMORY.fullmatch(value) and memory_bytes(value) > 0):
        raise PydanticCustomError("memory", "no amount of memory")
    return value


def _line(value: object) -> object:
    if isinstance(value, str) and not (value.isprintable() and value.isascii() and value.strip()):
        raise PydanticCustomError("line", "no line of plain text")
    return value


def _attempts(value: object) -> object:
    if value == "until-walltime" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise PydanticCustomError("attempts", "no number of attempts")


def _gpus(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("gpus", "no number of GPUs")
    if value < 0:
        raise PydanticKnownError("greater_than_equal", {"ge": 0})
    if LEAST_SHARE <= value < 1 or (math.isfinite(value) and value == int(value)):
        return value if value < 1 and value else int(value)
    raise PydanticCustomError("gpu_share", "neither whole nor a share")


LEAST_SHARE = 0.01
"""Least share of a GPU: 100 jobs on one."""

Word: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Line: TypeAlias = Annotated[str, BeforeValidator(_line)]
Lines: TypeAlias = Annotated[tuple[Line, ...], Field(strict=False)]
PlainCommand: TypeAlias = Annotated[tuple[Line, ...], Field(strict=False, min_length=1)]


class Cluster(Table):
    """Where jobs run, and what each of them asks its queue for.

    Attributes:
        backend: Processes on this machine, or the queue that jobs are submitted to.
        queue: Queue or partition; the queue's own default where it is left out, as with all that follow.
        account: Account or project that pays.
        wall_time: Longest time of a job, `[days-]hours:minutes:seconds`.
        cpus: CPUs of a job, on each of its nodes; `parallel.threads` where it is left out, or one.
        memory: Memory of a job, on each of its nodes, such as "24GB".
        gpus: GPUs of a job, on each of its nodes. With the backend local, a share such as 0.5 puts several jobs on
            one GPU, 0 hides all GPUs, and without this key jobs see what the driver sees.
        nodes: Nodes of a job; the worker is on the first, the trainer starts the rest.
        resources: What is asked for in the queue's own words, instead of `cpus`, `memory`, `gpus` and `nodes`.
        setup: Shell lines that a job begins with, such as "module load cuda".
        container: Command that runs the worker in a container, such as ["apptainer", "exec", "--nv", "image.sif"].
        python: Python interpreter of the jobs; the driver's where it is left out.
        directives: More lines for the queue, without its prefix such as #SBATCH.
        attempts_per_job: Attempts that one job takes, one after the other.
        parallel_environment: Grid Engine's name for the CPUs of one host.
    """

    backend: Backend = "local"
    queue: Word | None = None
    account: Word | None = None
    wall_time: Annotated[str, BeforeValidator(_wall_time)] | None = None
    cpus: int | None = Field(default=None, ge=1)
    memory: Annotated[str, BeforeValidator(_memory)] | None = None
    gpus: Annotated[int | float, BeforeValidator(_gpus)] = 0
    nodes: int = Field(default=1, ge=1)
    resources: Line | None = None
    setup: Lines = ()
    container: PlainCommand | None = None
    python: Line | None = None
    directives: Lines = ()
    attempts_per_job: Annotated[int | str, BeforeValidator(_attempts)] = 1
    parallel_environment: Word = "smp"

    @property
    def wall_seconds(self) -> int | None:
        """Longest time of a job in seconds, or None where the queue decides."""
        return None if self.wall_time is None else wall_seconds(self.wall_time)

    @property
    def memory_bytes(self) -> int | None:
        """Memory of a job on each of its nodes in bytes, or None where the queue decides."""
        return None if self.memory is None else memory_bytes(self.memory)


def wall_seconds(wall_time: str) -> int:
    """Give `[days-]hours:minutes:seconds` in seconds."""
    found = _WALL_TIME.fullmatch(wall_time)
    assert found is not None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def memory_bytes(memory: str) -> int:
    """Give an amount of memory in bytes: "24GB" are 24e9, "24GiB" are 24 * 2**30."""
    found = _MEMORY.fullmatch(memory)
    assert found is not None
    base = 1024 if found[3] else 1000
    scale: int = base ** _UNITS[found[2].upper()]
    return math.ceil(float(found[1]) * scale)
