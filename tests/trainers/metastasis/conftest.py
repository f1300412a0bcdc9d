"""What the metastasis trainer's tests share."""

from __future__ import annotations

import pytest

from bohpo.trainer import Configuration
from trainers.metastasis.phantom import PRESETS, Phantom, make_phantom


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """A tiny phantom; not to be changed."""
    return make_phantom(PRESETS["tiny"], 0, 1)


@pytest.fixture
def configuration() -> Configuration:
    """A training of about a second: a small network, few cases, few steps."""
    return {
        "learning_rate": 0.01,
        "weight_decay": 1e-4,
        "batch": 4,
        "patch_edge": 16,
        "positive_ratio": 0.5,
        "positive_weight": 10.0,
        "dropout": 0.1,
        "augmentation": 0.5,
        "optimizer": "adamw",
        "levels": 3,
        "base_width": 4,
        "convolutions": 1,
        "kernel": 3,
        "width_growth": 1.5,
        "normalisation": "batch",
        "activation": "relu",
        "residual": True,
        "iterations": 8,
        "training_cases": 3,
        "validation_cases": 3,
        "test_cases": 3,
    }
