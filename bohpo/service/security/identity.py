"""Who asks: a bearer token, or the cookie that the pages get for one.

The address that `bohpo serve` prints carries a token once: it is taken into a cookie that no script can read and no
other site can have sent, and the browser goes on to the same address without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from bohpo.errors import UsageError
from bohpo.service.security.guards import SAFE_METHODS
from bohpo.service.security.tokens import Scope, Token, Tokens
from bohpo.service.settings import Settings
from bohpo.service.troubles import refusal, refusal_of

TOKEN_PARAMETER = "token"  # noqa: S105 - the name of the parameter, no secret
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
PUBLIC = (SIGN_IN, SIGN_OUT, "/health")
PUBLIC_FOLDER = "/static/"
API = "/api/"
CONNECTION = "connection"
"""Key of a request's state under which a server puts its connection, to be told of a token."""

COOKIE_SECONDS = 30 * 86400


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Attributes:
        token: The token that was shown.
        address: Where the request came from.
    """

    token: Token
    address: str

    @property
    def may_operate(self) -> bool:
        """Whether more than looking is allowed."""
        return self.token.scope.allows(Scope.OPERATE)


class Doorkeeper:
    """Lets in who shows a token, as far as its scope goes; all but the sign-in page is behind it."""

    def __init__(self, app: ASGIApp, settings: Settings, tokens: Tokens) -> None:
        """Keep the door of `app`."""
        self._app = app
        self._settings = settings
        self._tokens = tokens

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            refused = self._refused(request)  # the file of the tokens is read when it has changed; a thread costs more
        except UsageError as error:
            refused = refusal_of(error)
        answer = send if getattr(request.state, "identity", None) is not None else _closing(send)
        await (refused or self._app)(scope, receive, answer)

    def _refused(self, request: Request) -> Response | None:
        path = own_path(request)
        if TOKEN_PARAMETER in request.query_params and request.method in SAFE_METHODS:
            return self._take_token(request)
        token = self.token_of(request)
        request.state.identity = None if token is None else Identity(token, address_of(request))
        if token is not None and (connection := getattr(request.state, CONNECTION, None)) is not None:
            connection.prove()
        if path in PUBLIC or path.startswith(PUBLIC_FOLDER):
            return None
        if token is None:
            return self._unknown(request, path)
        return None if request.method in SAFE_METHODS else self._refused_change(token)

    def _refused_change(self, token: Token) -> Response | None:
        if self._settings.serve.read_only:
            return refusal(403, "this service is read-only; use the command line on the host of the campaigns")
        if not token.scope.allows(Scope.OPERATE):
            return refusal(403, "this token allows looking only; ask for one of scope operate")
        return None

    def token_of(self, request: Request) -> Token | None:
        """Give the token that a request shows, if it holds."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._tokens.identify(secret.strip())
        cookie = request.cookies.get(cookie_name(request))
        return self._tokens.identify(cookie) if cookie else None

    def _unknown(self, request: Request, path: str) -> Response:
        if path.startswith(API) or path == "/metrics" or request.method not in SAFE_METHODS:
            return refusal(401, "show a token: `Authorization: Bearer ...`; `bohpo token add NAME` makes one")
        wanted = urlencode({"next": path})
        return RedirectResponse(f"{request.scope.get('root_path', '')}{SIGN_IN}?{wanted}", 303)

    def _take_token(self, request: Request) -> Response:
        """Take the token out of an address into a cookie."""
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        rest = urlencode([pair for pair in pairs if pair[0] != TOKEN_PARAMETER])
        secret = next(value for name, value in pairs if name == TOKEN_PARAMETER)
        where = request.scope["path"] + (f"?{rest}" if rest else "")
        if self._tokens.identify(secret) is None:
            return RedirectResponse(f"{request.scope.get('root_path', '')}{SIGN_IN}?refused=1", 303)
        return with_cookie(RedirectResponse(_on_this_host(where), 303), request, secret)


def _closing(send: Send) -> Send:
    """Close the connection after the answer: a stranger gets one at a time, and what else was sent is not read."""

    async def close(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await send(message)

    return close


def with_cookie(response: Response, request: Request, secret: str) -> Response:
    """Have a browser keep a token."""
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=COOKIE_SECONDS,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


def without_cookie(response: Response, request: Request) -> Response:
    """Have a browser forget its token."""
    response.delete_cookie(cookie_name(request), path=request.scope.get("root_path") or "/")
    return response


def cookie_name(request: Request) -> str:
    """Name the cookie by the port: a browser shows a host's cookies to all of its ports."""
    server = request.scope.get("server")
    return f"bohpo-{server[1] if server else 0}"


def own_path(request: Request) -> str:
    """Give the path of a request within the service."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", "")) or "/"


def address_of(request: Request) -> str:
    """Say where a request came from."""
    return request.client.host if request.client else ""


def safe_next(values: Iterable[str]) -> str:
    """Give the page to go on to after signing in: one of this service, whatever was asked for."""
    wanted = next(iter(values), "/")
    return _on_this_host(wanted) if wanted.startswith("/") else "/"


def _on_this_host(path: str) -> str:
    """Have a path begin with one slash: browsers leave out control characters, and take `//host` for another one."""
    return "/" + re.sub(r"[\x00-\x20\x7f]", "", path).replace("\\", "/").lstrip("/")
