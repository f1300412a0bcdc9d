"""The record of who asked for what: written before it is done, and again where it is refused."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from bohpo.errors import BohpoError
from bohpo.service.security.identity import Identity
from bohpo.store import Audit
from bohpo.store.database import DatabaseStore

LONGEST_DETAIL = 500


@contextlib.contextmanager
def audited(
    store: DatabaseStore, asking: Identity, action: str, campaign: str | None = None, detail: str = ""
) -> Iterator[None]:
    """Record what somebody asks for; the body does it.

    Args:
        store: Where to record it.
        asking: Who asks.
        action: Short name such as `launch`.
        campaign: Name of the campaign, or None.
        detail: One line for people.

    Raises:
        StoreError: If it cannot be recorded; then it is not done either.
    """
    record(store, asking, action, campaign, detail)
    try:
        yield
    except BohpoError as error:
        with contextlib.suppress(BohpoError):
            record(store, asking, f"{action}-refused", campaign, " ".join(str(error).split()))
        raise


def record(store: DatabaseStore, asking: Identity, action: str, campaign: str | None, detail: str) -> None:
    """Append to the record."""
    audit = Audit(time.time(), asking.token.label, asking.address, action, campaign, detail[:LONGEST_DETAIL])
    store.add_audit(audit)
