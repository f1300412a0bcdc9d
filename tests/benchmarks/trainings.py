"""The trainings that `tests.benchmarks.training` times: `python -m tests.benchmarks.trainings NAME TASK FOLDER`."""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from bohpo.trainer import Context
from trainers.aneurysm.application import Aneurysm
from trainers.aneurysm.networks import UNet3D
from trainers.aneurysm.settings import Settings
from trainers.cad.ahead import drawn_ahead
from trainers.cad.case import Case, Split, by_name
from trainers.cad.loop import draw, drawing_threads
from trainers.cad.parallel import team
from trainers.cad.run import Run

BOHPO, MONAI = "bohpo", "MONAI"
WARM_UP_STEPS = 5
_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
LEARNING_RATE, MOMENTUM, POSITIVE_WEIGHT, WIDTH = 0.01, 0.9, 10.0, 8
SAMPLES_PER_CASE = 4
"""Patches that MONAI's pipeline crops from a case when it takes it up, as its tutorials have it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is trained.

    Attributes:
        preset: Phantoms of the aneurysm trainer.
        edge: Edge of a patch, voxels.
        batch: Patches of a step.
        cases: Training cases.
        steps: Steps that are timed.
        threads: CPU threads.
        elastic: Strength of smooth deformations.
    """

    preset: str
    edge: int
    batch: int
    cases: int
    steps: int
    threads: int
    elastic: float = 0.0

    def settings(self) -> Settings:
        """Give the same to the aneurysm trainer."""
        return Settings(
            learning_rate=LEARNING_RATE,
            weight_decay=0.0,
            batch=self.batch,
            patch_edge=self.edge,
            augmentation=0.5,
            elastic=self.elastic,
            positive_ratio=0.5,
            positive_weight=POSITIVE_WEIGHT,
            dropout=0.1,
            momentum=MOMENTUM,
            width=WIDTH,
            data=f"phantom:{self.preset}",
            iterations=WARM_UP_STEPS + self.steps,
            megavoxels=1e9,
            training_cases=self.cases,
        )


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a training came to.

    Attributes:
        patches_per_s: Patches that were trained on per second.
        patches_per_cpu_s: The same per second of CPU time, that of children included where they have ended.
        peak_mib: Most memory of the process and the largest of its children, MiB.
        peak_gpu_mib: Most memory on the GPU, or 0.
        device: What it was trained on.
    """

    patches_per_s: float
    patches_per_cpu_s: float
    peak_mib: float
    peak_gpu_mib: float
    device: str


def train_by_bohpo(task: Task, folder: Path) -> Generator[None]:
    """Train by our loop, step by step."""
    settings, application = task.settings(), Aneurysm()
    cases = by_name(application.cases(settings, Split.TRAINING))
    with team(settings) as processes:
        run = Run(application.learner(settings, processes.device), settings, processes)
        source = run.learner.patches(cases, np.random.default_rng(0))
        drawing = partial(draw, source, task.batch, 0, processes)
        threads = drawing_threads(Context.in_directory(folder, threads=task.threads), processes.device)
        for drawn in drawn_ahead(drawing, range(settings.steps), threads):
            run.take_step(drawn)
            yield


def train_by_monai(task: Task, folder: Path) -> Generator[None]:
    """Train by MONAI's standard pipeline, step by step."""
    from monai.data import CacheDataset, DataLoader

    cases = by_name(Aneurysm().cases(task.settings(), Split.TRAINING))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = CacheDataset([_files(case, folder) for case in cases], _monai_transforms(task), progress=False)
    workers = 0 if task.threads == 1 else task.threads
    loader = DataLoader(
        dataset,
        batch_size=max(1, task.batch // SAMPLES_PER_CASE),
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    network = UNet3D(WIDTH, dropout=0.1).to(device)
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, MOMENTUM, nesterov=True)
    weight = torch.tensor(POSITIVE_WEIGHT, device=device)
    while True:
        for batch in loader:
            images, labels = batch["image"].to(device), batch["label"].to(device)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(images)
            targets = functional.max_pool3d(labels, 2)
            loss = functional.binary_cross_entropy_with_logits(logits.float(), targets, pos_weight=weight)
            loss.backward()
            optimizer.step()
            yield


def _monai_transforms(task: Task) -> Any:
    from monai import transforms

    both, size = ["image", "label"], 3 * [task.edge]
    crop = transforms.RandCropByPosNegLabeld(both, "label", size, pos=1, neg=1, num_samples=SAMPLES_PER_CASE)
    turn = transforms.RandAffined(
        both,
        prob=1.0,
        rotate_range=3 * [0.4],
        scale_range=3 * [0.1],
        mode=["bilinear", "nearest"],
        padding_mode="border",
    )
    bend = transforms.Rand3DElasticd(
        both,
        sigma_range=(4, 6),
        magnitude_range=(20, 60),
        prob=1.0,
        mode=["bilinear", "nearest"],
        padding_mode="border",
    )
    return transforms.Compose(
        [
            transforms.LoadImaged(both, image_only=True, ensure_channel_first=True),
            transforms.ScaleIntensityRangePercentilesd("image", 50, 99.8, 0, 1),
            crop,
            turn,
            *([bend] if task.elastic else []),
            *(transforms.RandFlipd(both, prob=0.25, spatial_axis=axis) for axis in range(3)),
            transforms.RandScaleIntensityd("image", factors=0.1, prob=1.0),
            transforms.RandShiftIntensityd("image", offsets=0.05, prob=1.0),
            transforms.RandGaussianNoised("image", prob=1.0, std=0.05),
            transforms.ToTensord(both, track_meta=False),
        ]
    )


def _files(case: Case, folder: Path) -> dict[str, str]:
    """Write a case as the image and the label map that MONAI's pipeline reads."""
    import SimpleITK as sitk  # noqa: N813 - its usual name

    label = np.zeros(case.shape, np.uint8)
    for centre, diameter in zip(case.to_voxels(case.centres), case.diameters, strict=True):
        distance = np.linalg.norm(np.moveaxis(np.indices(case.shape), 0, -1) - centre, axis=-1)
        label[distance <= diameter / case.spacing / 2] = 1
    paths = {"image": folder / f"{case.name}.nii.gz", "label": folder / f"{case.name}-label.nii.gz"}
    if not paths["label"].exists():
        sitk.WriteImage(sitk.GetImageFromArray(np.asarray(case.volume)), str(paths["image"]))
        sitk.WriteImage(sitk.GetImageFromArray(label), str(paths["label"]))
    return {key: str(path) for key, path in paths.items()}


def measure(name: str, task: Task, folder: Path) -> Throughput:
    """Time the steps of a training after its first few."""
    torch.set_num_threads(task.threads)
    steps = {BOHPO: train_by_bohpo, MONAI: train_by_monai}[name](task, folder)
    for _ in range(WARM_UP_STEPS):
        next(steps)
    _finish()
    started, cpu_started = time.monotonic(), _cpu_seconds()
    for _ in range(task.steps):
        next(steps)
    _finish()
    seconds, cpu_seconds = time.monotonic() - started, _cpu_seconds() - cpu_started
    steps.close()
    peaks = (resource.getrusage(who).ru_maxrss for who in _WHO)
    on_gpu = torch.cuda.is_available()
    return Throughput(
        patches_per_s=task.steps * task.batch / seconds,
        patches_per_cpu_s=task.steps * task.batch / cpu_seconds,
        peak_mib=sum(peaks) / 1024,
        peak_gpu_mib=torch.cuda.max_memory_allocated() / 2**20 if on_gpu else 0.0,
        device=torch.cuda.get_device_name() if on_gpu else "CPU",
    )


def _cpu_seconds() -> float:
    return sum(time_of.ru_utime + time_of.ru_stime for time_of in map(resource.getrusage, _WHO))


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = measure(sys.argv[1], Task(**json.loads(sys.argv[2])), Path(sys.argv[3]))
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write(json.dumps(dataclasses.asdict(found)) + "\n")
