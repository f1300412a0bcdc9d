"""`bohpo serve` and `bohpo token`: the service, and who may use it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bohpo.clean_text import clean_text
from bohpo.cli.output import emit, say, table
from bohpo.cli.place import HERE, Place
from bohpo.cli.tunnel import tunnel
from bohpo.durable import write_atomically
from bohpo.errors import UsageError
from bohpo.service.security.tokens import Scope, Token, Tokens
from bohpo.service.settings import Settings, read_serve_table
from bohpo.views import wording

START_TOKEN_DAYS = 1.0

token = App(name="token", help="Say who may use the service.")


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    certificate: str | None = None,
    key: str | None = None,
    plain_http: bool | None = None,
    hosts: Annotated[list[str] | None, Parameter(name="--known-as", negative=())] = None,
    root_path: str | None = None,
    studies: Annotated[list[str] | None, Parameter(negative=())] = None,
    trainers: Annotated[list[str] | None, Parameter(name="--trainer", negative=())] = None,
    read_only: bool | None = None,
    interval: float | None = None,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Show all campaigns in the browser and over HTTP; launch, stop and resume them there.

    What is not given here is taken from the table [serve] of ~/.config/bohpo/site.toml and ./bohpo.toml.

    Args:
        host: Address to listen on; 127.0.0.1 by default.
        port: Port to listen on; 0 for any that is free.
        certificate: PEM file of the certificate chain, for TLS.
        key: PEM file of its private key.
        plain_http: Listen without TLS on an address that others reach.
        hosts: Name by which a proxy reaches the service; may be repeated.
        root_path: Path under which a proxy shows the service.
        studies: Folder whose study files may be launched, as they are; may be repeated.
        trainers: `module:function` that a study from elsewhere may name; may be repeated.
        read_only: Launch, stop and resume nothing.
        interval: Seconds between two looks at the database.
        json: Print the address as one JSON object.
        place: Where campaigns are recorded.
    """
    flags = {
        "host": host,
        "port": port,
        "certificate": certificate,
        "key": key,
        "plain_http": plain_http,
        "hosts": hosts,
        "root_path": root_path,
        "studies": studies,
        "trainers": trainers,
        "read_only": read_only,
        "interval": interval,
    }
    told = {name: value for name, value in flags.items() if value is not None}
    settings = settings_of(place, told)
    try:
        from bohpo.service.server import Server
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the service needs {error.name}, which is not installed: `pip install bohpo[serve]`"
        ) from error

    server = Server(settings)
    try:
        _announce(server.port, settings, json=json)
        server.run()
    finally:
        server.close()


def settings_of(place: Place, flags: Mapping[str, object]) -> Settings:
    """Put together what the service has to know."""
    return Settings(place.store, place.directory.resolve(), read_serve_table(flags))


@token.command
def add(
    name: str,
    /,
    *,
    scope: Scope = Scope.VIEW,
    days: float | None = 30.0,
    output: Path | None = None,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Make a token, and print it: it is told this once.

    Args:
        name: Whose it is, or what for.
        scope: view, or operate, which launches, stops and resumes, too.
        days: For how long.
        output: File of mode 0600 to write it into instead of printing it.
        json: Print one JSON object.
        place: Where campaigns are recorded.
    """
    made, secret = _tokens(place).add(name, scope, days=days)
    if output is not None:
        write_atomically(output, secret.encode() + b"\n", mode=0o600)
    if json:
        emit(
            {
                "token": _as_json(made),
                "secret": None if output else secret,
                "path": None if output is None else str(output),
            }
        )
    elif output is None:
        print(secret)
    else:
        say(f"token {made.label}: {output}")


@token.command(name="ls")
def list_tokens(*, json: bool = False, place: Place = HERE) -> None:
    """List the tokens; nobody can tell what they are.

    Args:
        json: Print one JSON object.
        place: Where campaigns are recorded.
    """
    known = [made for made in _tokens(place).all() if not made.has_expired]
    if json:
        emit({"tokens": [_as_json(made) for made in known]})
        return
    table(("id", "name", "scope", "until"), [(t.id, t.name, t.scope.value, _until(t)) for t in known])


@token.command
def revoke(token_id: str, /, *, json: bool = False, place: Place = HERE) -> None:
    """Take a token back; it holds no longer from this moment on.

    Args:
        token_id: Its id, as `bohpo token ls` lists it.
        json: Print one JSON object.
        place: Where campaigns are recorded.
    """
    gone = _tokens(place).revoke(token_id)
    if json:
        emit({"revoked": _as_json(gone)})
    else:
        say(f"token {gone.label} is revoked")


def _announce(port: int, settings: Settings, *, json: bool) -> None:
    """Say where the service is, with a token that lets its starter in."""
    scope = Scope.VIEW if settings.serve.read_only else Scope.OPERATE
    made, secret = Tokens(settings.tokens).add(
        f"started by {clean_text(os.environ.get('USER', 'somebody'))[:40]}", scope, days=START_TOKEN_DAYS
    )
    address = f"{_base(port, settings)}/?token={secret}"
    if json:
        emit({"url": address, "port": port, "pid": os.getpid(), "token": _as_json(made)})
    else:
        print(address, flush=True)
    say("open it in a browser; the token in it holds for a day, `bohpo token add NAME` makes others")
    if settings.is_loopback:
        say(f"from another computer, first: {tunnel(port)}")


def _base(port: int, settings: Settings) -> str:
    host = settings.serve.host
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.has_tls else 'http'}://{name}:{port}{settings.serve.root_path}"


def _tokens(place: Place) -> Tokens:
    return Tokens(settings_of(place, {}).tokens)


def _as_json(known: Token) -> dict[str, object]:
    return {
        "id": known.id,
        "name": known.name,
        "scope": known.scope.value,
        "created": known.created,
        "expires": known.expires,
    }


def _until(known: Token) -> str:
    return "for good" if known.expires is None else wording.moment(known.expires)
