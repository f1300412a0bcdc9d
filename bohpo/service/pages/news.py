"""What is new of the pieces that a browser shows of a campaign: one question after each tick instead of a dozen.

Each piece was compressed once, for all who look, and stays so: the answer is a line of JSON that names the pieces which
are not as the browser has them, then their bodies, one after another. Most who look show the same, have the same, and
ask at the same moment, when they hear of a tick: they get the same answer, which is put together once.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bohpo.errors import NotFoundError, UsageError
from bohpo.service.figures import Figures, delay
from bohpo.service.pages.campaign import part_of
from bohpo.service.rendered import Rendered
from bohpo.service.seats import Snapshot
from bohpo.service.site import Site, site_of

router = APIRouter()

MOST_PIECES = 30
MEDIA_TYPE = "application/octet-stream"
AS_IT_IS = {"Content-Encoding": "identity", "Cache-Control": "no-store"}
"""Nothing is compressed twice."""

SHARED_S = 0.5
"""So long an answer is given to all who ask the same; whoever was told to ask again does so after a second or more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that a browser shows.

    Attributes:
        address: Where it is asked for by itself, below the campaign's.
        tag: Of what the browser has; empty where it has nothing.
        folder: `parts` or `figures`.
        name: Which of them.
        query: Its options.
    """

    address: str
    tag: str
    folder: str
    name: str
    query: str

    @classmethod
    def of(cls, words: str) -> Piece:
        """Read how a browser names a piece: its tag, a space, its address."""
        tag, _, address = words.partition(" ")
        path, _, query = address.partition("?")
        folder, _, name = path.partition("/")
        return cls(address, tag, folder, name, query)


class Newsstand:
    """Has answers put together once for all who ask the same at a time; lives on one event loop."""

    def __init__(self) -> None:
        """Begin with nothing to give."""
        self._issues: dict[Hashable, _Issue] = {}

    async def issue(self, question: Hashable, write: Callable[[], Awaitable[bytes]]) -> bytes:
        """Give the answer to a question, which `write` puts together where nobody has just asked the same."""
        now = time.monotonic()
        issue = self._issues.get(question)
        if issue is None or issue.until < now:
            self._issues = {asked: known for asked, known in self._issues.items() if known.until >= now}
            issue = self._issues[question] = _Issue(write)
        return await asyncio.shield(issue.task)


class _Issue:
    """An answer, from the first who asks until it is old."""

    def __init__(self, write: Callable[[], Awaitable[bytes]]) -> None:
        self._write = write
        self.until = math.inf
        self.task = asyncio.create_task(self._written())

    async def _written(self) -> bytes:
        try:
            return await self._write()
        finally:
            self.until = time.monotonic() + SHARED_S


async def news(request: Request) -> Response:
    """Give what is new of the pieces that a browser shows."""
    campaign: str = request.path_params["campaign"]
    site, stand = await site_of(request), request.app.state.newsstand
    question = (campaign, request.scope["query_string"], site.desk.revision_of(campaign))
    body: bytes = await stand.issue(question, lambda: _written(request, site, campaign))
    return Response(body, headers=AS_IT_IS, media_type=MEDIA_TYPE)


router.add_route("/campaigns/{campaign}/news", news)
"""A plain route: what FastAPI does around an endpoint costs more than an answer that is there already."""


async def _written(request: Request, site: Site, campaign: str) -> bytes:
    wanted = [Piece.of(words) for words in request.query_params.getlist("piece")]
    if len(wanted) > MOST_PIECES:
        raise UsageError(f"{len(wanted)} pieces are asked for; a page shows {MOST_PIECES} at most")
    seen = await run_in_threadpool(site.desk.snapshot, campaign)
    parts = await run_in_threadpool(_parts, request, site, seen, wanted)
    drawn = await asyncio.gather(*(_figure(request, seen, piece) for piece in wanted if piece.folder == "figures"))
    known: dict[Piece, Rendered | None] = {**parts, **dict(drawn)}
    missing = [piece.address for piece in wanted if piece not in known]
    if missing:
        raise NotFoundError(f"there is no piece {missing[0]!r}; its address begins with parts/ or figures/")
    return _together([(piece, known[piece], seen) for piece in wanted])


def _parts(request: Request, site: Site, seen: Snapshot, wanted: Sequence[Piece]) -> dict[Piece, Rendered]:
    parts = (piece for piece in wanted if piece.folder == "parts")
    return {piece: part_of(request, site, seen, piece.name, piece.query) for piece in parts}


async def _figure(request: Request, seen: Snapshot, piece: Piece) -> tuple[Piece, Rendered | None]:
    figures: Figures = request.app.state.figures
    return piece, await figures.answer(seen, piece.name, dict(parse_qsl(piece.query)))


def _together(found: Sequence[tuple[Piece, Rendered | None, Snapshot]]) -> bytes:
    heads: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    for piece, made, seen in found:
        again = delay(made, seen) if piece.folder == "figures" else None
        body = b"" if made is None or made.tag == piece.tag else made.body
        if body or again:
            tag = "" if made is None else made.tag
            heads.append({"address": piece.address, "tag": tag, "again": again, "bytes": len(body)})
            bodies.append(body)
    return b"".join((json.dumps(heads).encode(), b"\n", *bodies))
