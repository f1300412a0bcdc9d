"""What the aneurysm trainer's tests share: a cache of phantoms, a small configuration, and the real volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bohpo.trainer import Configuration

_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def phantom_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep phantoms out of the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOHPO_CACHE", str(folder))
        yield folder


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


@pytest.fixture
def real_data() -> Path:
    """The folder of real volumes beside the repository."""
    if not _DATA.is_dir():
        pytest.skip("there is no folder of real volumes beside the repository")
    return _DATA
