"""Python's search for garbage that refers to itself: set off by the number of values, none of which is any here."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Have no search while many values are made, and none of them looked through from then on.

    Of 20,000 trials the search takes as long as reading them; later it would go through all of them every now and then,
    and nobody got an answer for 0.2 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
