"""The aneurysm detectors as the training loop takes them."""

from __future__ import annotations

import torch

from trainers.aneurysm.detectors import Detector, make_detector
from trainers.aneurysm.phantom import PHANTOM_VERSION, PRESETS, make_phantom
from trainers.aneurysm.settings import Settings
from trainers.cad.case import Case, normalise
from trainers.cad.detection import Detection
from trainers.cad.layout import Layout
from trainers.cad.patches import Batch
from trainers.cad.sources import Phantom, Phantoms

FOLDER_SPACING_MM = 0.6


def _make(phantom: Phantom) -> Case:
    preset = PRESETS[phantom.preset]
    made = make_phantom(preset, phantom.seed, phantom.index)
    return Case(phantom.name, normalise(made.volume), preset.spacing, made.centres[:, ::-1], made.diameters)


class Aneurysm(Detection[Settings, Batch]):
    """Saccular aneurysms in TOF-MRA."""

    settings = Settings
    phantoms = Phantoms(
        name="aneurysm",
        version=PHANTOM_VERSION,
        spacings={name: preset.spacing for name, preset in PRESETS.items()},
        make=_make,
    )

    def layout(self, settings: Settings) -> Layout:
        """Say how a folder of TOF-MRA volumes is read."""
        return Layout(spacing=settings.spacing_mm or FOLDER_SPACING_MM)

    def learner(self, settings: Settings, device: torch.device) -> Detector:
        """Make the detector that the settings name."""
        return make_detector(settings, device)
