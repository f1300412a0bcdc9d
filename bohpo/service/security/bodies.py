"""The bodies of requests and answers: read within a limit and a time, sent piece by piece.

A request's body is read once its token is known: who has none is answered without waiting for what else they send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bohpo.service.settings import BODY_BYTES
from bohpo.service.troubles import refusal

BODY_SECONDS = 60.0
STRANGERS_BODY_SECONDS = 10.0
STRANGERS_BODY_BYTES = 10_000
"""A token that is typed into the sign-in page needs no more."""

PIECE_BYTES = 65_536
"""An answer waits after each piece until the client has taken most of it, so that it takes no more memory than that."""


class Bodies:
    """Reads a request's body before the application sees the request."""

    def __init__(self, app: ASGIApp) -> None:
        """Read for `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_known = scope.get("state", {}).get("identity") is not None
        seconds, most = (BODY_SECONDS, BODY_BYTES) if is_known else (STRANGERS_BODY_SECONDS, STRANGERS_BODY_BYTES)
        refused, body = await _read(receive, Headers(scope=scope), seconds, most)
        if refused is not None:
            await refused(scope, receive, send)
        else:
            await self._app(scope, replayed(body, receive), send)


class SmallPieces:
    """Sends long answers piece by piece."""

    def __init__(self, app: ASGIApp) -> None:
        """Send for `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= PIECE_BYTES:
                await send(message)
                return
            ends_at = range(PIECE_BYTES, len(body) + PIECE_BYTES, PIECE_BYTES)
            for end in ends_at:
                more = end < len(body) or message.get("more_body", False)
                await send({"type": "http.response.body", "body": body[end - PIECE_BYTES : end], "more_body": more})

        await self._app(scope, receive, in_pieces)


async def _read(receive: Receive, headers: Headers, seconds: float, most: int) -> tuple[ASGIApp | None, bytes]:
    """Read a request's body, or answer why not."""
    try:
        async with asyncio.timeout(seconds):
            body = await read_body(receive, headers, most)
    except TimeoutError:
        return refusal(408, f"the request took longer than {seconds:.0f} s to arrive; send it again"), b""
    if body is None:
        return refusal(413, f"the request is longer than {most} bytes; send less"), b""
    return None, body


async def read_body(receive: Receive, headers: Headers, most: int = BODY_BYTES) -> bytes | None:
    """Read a request's body, or return None as soon as it is longer than `most` bytes."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > len(str(most)) or int(announced) > most:
        return None
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            return None
    return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return what was read of a request again, then what comes after it."""
    told: Iterable[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])
    messages = iter(told)

    async def again() -> Message:
        return next(messages, None) or await receive()

    return again
