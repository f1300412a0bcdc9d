"""A PostgreSQL server that takes a query and says nothing is given up after a while.

The kernel of its host acknowledges what is sent to it, so no limit of TCP ends the wait; a server that stands still
heeds no limit of its own.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    import psycopg

Result = TypeVar("Result")
Conversation = Generator[Any, Any, Result]
"""What psycopg runs: it yields what it waits for, and is sent what has come, or something false where nothing has."""


def give_up_on_silence(engine: Engine, seconds: float) -> None:
    """Make the connections of `engine` fail where the server has sent nothing for some time.

    Args:
        engine: Over psycopg.
        seconds: The longest silence. An answer that arrives in pieces may take longer.
    """

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, words: Any, settings: Any) -> psycopg.Connection[Any]:
        return _impatient_connection(seconds).connect(*words, **settings)


def _impatient_connection(seconds: float) -> type[psycopg.Connection[Any]]:
    """Build a class of connections that close when the server stays silent."""
    import psycopg

    class ImpatientConnection(psycopg.Connection[Any]):
        def wait(self, gen: Conversation[Result], *args: Any, **kwargs: Any) -> Result:
            return super().wait(self._heard(gen), *args, **kwargs)

        def _heard(self, conversation: Conversation[Result]) -> Conversation[Result]:
            give_up = time.monotonic() + seconds
            try:
                wanted = next(conversation)
                while True:
                    come = yield wanted
                    if come:
                        give_up = time.monotonic() + seconds
                    elif time.monotonic() > give_up:
                        self.pgconn.finish()
                        raise psycopg.OperationalError(f"the server has sent nothing for {seconds:g} s")
                    wanted = conversation.send(come)
            except StopIteration as end:
                answer: Result = end.value
                return answer

    return ImpatientConnection
