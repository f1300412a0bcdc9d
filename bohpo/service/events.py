"""Live: server-sent events that say which campaign has a new revision, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping

MOST_LISTENERS = 500
MOST_OF_TOKEN = 200
"""Streams that one token may keep open; others can always listen, too."""

QUIET_S = 15.0
"""A line is sent at least so often, or proxies close the connection."""

CHECK_S = 3.0
"""So often it is asked whether a listener may go on, however much there is to tell: tokens are revoked, and expire."""


class Listener:
    """One browser; what it has not been told yet is at most one revision of each campaign."""

    def __init__(self, names: frozenset[str], who: str) -> None:
        """Listen for campaigns; an empty name stands for the list of all of them."""
        self.names = names
        self.who = who
        self.pending: dict[str, int] = {}
        self.woken = asyncio.Event()

    def tell(self, revisions: Mapping[str, int]) -> None:
        """Note new revisions."""
        heard = {name: revision for name, revision in revisions.items() if name in self.names}
        if heard:
            self.pending |= heard
            self.woken.set()


class Ticks:
    """Tells all listeners of new revisions; lives on one event loop."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self._listeners: set[Listener] = set()
        self._is_over = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def is_full(self, who: str) -> bool:
        """Whether nobody else can listen, or no more with this token."""
        of_token = sum(listener.who == who for listener in self._listeners)
        return len(self._listeners) >= MOST_LISTENERS or of_token >= MOST_OF_TOKEN

    def publish(self, revisions: Mapping[str, int]) -> None:
        """Tell of new revisions by campaign; of any of them, who listens to the list."""
        if revisions:
            told = {**revisions, "": max(revisions.values())}
            for listener in self._listeners:
                listener.tell(told)

    def end(self) -> None:
        """Have all streams end, so that the service can."""
        self._is_over = True
        for listener in self._listeners:
            listener.woken.set()

    async def stream(self, now: Mapping[str, int], is_welcome: Callable[[], bool], who: str = "") -> AsyncIterator[str]:
        """Give a listener's events as they are sent.

        Args:
            now: Campaigns to listen for, with their present revisions, which are told at once.
            is_welcome: Whether the listener may go on; asked every `CHECK_S` seconds.
            who: Id of the listener's token.
        """
        listener = Listener(frozenset(now), who)
        self._listeners.add(listener)
        checked = told = time.monotonic()
        try:
            yield "retry: 3000\n\n" + _ticks(now)
            while not self._is_over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.woken.wait(), max(0.0, checked + CHECK_S - time.monotonic()))
                if time.monotonic() >= checked + CHECK_S:
                    if not await asyncio.to_thread(is_welcome):
                        return
                    checked = time.monotonic()
                listener.woken.clear()
                pending, listener.pending = listener.pending, {}
                if pending or time.monotonic() >= told + QUIET_S:
                    yield _ticks(pending) or ": still here\n\n"
                    told = time.monotonic()
        finally:
            self._listeners.discard(listener)


def _ticks(revisions: Mapping[str, int]) -> str:
    return "".join(
        f"event: tick\ndata: {json.dumps({'campaign': name, 'revision': revision})}\n\n"
        for name, revision in revisions.items()
    )
