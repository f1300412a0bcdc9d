"""What is new of the pieces that a browser shows of a campaign: one question after each tick instead of a dozen.

Each piece was compressed once, for all who look, and stays so: the answer is a line of JSON that names the pieces which
are not as the browser has them, then their bodies, one after another.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bohpo.errors import NotFoundError
from bohpo.service.api.parameters import CampaignName
from bohpo.service.desk import Snapshot
from bohpo.service.figures import Figures, delay
from bohpo.service.pages.campaign import part_of
from bohpo.service.rendered import Rendered
from bohpo.service.site import AtSite, Site

router = APIRouter()

MOST_PIECES = 30
MEDIA_TYPE = "application/octet-stream"
AS_IT_IS = {"Content-Encoding": "identity", "Cache-Control": "no-store"}
"""Nothing is compressed twice."""


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
        path, query = urlsplit(address)[2:4]
        folder, _, name = path.partition("/")
        return cls(address, tag, folder, name, query)


@router.get("/campaigns/{campaign}/news")
async def news(
    campaign: CampaignName,
    request: Request,
    site: AtSite,
    pieces: Annotated[list[str], Query(alias="piece", max_length=MOST_PIECES)],
) -> Response:
    """Give what is new of the pieces that a browser shows."""
    wanted = [Piece.of(words) for words in pieces]
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


def _together(found: Sequence[tuple[Piece, Rendered | None, Snapshot]]) -> Response:
    heads: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    for piece, made, seen in found:
        again = delay(made, seen) if piece.folder == "figures" else None
        body = b"" if made is None or made.tag == piece.tag else made.body
        if body or again:
            tag = "" if made is None else made.tag
            heads.append({"address": piece.address, "tag": tag, "again": again, "bytes": len(body)})
            bodies.append(body)
    return Response(b"".join((json.dumps(heads).encode(), b"\n", *bodies)), headers=AS_IT_IS, media_type=MEDIA_TYPE)
