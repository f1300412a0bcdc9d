"""From a template to an answer."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Hashable
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from bohpo.service.pages.shelf import Shelf
from bohpo.service.pages.static_files import map_style_ids_of_plotly, version
from bohpo.service.rendered import sent
from bohpo.views import wording

THEMES = ("light", "dark")
THEME_COOKIE = "bohpo-theme"
HTML = "text/html; charset=utf-8"


@functools.cache
def environment() -> Environment:
    """Give the templates; every value is quoted, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("bohpo.service.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words_for = (wording.number, wording.scalar, wording.duration, wording.percent, wording.moment, wording.interval)
    for words in (*words_for, wording.gpus):
        made.filters[words.__name__] = words
    made.filters["with_code"] = _with_code
    return made


def _with_code(words: str) -> Markup:
    """Show what stands between backticks as code."""
    pieces = words.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(one) if at % 2 else one for at, one in enumerate(pieces))


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Make a whole page."""
    identity = getattr(request.state, "identity", None)
    serve = request.app.state.site.settings.serve
    theme = request.cookies.get(THEME_COOKIE)
    known = {
        "root": request.scope.get("root_path", ""),
        "path": request.scope["path"].removeprefix(request.scope.get("root_path", "")),
        "theme": theme if theme in THEMES else None,
        "identity": identity,
        "may_operate": identity is not None and identity.may_operate and not serve.read_only,
        "read_only": serve.read_only,
        "bohpo_version": importlib.metadata.version("bohpo"),
        "static_version": version(),
        "map_style_ids": map_style_ids_of_plotly(),
    }
    return HTMLResponse(environment().get_template(template).render(**known, **values), status)


def fill(request: Request, template: str, **values: Any) -> str:
    """Fill a template."""
    return environment().get_template(template).render(root=request.scope.get("root_path", ""), **values)


def piece(request: Request, key: Hashable, moment: tuple[object, ...], make: Callable[[], str]) -> Response:
    """Send a piece of a page, or say that it is as the browser has it.

    Args:
        request: Names what the browser has.
        key: Which piece.
        moment: What it is made of: a revision and the like.
        make: Fills it, where nobody has asked for it at this moment before.
    """
    shelf: Shelf = request.app.state.shelf
    return sent(request, shelf.piece(key, moment, make), HTML)
