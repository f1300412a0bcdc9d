"""The smallest application there is, to test the loop with: bright balls in noise, and a network of two layers.

`python -m tests.trainers.cad.balls DIRECTORY CONFIGURATION` trains it, under torchrun too; a checkpoint is saved after
every step that takes a tenth of a second or more.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from bohpo.evaluation import Case as MarkedCase
from bohpo.trainer import Configuration, Context, Outcome, Stopped
from trainers.cad import loop
from trainers.cad.candidates import local_maxima
from trainers.cad.case import Case
from trainers.cad.detection import Detection
from trainers.cad.layout import Layout
from trainers.cad.marks import mark
from trainers.cad.patches import Batch, PatchSampler, Sampling
from trainers.cad.settings import TrainingSettings, Within
from trainers.cad.sources import Phantom, Phantoms
from trainers.cad.tiles import Tiling, slide

CONFIGURATION: Configuration = {
    "learning_rate": 0.05,
    "weight_decay": 1e-4,
    "batch": 6,
    "patch_edge": 8,
    "augmentation": 0.5,
    "elastic": 0.5,
    "iterations": 24,
    "training_cases": 4,
    "validation_cases": 6,
    "test_cases": 6,
}

TILING = Tiling(tile=32, halo=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrainingSettings):
    """The settings that all applications have, and few more.

    Attributes:
        dropout: Probability that a feature map is dropped.
        has_batch_norm: Whether batches are normalised.
        pause_s: Seconds that each step is made longer by.
        limit: False positives per case up to which the curve is integrated.
    """

    subject: ClassVar[str] = "ball"

    dropout: Annotated[float, Within(0.0, 0.9)] = 0.0
    has_batch_norm: bool = False
    pause_s: Annotated[float, Within(0.0, 1.0)] = 0.0
    limit: Annotated[float, Within(0.1, 10.0)] = 3.0


def make_ball(phantom: Phantom) -> Case:
    """Make a volume of noise with a ball somewhere."""
    rng = np.random.default_rng((phantom.seed, phantom.index))
    centre = rng.uniform(4, 12, size=3)
    distance = np.linalg.norm(np.moveaxis(np.indices((16, 16, 16)), 0, -1) - centre, axis=-1)
    volume = (distance < 3) + 0.5 * rng.normal(size=distance.shape)
    return Case(phantom.name, volume.astype(np.float32), 1.0, centre[None, ::-1], np.array([6.0]))


class Learner:
    """Finds balls."""

    network: nn.Module

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make a network of two convolutions."""
        norm: nn.Module = nn.BatchNorm3d(4) if settings.has_batch_norm else nn.Identity()
        layers = (nn.Conv3d(1, 4, 3, padding=1), norm, nn.ReLU(), nn.Dropout3d(settings.dropout))
        self.network = nn.Sequential(nn.Sequential(*layers), nn.Conv3d(4, 1, 3, padding=1)).to(device)
        self._settings = settings
        self._device = device

    def optimizer(self) -> torch.optim.Optimizer:
        """Take SGD with momentum, which keeps a state."""
        rate, decay = self._settings.learning_rate, self._settings.weight_decay
        return torch.optim.SGD(self.network.parameters(), lr=rate, momentum=0.9, weight_decay=decay)

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSampler:
        """Draw half of the patches at balls."""
        settings = self._settings
        sampling = Sampling.of(settings, positive_ratio=0.5)
        return PatchSampler(cases, [rng.uniform(0, 16, size=(20, 3)) for _ in cases], sampling)

    def loss(self, batch: Batch) -> Tensor:
        """Give the cross-entropy of the voxels."""
        time.sleep(self._settings.pause_s)
        return functional.binary_cross_entropy_with_logits(self.network(batch.images).float(), batch.occupancy(1))

    def examine(self, case: Case) -> MarkedCase:
        """Mark the maxima of the logits."""
        [heat] = slide(self.network, case.volume[None], TILING, self._device)
        return mark(case, local_maxima(heat, radius=2, count=10))


class Balls(Detection[Settings, Batch]):
    """Balls in noise."""

    settings = Settings
    phantoms = Phantoms(name="balls", version=1, spacings={"tiny": 1.0}, make=make_ball)

    def layout(self, settings: Settings) -> Layout:
        """Read folders at their usual spacing."""
        return Layout(spacing=settings.spacing_mm or 1.0)

    def learner(self, settings: Settings, device: torch.device) -> Learner:
        """Make an untrained learner."""
        return Learner(settings, device)


def train(config: Configuration, context: Context) -> Outcome:
    """Train on balls."""
    return loop.train(Balls(), config, context)


def weights_in(directory: Path) -> dict[str, Tensor]:
    """Read the weights that a training left."""
    weights: dict[str, Tensor] = torch.load(directory / "model" / loop.WEIGHTS_FILE, weights_only=True)
    return weights


def main() -> int:
    """Train with the configuration of the second argument in the folder of the first."""
    loop.CHECKPOINT_SECONDS = 0.1
    context = Context.in_directory(Path(sys.argv[1]), seed=5)
    context.listen_for_stop()
    try:
        train(json.loads(sys.argv[2]), context)
    except Stopped:
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main())
