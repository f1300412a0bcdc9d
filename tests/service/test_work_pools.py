"""Work in threads of its own: bounded, shared by those who ask the same, and waited for by nobody who leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException

from bohpo.service.daemon_threads import DaemonThreads
from bohpo.service.work_pools import WorkPool


class Slow:
    """Work that goes on until it may end, and counts how often it was begun."""

    def __init__(self) -> None:
        """Begin nothing yet."""
        self.begun = 0
        self.may_end = threading.Event()

    def __call__(self) -> int:
        """Return how often it was begun."""
        self.begun += 1
        self.may_end.wait(120)
        return self.begun


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.may_end.set()


def pool(*, deadline_s: float = 0.05, most_waiting: int = 3) -> WorkPool:
    return WorkPool("reports", threads=1, most_waiting=most_waiting, deadline_s=deadline_s)


def test_work_that_outlasts_its_request_is_given_to_the_next_who_asks_for_the_same(slow: Slow) -> None:
    async def asked() -> int:
        reports = pool()
        for _ in range(10):
            with pytest.raises(HTTPException, match=r"longer than 0\.05 s; the work goes on; ask again in 5 s"):
                await reports.run(slow, "big")
        assert reports.taken == 1, "who asks for the same takes no place"
        slow.may_end.set()
        while reports.taken:
            await asyncio.sleep(0.01)
        return await reports.run(slow, "big")

    assert asyncio.run(asked()) == 1
    assert slow.begun == 1


def test_what_comes_in_time_is_done_for_each(slow: Slow) -> None:
    slow.may_end.set()

    async def asked() -> list[int]:
        reports = pool(deadline_s=120.0)
        return [await reports.run(slow, "small"), await reports.run(slow, "small"), await reports.run(slow)]

    assert asyncio.run(asked()) == [1, 2, 3]


def test_hopeless_work_fills_no_more_than_its_pool(slow: Slow) -> None:
    async def asked() -> None:
        reports = pool(most_waiting=1)
        for key in ("a", "b"):
            with pytest.raises(HTTPException, match="longer than"):
                await reports.run(slow, key)
        with pytest.raises(HTTPException, match="2 requests for reports are being answered"):
            await reports.run(slow, "c")
        slow.may_end.set()
        while reports.taken:
            await asyncio.sleep(0.01)
        assert await reports.run(lambda: 5, "c") == 5

    asyncio.run(asked())


def test_errors_reach_everybody_who_waits() -> None:
    def broken() -> None:
        raise ValueError("broken")

    async def asked() -> None:
        reports = pool(deadline_s=120.0)
        for each in await asyncio.gather(*(reports.run(broken, "a") for _ in range(3)), return_exceptions=True):
            assert isinstance(each, ValueError)

    asyncio.run(asked())


def test_threads_that_are_closed_begin_nothing(slow: Slow) -> None:
    threads = DaemonThreads("a", 1)
    running, waiting = threads.submit(slow), threads.submit(slow)
    threads.close()
    slow.may_end.set()
    assert running.result(120) == 1
    assert waiting.cancelled()
    assert threads.submit(slow).cancelled()


def test_a_process_that_ends_waits_for_no_work() -> None:
    program = (
        "import threading; from bohpo.service.daemon_threads import DaemonThreads; begun = threading.Event();"
        "DaemonThreads('a', 1).submit(lambda: begun.set() or threading.Event().wait()); begun.wait(60)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode == 0
