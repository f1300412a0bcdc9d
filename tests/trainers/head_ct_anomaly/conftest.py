"""What the tests of the head CT trainer share: a small configuration, and a few phantoms."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from bohpo.trainer import Configuration
from trainers.cad.case import Case
from trainers.head_ct_anomaly.attenuation import strip
from trainers.head_ct_anomaly.phantom import PRESETS, Phantom, make_phantom

PhantomMaker = Callable[[int, bool], Phantom]
"""Gives the tiny phantom of this number, normal or abnormal; made once a session."""


@lru_cache
def _phantom(index: int, is_abnormal: bool) -> Phantom:
    return make_phantom(PRESETS["tiny"], 0, index, is_abnormal=is_abnormal)


@pytest.fixture(scope="session")
def phantom() -> PhantomMaker:
    """What makes the phantoms."""
    return _phantom


@pytest.fixture(scope="session")
def case() -> Case:
    """An abnormal case."""
    made, spacing = _phantom(3, True), PRESETS["tiny"].spacing
    return Case("head-3", strip(made.hu, spacing), spacing, made.centres[:, ::-1], made.diameters, label=True)


@pytest.fixture
def configuration() -> Configuration:
    """A training of a few seconds: few cases, few steps."""
    return {
        "learning_rate": 0.003,
        "weight_decay": 1e-5,
        "batch": 4,
        "patch_edge": 16,
        "levels": 2,
        "width": 4,
        "latent": 4,
        "dropout": 0.1,
        "corruption_hu": 5.0,
        "augmentation": 0.3,
        "window_hu": 100.0,
        "iterations": 8,
        "training_cases": 2,
        "validation_cases": 4,
        "test_cases": 4,
        "maps": 1,
    }
