"""What every request finds: the settings, the database, and what was read of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from bohpo.service.desk import Desk
from bohpo.service.events import Ticks
from bohpo.service.security.identity import Identity
from bohpo.service.security.tokens import Tokens
from bohpo.service.settings import Settings
from bohpo.store.database import DatabaseStore


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of a running service.

    Attributes:
        settings: What the administrator says.
        store: The database.
        desk: The campaigns as everybody sees them.
        tokens: Who may ask.
        ticks: Who listens.
    """

    settings: Settings
    store: DatabaseStore
    desk: Desk
    tokens: Tokens
    ticks: Ticks


def site_of(request: Request) -> Site:
    """Give the service that a request came to."""
    site: Site = request.app.state.site
    return site


def identity_of(request: Request) -> Identity:
    """Give who asks; the doorkeeper has let nobody else in."""
    identity: Identity = request.state.identity
    return identity


AtSite = Annotated[Site, Depends(site_of)]
"""A parameter of this type is the service that the request came to."""

Asking = Annotated[Identity, Depends(identity_of)]
"""A parameter of this type is who asks."""
