"""Answers that a browser asks for again and again: sent once for each revision."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from bohpo.service.rendered import is_known


def etag_of(*parts: object) -> str:
    """Name what an answer was made of."""
    return f'W/"{"-".join(str(part) for part in parts)}"'


def not_modified(request: Request, response: Response, etag: str) -> Response | None:
    """Give the answer that says that nothing has changed, or mark the one that is to be sent.

    Args:
        request: Names what the browser has.
        response: Takes the ETag where something has to be sent.
        etag: Of what there is now.
    """
    if is_known(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return None
