"""What the trainers' tests share: a cache of phantoms, and the real volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def phantom_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep phantoms out of the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOHPO_CACHE", str(folder))
        yield folder


@pytest.fixture
def real_data() -> Path:
    """The folder of real volumes beside the repository."""
    if not _DATA.is_dir():
        pytest.skip("there is no folder of real volumes beside the repository")
    return _DATA
