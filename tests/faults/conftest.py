"""What every test of real faults does at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.campaigns import end_drivers


@pytest.fixture(autouse=True)
def _no_driver_left() -> Iterator[None]:
    """End the drivers that a test leaves when it fails."""
    yield
    end_drivers()
