"""Liver nodules as an application of the shared training loop."""

from __future__ import annotations

import torch

from trainers.cad.case import Case
from trainers.cad.detection import Detection
from trainers.cad.layout import Layout
from trainers.cad.patches import Batch
from trainers.cad.sources import Phantom, Phantoms
from trainers.liver_nodule.detector import NoduleDetector
from trainers.liver_nodule.examination import normalise, read_examination
from trainers.liver_nodule.phantom import PHANTOM_VERSION, PRESETS, make_phantom
from trainers.liver_nodule.settings import Settings

FOLDER_SPACING_MM = 1.5


def phantom_case(phantom: Phantom) -> Case:
    """Give a phantom as a case."""
    preset = PRESETS[phantom.preset]
    made = make_phantom(preset, phantom.seed, phantom.index)
    return Case(
        name=phantom.name,
        volume=normalise(made.volume),
        spacing=preset.grid.spacing,
        centres=made.centres[:, ::-1],
        diameters=made.diameters,
        excluded=made.excluded[:, ::-1],
        excluded_diameters=made.excluded_diameters,
    )


class LiverNodule(Detection[Settings, Batch]):
    """Detection of liver nodules in EOB-MRI."""

    settings = Settings
    phantoms = Phantoms(
        name="liver_nodule",
        version=PHANTOM_VERSION,
        spacings={name: preset.grid.spacing for name, preset in PRESETS.items()},
        make=phantom_case,
    )

    def layout(self, settings: Settings) -> Layout:
        """Say what a folder of real examinations looks like: see README.md."""
        return Layout(spacing=settings.spacing_mm or FOLDER_SPACING_MM, read=read_examination, normalise=normalise)

    def learner(self, settings: Settings, device: torch.device) -> NoduleDetector:
        """Make an untrained detector."""
        return NoduleDetector(settings, device)
