"""Tokens: 256 bits each, known to the service by their hash alone, in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bohpo.durable import read_json, write_private_json
from bohpo.errors import NotFoundError, UsageError

PREFIX = "bohpo_"
"""Lets scanners for secrets know one when they see it."""

SECRET_BYTES = 32
LONGEST_SECRET = 128
DAY_S = 86400.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")


class Scope(StrEnum):
    """What a token allows."""

    VIEW = "view"
    OPERATE = "operate"

    def allows(self, wanted: Scope) -> bool:
        """Tell whether this scope includes another one."""
        return self is Scope.OPERATE or wanted is Scope.VIEW


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the secret itself is not.

    Attributes:
        id: Names the token in lists and in the record of who asked for what.
        name: Whose it is, or what for.
        scope: What it allows.
        digest: SHA-256 of the secret. It has 256 random bits, so a slow hash would add nothing.
        created: Seconds since the epoch.
        expires: Seconds since the epoch, or None.
    """

    id: str
    name: str
    scope: Scope
    digest: str
    created: float
    expires: float | None = None

    @property
    def has_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= time.time()

    @property
    def label(self) -> str:
        """How the token is called in the record of who asked for what."""
        return f"{self.name} ({self.id})"


class Tokens:
    """The tokens of a service; what another process adds or revokes holds at once."""

    def __init__(self, path: Path) -> None:
        """Use a file, which need not exist yet."""
        self.path = path
        self._lock = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._known: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """List the tokens, expired ones included.

        Raises:
            UsageError: If others can read the file, or it holds something else.
        """
        with self._lock:
            try:
                status = self.path.stat()
            except FileNotFoundError:
                self._known, self._read_at = (), None
                return ()
            if self._read_at != (status.st_mtime_ns, status.st_ino):
                self._known = _load(self.path, status)
                self._read_at = (status.st_mtime_ns, status.st_ino)
            return self._known

    def identify(self, secret: str) -> Token | None:
        """Give the token of a secret, or None where there is none or it has expired; takes the same time for all."""
        digest = _digest(secret[:LONGEST_SECRET])
        found = [token for token in self.all() if hmac.compare_digest(token.digest, digest)]
        return next((token for token in found if not token.has_expired), None)

    def add(self, name: str, scope: Scope, *, days: float | None = None) -> tuple[Token, str]:
        """Make a token, and give it with its secret, which nobody can tell again.

        Args:
            name: Whose it is, or what for.
            scope: What it allows.
            days: For how long; for good where it is None.

        Raises:
            UsageError: If it cannot be called so, or would have expired.
        """
        if not NAME.fullmatch(name):
            raise UsageError(f"{name[:80]!r} cannot name a token; take up to 64 letters, digits, spaces, and . _ @ -")
        if days is not None and not 0 < days < 100_000:
            raise UsageError(f"a token of {days} days makes no sense; give a number above 0, or none")
        secret, now = PREFIX + secrets.token_urlsafe(SECRET_BYTES), time.time()
        expires = None if days is None else now + days * DAY_S
        token = Token(secrets.token_hex(4), name, scope, _digest(secret), now, expires)
        with self._changing() as tokens:
            tokens.append(token)
        return token, secret

    def revoke(self, token_id: str) -> Token:
        """Take a token back.

        Raises:
            NotFoundError: If there is none of this id.
        """
        with self._changing() as tokens:
            for token in tokens:
                if token.id == token_id:
                    tokens.remove(token)
                    return token
        raise NotFoundError(f"there is no token {token_id!r}; `bohpo token ls` lists those that are")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """Change the list, one process at a time; expired tokens are dropped on the way."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_name(f".{self.path.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = [token for token in self.all() if not token.has_expired]
            yield tokens
            write_private_json(self.path, {"tokens": [asdict(token) for token in tokens]})
        with self._lock:
            self._read_at = None


def _load(path: Path, status: os.stat_result) -> tuple[Token, ...]:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path} is open to others, its mode is {status.st_mode & 0o777:o}; run `chmod 600 {path}`")
    try:
        data: Any = read_json(path) or {"tokens": []}
        return tuple(Token(**{**known, "scope": Scope(known["scope"])}) for known in data["tokens"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} does not hold tokens; move it away, then `bohpo token add NAME`") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
