"""The service as an application: what it is made of, and what runs beside it while it does."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from bohpo.service import api, pages, troubles
from bohpo.service.desk import MOST_READ, Desk
from bohpo.service.drivers import Drivers
from bohpo.service.events import Ticks
from bohpo.service.pages import static_files
from bohpo.service.security.bodies import Bodies, SmallPieces
from bohpo.service.security.guards import Guards
from bohpo.service.security.identity import Doorkeeper
from bohpo.service.security.permission import Permission
from bohpo.service.security.tokens import Tokens
from bohpo.service.settings import Settings
from bohpo.service.site import Site
from bohpo.service.work_pools import WorkPools
from bohpo.store.database import DatabaseStore

logger = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""For so long a request tries to reach the database; it holds a thread meanwhile."""

ANSWER_S = 2.5
"""For so long the database may stay silent, or have no connection left, before a request that waits for it fails."""

CONNECTIONS = 6
"""Connections to the database that requests share."""

READING_S = 30.0
"""For so long the database may stay silent to the threads that read whole campaigns; no request waits for so long."""


def create_app(settings: Settings) -> FastAPI:
    """Make the application that serves the campaigns of a database.

    Args:
        settings: What the administrator says.

    Raises:
        StoreError: If the database cannot be reached or is not fit to hold campaigns.
    """
    store = DatabaseStore.open(settings.store, patience_s=PATIENCE_S, answer_s=ANSWER_S, connections=CONNECTIONS)
    readings = DatabaseStore.open(settings.store, answer_s=READING_S, connections=MOST_READ)
    pools = WorkPools()
    site = Site(
        settings,
        store,
        Desk(store, readings),
        Tokens(settings.tokens),
        Ticks(),
        Permission(settings),
        Drivers(settings, store, pools.launches),
        pools,
    )
    app = FastAPI(
        title="bohpo",
        version=importlib.metadata.version("bohpo"),
        docs_url=None,
        redoc_url=None,
        openapi_url=api.DESCRIPTION,
        middleware=[
            Middleware(SmallPieces),
            Middleware(GZipMiddleware, minimum_size=2_000, compresslevel=5),
            Middleware(Guards, settings=settings),
            Middleware(Doorkeeper, settings=settings, tokens=site.tokens),
            Middleware(Bodies),
        ],
        lifespan=_lifespan,
    )
    app.state.site = site
    troubles.install(app)
    pages.install(app)  # first: what every browser asks after each tick is among them
    api.install(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    site: Site = app.state.site
    poller = asyncio.create_task(_keep_polling(site))
    prepared = [asyncio.create_task(asyncio.to_thread(make)) for make in (site.desk.prepare, static_files.prepare)]
    try:
        yield
    finally:
        site.ticks.end()
        poller.cancel()
        await asyncio.gather(poller, *prepared, return_exceptions=True)
        app.state.figures.close()
        site.pools.close()
        site.desk.close()
        site.store.close()


async def _keep_polling(site: Site) -> None:
    """Look at the database again and again, and tell who listens."""
    while True:
        site.ticks.publish(await asyncio.to_thread(site.desk.poll))
        site.drivers.reap()
        await asyncio.sleep(site.settings.serve.interval)
