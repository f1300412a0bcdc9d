"""Turns: drivers of one campaign are started one after another."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException

from bohpo.service.turns import MOST_BEGINNING, Turns


def test_nobody_overtakes_who_waits_for_a_turn() -> None:
    turns = Turns()
    begun: list[str] = []
    at_work = 0

    async def start(who: str) -> None:
        nonlocal at_work
        async with turns.take("specimen"):
            at_work += 1
            begun.append(who)
            assert at_work == 1, "two start a driver of one campaign"
            await asyncio.sleep(0.01)
            at_work -= 1

    async def start_twice() -> None:
        await start("first")
        await start("first again")  # asked before the second, which waits, has run

    async def ask() -> None:
        await asyncio.gather(start_twice(), start("second"))

    asyncio.run(ask())
    assert sorted(begun) == ["first", "first again", "second"]
    assert len(turns) == 0


def test_few_drivers_begin_at_a_time() -> None:
    turns = Turns()

    async def ask() -> None:
        done = asyncio.Event()

        async def begin(name: str) -> None:
            async with turns.take(name):
                await done.wait()

        tasks = [asyncio.create_task(begin(f"c{at}")) for at in range(MOST_BEGINNING)]
        await asyncio.sleep(0.01)
        with pytest.raises(HTTPException, match="drivers are beginning; ask again"):
            await begin("one more")
        done.set()
        await asyncio.gather(*tasks)

    asyncio.run(ask())
    assert len(turns) == 0
