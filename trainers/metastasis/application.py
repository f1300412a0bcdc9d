"""The metastasis detector as the training loop takes it."""

from __future__ import annotations

import torch

from trainers.cad.case import Case
from trainers.cad.detection import Detection
from trainers.cad.layout import Layout
from trainers.cad.patches import Batch
from trainers.cad.phantoms.labels import find_label_maps
from trainers.cad.sources import Phantom, Phantoms
from trainers.metastasis.detector import MetastasisDetector
from trainers.metastasis.intensity import normalise
from trainers.metastasis.phantom import PHANTOM_VERSION, PRESETS, make_phantom
from trainers.metastasis.settings import Settings

FOLDER_SPACING_MM = 1.0


def _make(phantom: Phantom) -> Case:
    preset = PRESETS[phantom.preset]
    label_maps = find_label_maps(phantom.labels) if phantom.labels else ()
    made = make_phantom(preset, phantom.seed, phantom.index, label_maps)
    return Case(phantom.name, normalise(made.volume), preset.spacing, made.centres[:, ::-1], made.diameters)


class Metastasis(Detection[Settings, Batch]):
    """Brain metastases in contrast-enhanced T1-weighted MR."""

    settings = Settings
    phantoms = Phantoms(
        name="metastasis",
        version=PHANTOM_VERSION,
        spacings={name: preset.spacing for name, preset in PRESETS.items()},
        make=_make,
        takes_labels=True,
    )

    def layout(self, settings: Settings) -> Layout:
        """Say how a folder of T1-weighted volumes is read."""
        return Layout(spacing=settings.spacing_mm or FOLDER_SPACING_MM, normalise=normalise)

    def learner(self, settings: Settings, device: torch.device) -> MetastasisDetector:
        """Make the detector."""
        return MetastasisDetector(settings, device)
