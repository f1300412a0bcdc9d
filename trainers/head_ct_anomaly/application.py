"""The autoencoder of head CT as the training loop takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from bohpo.errors import UsageError
from bohpo.trainer import Outcome
from trainers.cad.application import Application, Learner
from trainers.cad.case import Case, Split
from trainers.cad.layout import Layout
from trainers.cad.patches import Batch
from trainers.cad.sample_size import SampleSize, count_rarer_kind
from trainers.cad.sources import Phantom, Phantoms
from trainers.head_ct_anomaly.anomaly import AnomalyLearner, Examined
from trainers.head_ct_anomaly.attenuation import strip
from trainers.head_ct_anomaly.phantom import PHANTOM_VERSION, PRESETS, make_phantom
from trainers.head_ct_anomaly.reading import READING_VERSION, as_read, read_head
from trainers.head_ct_anomaly.scoring import THRESHOLD, best_threshold, quick_area, score
from trainers.head_ct_anomaly.settings import Settings

FOLDER_SPACING_MM = 1.6
MAPS_FOLDER = "anomaly_maps"


def _make(phantom: Phantom) -> Case:
    preset = PRESETS[phantom.preset]
    is_abnormal = phantom.split is not Split.TRAINING and phantom.index % 2 == 1
    made = make_phantom(preset, phantom.seed, phantom.index, is_abnormal=is_abnormal, labels=phantom.labels)
    return Case(
        name=phantom.name,
        volume=strip(made.hu, preset.spacing),
        spacing=preset.spacing,
        centres=made.centres[:, ::-1],
        diameters=made.diameters,
        label=is_abnormal,
    )


class HeadCtAnomaly(Application[Settings, Batch, Examined]):
    """Anomalies in emergency head CT."""

    settings = Settings
    phantoms = Phantoms(
        name="head_ct",
        version=PHANTOM_VERSION,
        spacings={name: preset.spacing for name, preset in PRESETS.items()},
        make=_make,
        takes_labels=True,
        counts={Split.TRAINING: 40, Split.VALIDATION: 64, Split.TEST: 48},
    )

    def layout(self, settings: Settings) -> Layout:
        """Say how a folder of head CT is read."""
        return Layout(
            spacing=settings.spacing_mm or FOLDER_SPACING_MM,
            read=read_head,
            normalise=as_read,
            version=READING_VERSION,
            is_labelled=True,
        )

    def learner(self, settings: Settings, device: torch.device) -> AnomalyLearner:
        """Make the autoencoder."""
        return AnomalyLearner(settings, device)

    def require(self, cases: Sequence[Case], split: Split) -> None:
        """Refuse abnormal cases to train on, and cases of one kind to score."""
        kinds = {case.is_abnormal for case in cases}
        if split is Split.TRAINING and True in kinds:
            abnormal = ", ".join(case.name for case in cases if case.is_abnormal)
            remedy = "train on normal cases only: change their split, or leave them out"
            raise UsageError(f"{abnormal}: training cases that are abnormal; {remedy}")
        needed = {False} if split is Split.TRAINING else {False, True}
        if kinds != needed:
            absent = " or ".join("abnormal" if kind else "normal" for kind in sorted(needed - kinds))
            raise UsageError(f"none of the {len(cases)} {split} cases is {absent}; add some, or change their split")

    def sample_size(self, cases: Sequence[Case]) -> SampleSize:
        """Count the abnormal or the normal cases, of whichever there are fewer patients."""
        return count_rarer_kind(cases)

    def early_score(self, settings: Settings, findings: Sequence[Examined]) -> float:
        """Give the area under the ROC curve of these cases."""
        return quick_area(findings)

    def choose(self, findings: Sequence[Examined]) -> dict[str, float]:
        """Choose the threshold above which a case is called abnormal."""
        return {THRESHOLD: best_threshold(findings)}

    def outcome(self, settings: Settings, findings: Sequence[Examined], chosen: Mapping[str, float]) -> Outcome:
        """Give the area under the ROC curve with its bootstrap, the curve, and what the chosen threshold is worth."""
        return score(findings, chosen.get(THRESHOLD))

    def illustrate(
        self, learner: Learner[Batch, Examined], cases: Sequence[Case], findings: Sequence[Examined], folder: Path
    ) -> None:
        """Write the anomaly maps of the first cases."""
        # SimpleITK, which writes them, takes long to import.
        from trainers.head_ct_anomaly.maps import write_maps

        assert isinstance(learner, AnomalyLearner)
        for case in cases[: learner.settings.maps]:
            write_maps(case, learner.anomaly_map(case), folder / MAPS_FOLDER)
