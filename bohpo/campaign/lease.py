"""Holding a lease while the driver is busy: a proposal, a slow queue or a slow file system may take a while."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from bohpo.campaign.ledger import LEASE_S, RENEW_S
from bohpo.errors import LeaseError, StoreError
from bohpo.store.protocol import Store
from bohpo.store.records import Lease

logger = logging.getLogger(__name__)

LONGEST_STEP_S = 900.0
"""A driver that has not finished a step for so long hangs: it loses its lease, so that another may take over."""


@contextlib.contextmanager
def holding(store: Store, lease: Lease, last_step: Callable[[], float]) -> Iterator[None]:
    """Renew a lease from a thread of its own until the body ends, whatever the body is busy with.

    A process that is stopped or killed renews nothing. A driver whose lease was taken over learns it when it next
    writes; the thread only leaves off.

    Args:
        store: Where the lease is.
        lease: The driver's.
        last_step: Gives when the driver last began a step, by the monotonic clock.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_S):
            if time.monotonic() - last_step() > LONGEST_STEP_S:
                logger.warning("the driver of %s hangs; its lease is left to run out", lease.campaign)
                continue
            try:
                store.renew_lease(lease, LEASE_S)
            except LeaseError:
                return
            except StoreError as error:
                logger.debug("the lease of %s was not renewed: %s", lease.campaign, error)

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
