"""What went wrong, as a page for people who came by a link, and as JSON for everybody else."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bohpo.errors import BohpoError
from bohpo.service.pages.rendering import page
from bohpo.service.security.identity import API, own_path
from bohpo.service.troubles import RETRY_S, refusal, refusal_of, refusal_of_invalid
from bohpo.space.checks import MOST_MISTAKES

HEADINGS = {404: "Not found", 422: "This address makes no sense", 503: "Not at the moment"}


def install(app: FastAPI) -> None:
    """Have an application answer errors so."""

    @app.exception_handler(BohpoError)
    def _ours(request: Request, error: BohpoError) -> Response:
        refused = refusal_of(error)
        return _told(request, refused.status_code, str(error)) if _wants_page(request) else refused

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        if _wants_page(request):
            return _told(request, error.status_code, str(error.detail))
        return refusal(error.status_code, str(error.detail), exit_code=3 if error.status_code == 404 else 2)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        refused = refusal_of_invalid(error)
        if not _wants_page(request):
            return refused
        words = "; ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in error.errors()[:MOST_MISTAKES])
        return _told(request, refused.status_code, words)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not own_path(request).startswith(API)


def _told(request: Request, status: int, message: str) -> Response:
    told = page(request, "error.html", status, heading=HEADINGS.get(status, "That did not work"), message=message)
    if status == 503:
        told.headers.update({"Retry-After": str(RETRY_S), "Refresh": str(RETRY_S)})  # a browser heeds the latter
    return told
