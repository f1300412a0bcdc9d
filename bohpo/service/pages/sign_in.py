"""The way in: a token, typed in or carried by the address that `bohpo serve` prints."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bohpo.service.pages.rendering import page
from bohpo.service.security.identity import safe_next, with_cookie, without_cookie
from bohpo.service.site import AtSite

router = APIRouter()


@router.get("/sign-in")
def ask(request: Request) -> Response:
    """Ask for a token."""
    wanted = safe_next(request.query_params.getlist("next"))
    return page(request, "sign_in.html", next=wanted, refused="refused" in request.query_params)


@router.post("/sign-in")
async def enter(request: Request, site: AtSite) -> Response:
    """Take a token into a cookie."""
    form = parse_qs((await request.body()).decode(errors="replace"))
    secret, wanted = form.get("token", [""])[0].strip(), safe_next(form.get("next", []))
    if site.tokens.identify(secret) is None:
        return page(request, "sign_in.html", 401, next=wanted, refused=True)
    root = request.scope.get("root_path", "")
    where = wanted if root and wanted.startswith(f"{root}/") else root + wanted
    return with_cookie(RedirectResponse(where, 303), request, secret)


@router.post("/sign-out")
def leave(request: Request) -> Response:
    """Forget the token."""
    root = request.scope.get("root_path", "")
    return without_cookie(RedirectResponse(f"{root}/sign-in", 303), request)
