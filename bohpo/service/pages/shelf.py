"""Pieces of pages, filled once for each revision, however many look."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from bohpo.service.rendered import Rendered

MOST_KEPT = 500


@dataclass(slots=True)
class _Slot:
    """One piece."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rendered: Rendered | None = None


class Shelf:
    """Keeps pieces; safe to share between threads."""

    def __init__(self) -> None:
        """Begin with nothing kept."""
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def piece(self, key: Hashable, moment: tuple[object, ...], fill: Callable[[], str]) -> Rendered:
        """Give a piece as it is at a moment; of many who ask at a time, one fills it.

        Args:
            key: Which piece.
            moment: What it is made of: a revision and the like.
            fill: Makes it.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > MOST_KEPT:
                self._slots.popitem(last=False)
        with slot.lock:
            if slot.rendered is None or slot.rendered.moment != moment:
                slot.rendered = Rendered.of(fill(), moment)
            return slot.rendered
