"""What every request and every answer is held against, whoever asks.

| of                 | measure                                                                                    |
| ------------------ | ------------------------------------------------------------------------------------------ |
| DNS rebinding      | the Host must be one by which the service is known, else 421                               |
| cross-site request | what changes something must come from a page of this service (Origin), or carry a bearer   |
| oversized input    | URLs and headers are capped: 414, 431; bodies in `bohpo.service.security.bodies`           |
| script in names    | strict CSP without inline script, and `nosniff`                                            |
| framing, leaks     | no frames, no referrer to others, nothing kept in shared caches                            |
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bohpo.service.settings import Settings
from bohpo.service.troubles import refusal

LONGEST_URL = 8_000
LONGEST_HEADERS = 32_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""Plotly makes an empty style element, which it fills by `insertRule`; this is the hash of nothing."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {EMPTY_STYLE}",
        "style-src-attr 'unsafe-inline'",  # plotly places what it draws by style attributes
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

ANSWER_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guards:
    """Turns away what must not reach the service, and sends every answer with the headers that protect it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Guard `app`."""
        self._app = app
        self._hosts = known_hosts(settings)
        self._root_path = settings.serve.root_path
        self._strict_transport = settings.has_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._place(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._protect(MutableHeaders(scope=message))
            await send(message)

        refused = self._refused(scope, Headers(scope=scope))
        await (refused or self._app)(scope, receive, guarded)

    def _place(self, scope: Scope) -> None:
        """Know the service by its path, whether the proxy in front of it takes that path away or not."""
        path, root = scope["path"], self._root_path
        if root and path != root and not path.startswith(f"{root}/"):
            path = root + path
        scope["root_path"], scope["path"] = root, path

    def _refused(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_URL:
            return refusal(414, f"the address is longer than {LONGEST_URL} bytes; ask for less at a time")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
            return refusal(431, f"the headers are longer than {LONGEST_HEADERS} bytes; clear this site's cookies")
        host = headers.get("host", "")
        if hostname_of(host) not in self._hosts:
            told = f"this service is not known as {host[:200]!r}; the administrator lists its names in serve.hosts"
            return refusal(421, told)
        if scope["method"] not in SAFE_METHODS and not is_own_origin(headers):
            return refusal(403, "the request comes from a page of another site; use the pages of this service")
        return None

    def _protect(self, headers: MutableHeaders) -> None:
        for name, value in ANSWER_HEADERS.items():
            headers[name] = value
        headers.setdefault("Cache-Control", "private, no-cache")
        if self._strict_transport:
            headers["Strict-Transport-Security"] = "max-age=31536000"


def known_hosts(settings: Settings) -> frozenset[str]:
    """List the names by which the service is reached, lower-case and without ports."""
    table = settings.serve
    names = [*LOOPBACK_NAMES, *table.hosts]
    if not settings.is_loopback:
        names += [table.host, f"[{table.host}]", socket.gethostname(), socket.getfqdn()]
    return frozenset(hostname_of(name) for name in names)


def hostname_of(host: str) -> str:
    """Give the name in a Host header, lower-case and without its port."""
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def is_own_origin(headers: Headers) -> bool:
    """Tell whether a request that changes something comes from a page of this service, or from no page at all.

    A browser names the page's origin with every such request. A script need not; it has no cookie either, or shows
    by a bearer token that it means what it asks for.
    """
    origin = headers.get("origin")
    if origin is None:
        return "cookie" not in headers or "authorization" in headers
    parts = urlsplit(origin)
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default is None:
        return False
    return parts.netloc.lower().removesuffix(default) == headers.get("host", "").lower().removesuffix(default)
