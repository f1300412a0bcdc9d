"""A training under way: one step after the other, and its state in bytes."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from bohpo.errors import AttemptError
from trainers.cad.application import B, F, Learner
from trainers.cad.memory import recompute_activations
from trainers.cad.parallel import Team
from trainers.cad.settings import TrainingSettings

WARM_UP = 0.05
"""Share of the steps over which the learning rate rises to its peak; a cosine then takes it to 0."""

GPU_LOOKS_EVERY = 5
"""Steps between two looks at a GPU's losses: each look waits for the GPU."""


@dataclass(frozen=True, slots=True)
class Drawn(Generic[B]):
    """This process's patches of a step.

    Attributes:
        patches: The patches.
        weight: What their mean loss weighs in the mean over the processes.
        seed: Seed of what the network itself leaves to chance.
    """

    patches: B
    weight: float
    seed: int


class Run(Generic[B, F]):
    """A training under way.

    Attributes:
        learner: What is trained.
        step: Steps done.
        seconds: Time spent on them, earlier attempts included.
    """

    def __init__(self, learner: Learner[B, F], settings: TrainingSettings, team: Team) -> None:
        """Start at step 0; all processes of a team start with the same weights."""
        self.learner = learner
        self.step = 0
        self.seconds = 0.0
        self._settings = settings
        self._team = team
        is_half = computing_type(settings, team.device) is torch.float16
        self._scaler = torch.amp.GradScaler(team.device.type, enabled=is_half)
        if settings.checkpointing:
            recompute_activations(learner.network)
        if settings.compile:
            learner.network.compile()
        self._loss = _replicated(_Loss(learner), team)
        self._optimizer = learner.optimizer()
        self._unseen: list[Tensor] = []

    def take_step(self, drawn: Drawn[B]) -> None:
        """Train on a batch.

        Raises:
            AttemptError: If the training diverged; on a GPU some steps later.
        """
        started = time.monotonic()
        torch.manual_seed(drawn.seed)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._settings, self.step) * self._team.steps_at_once
        self.learner.network.train()
        self._optimizer.zero_grad()
        self._unseen.append(self._backward(drawn))
        if len(self._unseen) == GPU_LOOKS_EVERY or self._team.device.type == "cpu":
            self._look()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.step = min(self._settings.steps, self.step + self._team.steps_at_once)
        self.seconds += time.monotonic() - started

    def to_bytes(self) -> bytes:
        """Give the state after `step` steps.

        Raises:
            AttemptError: If the training diverged; such a state is not worth going on with.
        """
        self._look()
        stream = io.BytesIO()
        state = {
            "network": self.learner.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "seconds": self.seconds,
        }
        torch.save(state, stream)
        return stream.getvalue()

    def restore(self, step: int, payload: bytes) -> None:
        """Go back to a state; another number of processes may have saved it."""
        state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location=self._team.device, weights_only=True)
        self.learner.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self.step, self.seconds = step, state["seconds"]

    def _backward(self, drawn: Drawn[B]) -> Tensor:
        """Add up the gradients of the batch's parts; give the sum of their losses."""
        parts, total = list(_parts(drawn.patches, self._settings.accumulate)), torch.zeros((), device=self._team.device)
        for number, part in enumerate(parts, 1):
            with self._joining_gradients(is_last=number == len(parts)):
                with mixed_precision(self._settings, self._team.device):
                    loss: Tensor = self._loss(part.to(self._team.device))
                weight = drawn.weight * len(part) / len(drawn.patches)
                self._scaler.scale(loss if weight == 1 else loss * weight).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _joining_gradients(self, *, is_last: bool) -> contextlib.AbstractContextManager[None]:
        """Let the processes join their gradients with a batch's last part only."""
        if is_last or not isinstance(self._loss, DistributedDataParallel):
            return contextlib.nullcontext()
        return self._loss.no_sync()

    def _look(self) -> None:
        """Look at the losses since the last look, and fail where one is not finite."""
        for loss in self._unseen:
            if not math.isfinite(loss.item()):
                raise AttemptError(f"the training diverged: the loss of step {self.step} is {loss.item()}")
        self._unseen.clear()


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Give the learning rate of a step, 0 to `settings.steps` - 1."""
    warm_up = max(1.0, WARM_UP * settings.steps)
    rise = min(1.0, (step + 1) / warm_up)
    return settings.learning_rate * rise * (1 + math.cos(math.pi * step / settings.steps)) / 2


def computing_type(settings: TrainingSettings, device: torch.device) -> torch.dtype:
    """Give what a device computes in."""
    if device.type == "cpu" or settings.precision == "float32":
        return torch.float32
    is_half = settings.precision == "float16" or (settings.precision == "auto" and not torch.cuda.is_bf16_supported())
    return torch.float16 if is_half else torch.bfloat16


def mixed_precision(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """Let convolutions on a GPU compute in what the settings say."""
    dtype = computing_type(settings, device)
    return torch.autocast("cuda", dtype, enabled=dtype is not torch.float32)


def weights_to_bytes(network: nn.Module) -> bytes:
    """Give a network's weights, as `torch.load` takes them."""
    stream = io.BytesIO()
    torch.save(network.state_dict(), stream)
    return stream.getvalue()


def weights_from_bytes(payload: bytes, device: torch.device) -> dict[str, Tensor]:
    """Give back what `weights_to_bytes` was given; nothing in it is executed."""
    weights: dict[str, Tensor] = torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
    return weights


class _Loss(nn.Module, Generic[B, F]):
    """A learner's loss as a module, which is what DDP takes."""

    def __init__(self, learner: Learner[B, F]) -> None:
        super().__init__()
        self.network = learner.network
        self._of = learner.loss

    def forward(self, batch: B) -> Tensor:
        return self._of(batch)


def _replicated(loss: nn.Module, team: Team) -> nn.Module:
    if team.is_alone:
        return loss
    if team.device.type == "cuda":
        loss = nn.SyncBatchNorm.convert_sync_batchnorm(loss)  # type: ignore[no-untyped-call]
    return DistributedDataParallel(loss)


def _parts(patches: B, count: int) -> Iterator[B]:
    """Cut a batch into parts of about the same size."""
    if count == 1:
        yield patches
        return
    edges = [len(patches) * number // count for number in range(count + 1)]
    for first, last in pairwise(edges):
        if first < last:
            yield patches.part(slice(first, last))
