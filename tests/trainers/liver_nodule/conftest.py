"""What the liver nodule trainer's tests share."""

from __future__ import annotations

import pytest

from bohpo.trainer import Configuration


@pytest.fixture
def configuration() -> Configuration:
    """A training of about a second: few cases, few steps."""
    return {
        "learning_rate": 0.01,
        "weight_decay": 1e-4,
        "beta1": 0.9,
        "batch": 2,
        "patch_edge": 16,
        "positive_ratio": 0.5,
        "focal_gamma": 2.0,
        "focal_alpha": 0.5,
        "dropout": 0.1,
        "augmentation": 0.5,
        "phase_kernel": 3,
        "phase_shift": 1.0,
        "width": 2,
        "iterations": 8,
        "training_cases": 3,
        "validation_cases": 4,
        "test_cases": 4,
    }
