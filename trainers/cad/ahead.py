"""Batches drawn in threads, a few steps ahead of the training."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_B = TypeVar("_B")


def drawn_ahead(draw: Callable[[int], _B], steps: range, threads: int) -> Generator[_B]:
    """Draw the batches of these steps in order, each in a thread; nothing runs on when the iterator is closed.

    What is drawn is a function of the step alone, so how far ahead the threads are never shows.

    Args:
        draw: Gives the batch of a step.
        steps: Which steps.
        threads: How many threads, each at most two steps ahead; 0 draws when asked to.
    """
    if threads == 0:
        yield from map(draw, steps)
        return
    pool, coming = ThreadPoolExecutor(threads, "draw"), iter(steps)
    try:
        waiting: deque[Future[_B]] = deque(pool.submit(draw, step) for step in islice(coming, 2 * threads))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(draw, step) for step in islice(coming, 1))
    finally:
        pool.shutdown(cancel_futures=True)
