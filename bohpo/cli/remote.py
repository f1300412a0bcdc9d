"""Commands that ask a service instead of the database: `--server URL` with a token."""

from __future__ import annotations

import http.client
import json
import os
import stat
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bohpo.cli.place import Place
from bohpo.errors import (
    BohpoError,
    Mistake,
    NotFoundError,
    NoUsableTrialError,
    QueueError,
    StoreError,
    StudyError,
    UsageError,
)
from bohpo.service.settings import is_loopback

PATIENCE_S = 120.0
"""A launch is answered when its driver has begun."""

TRIES = 2
ERRORS: Mapping[int, type[BohpoError]] = {
    1: NoUsableTrialError,
    2: UsageError,
    3: NotFoundError,
    4: QueueError,
    5: StoreError,
}


class Remote:
    """A service that somebody else runs, and the token that it knows one by."""

    def __init__(self, url: str, secret: str) -> None:
        """Ask the service at `url`.

        Raises:
            UsageError: If it is no address of a service.
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise UsageError(f"--server {url!r} is no address of a service; write it as https://host:8765")
        self._base = url.rstrip("/")
        self._secret = secret
        proxies = [urllib.request.ProxyHandler({})] if is_loopback(parts.hostname) else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    @classmethod
    def of(cls, place: Place) -> Remote:
        """Ask the service that the command line names, with the token of BOHPO_TOKEN or a private file.

        Raises:
            UsageError: If there is no token.
        """
        secret = os.environ.get("BOHPO_TOKEN") or (None if place.token_file is None else _read_secret(place.token_file))
        if not secret:
            raise UsageError("--server needs a token: --token-file FILE of mode 0600, or BOHPO_TOKEN")
        return cls(place.server or "", secret.strip())

    def get(self, *path: str, **query: str | int | None) -> Any:
        """Give an answer.

        Args:
            path: Words below /api/v1.
            query: Parameters; None leaves one out.
        """
        return json.loads(self.text(*path, **query))

    def text(self, *path: str, **query: str | int | None) -> str:
        """Give an answer as text."""
        told = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        return self._send(urllib.request.Request(self._address(path) + (f"?{told}" if told else "")))  # noqa: S310

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Ask for a change; sent twice where the answer got lost, done once."""
        data = json.dumps({key: value for key, value in body.items() if value is not None}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        request = urllib.request.Request(self._address(path), data, headers, method="POST")  # noqa: S310
        return json.loads(self._send(request))

    def _address(self, path: tuple[str, ...]) -> str:
        return "/".join((self._base, "api", "v1", *(urllib.parse.quote(word, safe="") for word in path)))

    def _send(self, request: urllib.request.Request) -> str:
        request.add_header("Authorization", f"Bearer {self._secret}")
        for left in reversed(range(TRIES)):
            try:
                with self._opener.open(request, timeout=PATIENCE_S) as answer:
                    return str(answer.read().decode())
            except urllib.error.HTTPError as error:
                raise _error_of(error) from None
            except (OSError, http.client.HTTPException) as error:
                if not left:
                    raise StoreError(f"the service at {self._base} cannot be reached: {error}") from None
        raise AssertionError("the last try ends the loop")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes the token nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _error_of(error: urllib.error.HTTPError) -> BohpoError:
    try:
        told = json.loads(error.read())
        mistakes = tuple(Mistake(each["key"], each["problem"], each["remedy"]) for each in told["mistakes"])
        if mistakes:
            return StudyError("study", mistakes)
        return ERRORS.get(told["exit_code"], UsageError)(str(told["message"]))
    except (ValueError, KeyError, TypeError):
        return StoreError(f"{error.url} answers with status {error.code}; is it the address of a service of bohpo?")


def _read_secret(path: Path) -> str:
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"{path} can be read by others; run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"--token-file {path}: {error.strerror}; `bohpo token add NAME --output FILE`") from error
