"""What an optimizer keeps between proposals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bohpo.optimizer.surrogate import Surrogate


@dataclass(slots=True)
class FitCache:
    """The last fit, kept between proposals; it changes how long they take and nothing else.

    Attributes:
        key: All that the fit follows from.
        surrogate: The fit, or None before the first.
    """

    key: bytes = b""
    surrogate: Surrogate | None = None
