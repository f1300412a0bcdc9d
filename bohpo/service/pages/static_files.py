"""The stylesheet, the script, and plotly's script: all from installed packages, nothing from the network."""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.resources

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from bohpo.views.plotly_js import map_style_ids, plotly_js

router = APIRouter()

KEPT = "public, max-age=31536000, immutable"
"""Addresses carry a version: what is under one never changes."""


@router.get("/static/{name}")
def static_file(name: str, request: Request) -> Response:
    """Give a file; its address carries `version`, so that browsers may keep it."""
    if name not in FILES:
        raise HTTPException(404, f"there is no file {name!r}")
    media_type, _ = FILES[name]
    headers = {"Vary": "Accept-Encoding"}
    if request.query_params.get("v") == version():
        headers["Cache-Control"] = KEPT
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(_content(name), headers=headers, media_type=media_type)
    return Response(compressed(name), headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)


def prepare() -> None:
    """Read and compress all files, which takes a while, before the first browser asks for them."""
    for name in FILES:
        compressed(name)
    map_style_ids_of_plotly()
    version()


@functools.cache
def version() -> str:
    """Give what changes whenever one of the files does."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(_text(name).encode())
    return digest.hexdigest()[:12]


@functools.cache
def compressed(name: str) -> bytes:
    """Give a file, gzipped once."""
    return gzip.compress(_content(name), 6, mtime=0)


@functools.cache
def _content(name: str) -> bytes:
    """Return a file as it is, which strangers may ask for as often as they like."""
    return _text(name).encode()


@functools.cache
def map_style_ids_of_plotly() -> tuple[str, ...]:
    """Give the ids by which plotly is told that the style of its maps, which no page shows, is there."""
    return map_style_ids(plotly_js())


def _text(name: str) -> str:
    _, sources = FILES[name]
    if not sources:
        return plotly_js()
    files = (importlib.resources.files(package).joinpath(file) for package, file in sources)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


FILES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "pages.css": (
        "text/css; charset=utf-8",
        (("bohpo.views.report", "style.css"), ("bohpo.service.pages.static", "pages.css")),
    ),
    "pages.js": ("text/javascript; charset=utf-8", (("bohpo.service.pages.static", "pages.js"),)),
    "plotly.js": ("text/javascript; charset=utf-8", ()),
}
"""Name -> media type, and the files that make it up; none where it is plotly's."""
