"""What every request finds: the settings, the database, and what was read of it.

What finds them is `async` although it waits for nothing: for the rest FastAPI goes to another thread and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from bohpo.service.desk import Desk
from bohpo.service.drivers import Drivers
from bohpo.service.events import Ticks
from bohpo.service.security.identity import Identity
from bohpo.service.security.permission import Permission
from bohpo.service.security.tokens import Tokens
from bohpo.service.settings import Settings
from bohpo.service.work_pools import WorkPools
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
        permission: What may be launched.
        drivers: Starts those who launch and resume.
        pools: Threads for work that takes long.
    """

    settings: Settings
    store: DatabaseStore
    desk: Desk
    tokens: Tokens
    ticks: Ticks
    permission: Permission
    drivers: Drivers
    pools: WorkPools


async def site_of(request: Request) -> Site:
    """Give the service that a request came to."""
    site: Site = request.app.state.site
    return site


async def identity_of(request: Request) -> Identity:
    """Give who asks; the doorkeeper has let nobody else in."""
    identity: Identity = request.state.identity
    return identity


async def operating(request: Request) -> Identity:
    """Give who asks, where looking is not enough.

    Raises:
        HTTPException: If the token allows looking only.
    """
    identity = await identity_of(request)
    if not identity.may_operate:
        raise HTTPException(403, "this token allows looking only; ask for one of scope operate")
    return identity


AtSite = Annotated[Site, Depends(site_of)]
"""A parameter of this type is the service that the request came to."""

Asking = Annotated[Identity, Depends(identity_of)]
"""A parameter of this type is who asks."""

Operating = Annotated[Identity, Depends(operating)]
"""A parameter of this type is who asks, with a token of scope operate."""
