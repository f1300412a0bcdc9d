"""What an application is to the training loop; the loop knows nothing else of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic, Protocol, Self, TypeVar

import torch
from numpy.random import Generator
from torch import Tensor, nn

from bohpo.trainer import Outcome
from trainers.cad.case import Case, Split
from trainers.cad.layout import Layout
from trainers.cad.sample_size import SampleSize, count_lesions
from trainers.cad.settings import TrainingSettings
from trainers.cad.sources import Phantoms, iter_cases

S = TypeVar("S", bound=TrainingSettings)
B = TypeVar("B", bound="PatchBatch")
F = TypeVar("F")
_B_co = TypeVar("_B_co", covariant=True)
_F_co = TypeVar("_F_co", covariant=True)


class PatchBatch(Protocol):
    """Patches and what the loss has to know of them; `patches.Batch` is one."""

    def __len__(self) -> int:
        """Count the patches."""
        ...

    def part(self, patches: slice) -> Self:
        """Give some of the patches."""
        ...

    def to(self, device: torch.device) -> Self:
        """Move the patches to where the network is."""
        ...

    def pinned(self) -> Self:
        """Put the patches where a GPU fetches them from without waiting."""
        ...


class PatchSource(Protocol[_B_co]):
    """What draws the batches of steps; `patches.PatchSampler` is one. Several threads call it at a time."""

    def draw(self, rng: Generator, share: slice) -> _B_co:
        """Draw a step's batch and give a share of it.

        Args:
            rng: Source of all chance; the same state gives the same batch, whichever share is asked for.
            share: Which patches to give.
        """
        ...


class Learner(Protocol[B, _F_co]):
    """A network, how it is trained, and what it makes of a case.

    Attributes:
        network: The network; its weights are drawn from torch's generator.
    """

    network: nn.Module

    def optimizer(self) -> torch.optim.Optimizer:
        """Make the optimizer of the network's parameters; the loop sets its learning rate before each step."""
        ...

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSource[B]:
        """Make what draws patches from the training cases."""
        ...

    def loss(self, batch: B) -> Tensor:
        """Give the mean loss () over the patches of a batch, which is where the network is."""
        ...

    def examine(self, case: Case) -> _F_co:
        """Give what the network, in evaluation mode, finds in a case; small, as all cases' are kept and gathered."""
        ...


class Application(ABC, Generic[S, B, F]):
    """An application: S are its settings, B its batches, F what it finds in a case.

    Attributes:
        settings: Class of its settings.
        phantoms: Its phantoms.
    """

    settings: type[S]
    phantoms: ClassVar[Phantoms]

    @abstractmethod
    def layout(self, settings: S) -> Layout:
        """Say what a folder of real cases looks like."""

    @abstractmethod
    def learner(self, settings: S, device: torch.device) -> Learner[B, F]:
        """Make an untrained learner on a device."""

    @abstractmethod
    def require(self, cases: Sequence[Case], split: Split) -> None:
        """Refuse cases that nothing can be learned from, or that cannot be scored.

        Raises:
            UsageError: Names the split and what it lacks.
        """

    def sample_size(self, cases: Sequence[Case]) -> SampleSize:
        """Count what a score of these cases rests on; by default the lesions."""
        return count_lesions(cases)

    @abstractmethod
    def early_score(self, settings: S, findings: Sequence[F]) -> float:
        """Score the first few validation cases: quick, noisy, and not the outcome. Must not fail."""

    def choose(self, findings: Sequence[F]) -> dict[str, float]:
        """Choose on the validation cases what is then applied to test cases, too, by name; by default nothing."""
        return {}

    @abstractmethod
    def outcome(self, settings: S, findings: Sequence[F], chosen: Mapping[str, float]) -> Outcome:
        """Score all cases of a split.

        Args:
            settings: The training's.
            findings: What was found in each case.
            chosen: What `choose` gave; empty where a model comes without.
        """

    def illustrate(self, learner: Learner[B, F], cases: Sequence[Case], findings: Sequence[F], folder: Path) -> None:
        """Write pictures or maps of evaluated cases into the attempt's folder; by default none."""

    def cases(self, settings: S, split: Split) -> Iterator[Case]:
        """Give the cases of one split, and read no other's.

        Raises:
            UsageError: If `data` makes no sense, or the split is empty.
            DataError: If cases of a folder are broken; all of them are named.
        """
        return iter_cases(settings, split, self.phantoms, self.layout(settings))
