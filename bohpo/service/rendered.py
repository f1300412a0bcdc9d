"""What is made once and sent to however many ask: compressed, under a tag by which a browser knows what it has."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

COMPRESSION = 3
"""Higher levels take twice as long for a tenth less."""

VARY = {"Vary": "Accept-Encoding, Cookie, Authorization"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A figure or a part of a page, ready to be sent.

    Attributes:
        tag: Its ETag; the same content has the same one.
        body: Gzipped.
        moment: What it was made of: a revision and the like.
    """

    tag: str
    body: bytes
    moment: object

    @classmethod
    def of(cls, text: str, moment: object) -> Rendered:
        """Compress a text."""
        body = gzip.compress(text.encode(), COMPRESSION, mtime=0)
        return cls(f'W/"{hashlib.sha256(body).hexdigest()[:24]}"', body, moment)


def sent(request: Request, rendered: Rendered, media_type: str) -> Response:
    """Send what the browser may have already, compressed where it takes that."""
    headers = {"ETag": rendered.tag, **VARY}
    if is_known(request, rendered.tag):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(rendered.body), headers=headers, media_type=media_type)
    return Response(rendered.body, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)


def is_known(request: Request, tag: str) -> bool:
    """Tell whether the browser has what a tag stands for."""
    return tag in (known.strip() for known in request.headers.get("if-none-match", "").split(","))
