"""Turns: of each campaign one driver is started at a time, and few of all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException

from bohpo.service.troubles import RETRY_S

MOST_BEGINNING = 16
"""Campaigns whose drivers begin at a time; each is a process that loads its packages."""


@dataclass(slots=True)
class _Turn:
    """Who starts a driver of a campaign, one after another.

    Attributes:
        lock: Held while one does.
        asking: How many do or wait. A lock that is free may be waited for: whoever waits has not run since.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: int = 0


class Turns:
    """Whose turn it is; lives on one event loop."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._turns: dict[str, _Turn] = {}

    def __len__(self) -> int:
        """Count the campaigns that somebody starts a driver of."""
        return len(self._turns)

    @contextlib.asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[None]:
        """Wait until nobody else starts a driver of this campaign.

        Raises:
            HTTPException: 503, if drivers of too many campaigns are beginning.
        """
        if name not in self._turns and len(self._turns) >= MOST_BEGINNING:
            raise HTTPException(503, f"{MOST_BEGINNING} drivers are beginning; ask again in {RETRY_S} s")
        turn = self._turns.setdefault(name, _Turn())
        turn.asking += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.asking -= 1
            if not turn.asking:
                del self._turns[name]
