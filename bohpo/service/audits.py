"""The record of who asked for what: written before it is done, and again where it is refused."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException

from bohpo.errors import BohpoError
from bohpo.service.security.identity import Identity
from bohpo.service.site import Site
from bohpo.store import Audit
from bohpo.store.database import DatabaseStore

LONGEST_DETAIL = 500


@contextlib.asynccontextmanager
async def audited(
    site: Site, asking: Identity, action: str, campaign: str | None = None, detail: str = ""
) -> AsyncIterator[None]:
    """Record what somebody asks for; the body does it.

    Args:
        site: The service, whose database records it.
        asking: Who asks.
        action: Short name such as `launch`.
        campaign: Name of the campaign, or None.
        detail: One line for people.

    Raises:
        StoreError: If it cannot be recorded; then it is not done either.
    """
    pool = site.pools.launches
    await pool.run(lambda: record(site.store, asking, action, campaign, detail))
    try:
        yield
    except (BohpoError, HTTPException) as error:
        cause = " ".join(str(error.detail if isinstance(error, HTTPException) else error).split())
        with contextlib.suppress(BohpoError, HTTPException):
            await pool.run(lambda: record(site.store, asking, f"{action}-refused", campaign, cause))
        raise


def record(store: DatabaseStore, asking: Identity, action: str, campaign: str | None, detail: str) -> None:
    """Append to the record."""
    audit = Audit(time.time(), asking.token.label, asking.address, action, campaign, detail[:LONGEST_DETAIL])
    store.add_audit(audit)
