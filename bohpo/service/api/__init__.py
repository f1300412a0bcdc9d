"""The REST API: everything that the pages do, under /api/v1; its description is `DESCRIPTION`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer

from bohpo.service.api import campaigns, figures, files, launches, live, results, studies, trials, upkeep, watching
from bohpo.service.troubles import Trouble

PREFIX = "/api/v1"
DESCRIPTION = f"{PREFIX}/openapi.json"

REFUSALS = {
    401: "No token was shown, or it has expired",
    403: "The token allows looking only, the service is read-only, or the request comes from another site",
    404: "There is no such campaign, trial or file",
    409: "Another driver, a queue, or where the campaign stands is in the way",
    422: "What was asked for makes no sense; all mistakes are named",
    503: "The database is out of reach, or too many ask for the same kind of work; ask again after Retry-After",
}


def install(app: FastAPI) -> None:
    """Add the API to an application."""
    router = APIRouter(
        prefix=PREFIX,
        # The doorkeeper has looked at the token before; this describes it.
        dependencies=[Depends(HTTPBearer(auto_error=False))],
        responses={status: {"model": Trouble, "description": text} for status, text in REFUSALS.items()},
    )
    for part in (campaigns, trials, files, figures, studies, launches, results, upkeep, live):
        router.include_router(part.router)
    app.include_router(router)
    app.include_router(watching.router)
