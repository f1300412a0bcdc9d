"""Launch a study: one that the administrator lists, or one that is written here."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from bohpo.service.pages.rendering import page
from bohpo.service.site import AtSite

router = APIRouter()


@router.get("/launch")
def launch(request: Request, site: AtSite) -> Response:
    """Show the form; the script asks the API for the studies, and for what is wrong with one."""
    return page(request, "launch.html", trainers=site.settings.serve.trainers)
