"""What the aneurysm trainer's tests share: a small configuration."""

from __future__ import annotations

import pytest

from bohpo.trainer import Configuration


@pytest.fixture
def configuration() -> Configuration:
    """A training of about a second: few cases, few steps."""
    return {
        "learning_rate": 0.01,
        "weight_decay": 1e-4,
        "batch": 4,
        "patch_edge": 16,
        "positive_ratio": 0.5,
        "positive_weight": 10.0,
        "dropout": 0.1,
        "augmentation": 0.5,
        "momentum": 0.9,
        "iterations": 12,
        "training_cases": 3,
        "validation_cases": 4,
        "test_cases": 4,
    }
