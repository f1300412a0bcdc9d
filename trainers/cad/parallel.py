"""Data-parallel training: the processes that torchrun starts, one per GPU, and what each of them does.

Every process has the same cases and the same weights. `shared` (the default) cuts each step's batch into equal shares,
so that a training is the same whatever the number of processes, and takes the same steps. `linear` gives every process
a whole batch and takes as many steps at once as there are processes, at a learning rate that is multiplied by their
number after the warm-up; all in all the same patches are seen.

Source:
    Goyal et al., Accurate, large minibatch SGD, arXiv 1706.02677 (2017): linear scaling with warm-up.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed

from bohpo.errors import UsageError
from trainers.cad.settings import TrainingSettings

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of a training.

    Attributes:
        rank: Number of this process.
        size: Number of processes.
        device: Where this process computes.
        is_linear: Whether each process takes a whole batch; else its share of one.
    """

    rank: int
    size: int
    device: torch.device
    is_linear: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether there are no other processes."""
        return self.size == 1

    @property
    def leads(self) -> bool:
        """Whether this process reports and saves for all."""
        return self.rank == 0

    @property
    def steps_at_once(self) -> int:
        """Steps of a single process that all processes together take at once; the learning rate is so much higher."""
        return self.size if self.is_linear else 1

    @property
    def steps_aside(self) -> int:
        """Steps by which this process is ahead of the first."""
        return self.rank if self.is_linear else 0

    @property
    def shares(self) -> int:
        """Shares that a batch is cut into."""
        return 1 if self.is_linear else self.size

    def share(self, batch: int) -> slice:
        """Give this process's share of a batch."""
        return slice(0, batch) if self.is_linear else self.part(batch)

    def part(self, count: int) -> slice:
        """Give this process's part of `count` things."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def any(self, claim: bool) -> bool:
        """Tell whether a claim is true of any process."""
        if self.is_alone:
            return claim
        count = torch.tensor(float(claim))
        distributed.all_reduce(count)
        return bool(count > 0)

    def gather(self, own: Sequence[_T]) -> list[_T]:
        """Join what the processes have, in the order of their ranks."""
        if self.is_alone:
            return list(own)
        gathered: list[Any] = [None] * self.size
        distributed.all_gather_object(gathered, list(own))
        return [each for part in gathered for each in part]

    def tell(self, payload: _T) -> _T:
        """Give all processes what the leading one has."""
        if self.is_alone:
            return payload
        told = [payload]
        distributed.broadcast_object_list(told, src=0)
        return told[0]


@contextlib.contextmanager
def team(settings: TrainingSettings) -> Iterator[Team]:
    """Join the other processes, where torchrun has started some; leave them at the end.

    Raises:
        UsageError: If a batch has fewer patches than there are processes to share it.
    """
    is_linear = settings.scaling == "linear"
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size > settings.batch and not is_linear:
        remedy = 'write a greater batch, fewer gpus or nodes, or scaling = "linear"'
        raise UsageError(f"batch: {size} processes cannot share {settings.batch} patches; {remedy}")
    device = _device()
    if size == 1:
        yield Team(0, 1, device, is_linear)
        return
    # Figures and objects go by gloo, between CPUs, and do not wait for a GPU.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(distributed.get_rank(), size, device, is_linear)
    finally:
        distributed.destroy_process_group()


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device
