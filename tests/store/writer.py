"""A driver as a process of its own, for tests that kill and stop it; it prints one JSON line per acknowledged write.

python -m tests.store.writer URL write        records trials until it is killed
python -m tests.store.writer URL acquire      tries to take the lease, and says whether it could
python -m tests.store.writer URL stop-between  stops itself between two writes
python -m tests.store.writer URL stop-within   stops itself in a transaction, just before its COMMIT
python -m tests.store.writer URL ask N        asks N times for a stop, without a lease
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from sqlalchemy import Engine, event

from bohpo.errors import LeaseError
from bohpo.store import Lease, Owner, StopRequest, Store, open_store
from bohpo.trial import Attempt, AttemptState, Outcome
from tests.store.examples import OUTCOME, PROPOSAL

SHORT_LEASE_S = 1.0


def main() -> None:
    """Play the part that the arguments name."""
    store = open_store(sys.argv[1], create=False)
    parts: dict[str, Callable[[Store], None]] = {
        "write": write,
        "acquire": acquire,
        "stop-between": stop_between,
        "stop-within": stop_within,
        "ask": ask,
    }
    parts[sys.argv[2]](store)
    store.close()


def acknowledge(**fields: object) -> None:
    """Tell the test, past any buffer, that a write has returned."""
    os.write(1, json.dumps(fields).encode() + b"\n")


def write(store: Store) -> None:
    """Continue the campaign where it stands, as a restarted driver does, until killed."""
    lease = store.acquire_lease("aneurysm", Owner.this_process(), 3600.0)
    acknowledge(did="lease", token=lease.token)
    for trial in store.trials("aneurysm"):
        if trial.ended is None:
            finish(store, lease, trial.number)
    while True:
        uid = f"{lease.token}-{len(store.trials('aneurysm'))}"
        number = store.add_trial(lease, uid, PROPOSAL)
        acknowledge(did="add", number=number, uid=uid)
        finish(store, lease, number)


def finish(store: Store, lease: Lease, number: int) -> None:
    """Run a trial in no time, with a value that tells its number."""
    store.save_attempt(lease, Attempt(number, 1, AttemptState.COMPLETED))
    outcome = Outcome(float(number), 0.25, {"partial_auc": float(number)}, OUTCOME.curves)
    recorded = store.complete_trial(lease, number, float(number), outcome, [(step, 0.5) for step in range(5)])
    acknowledge(did="complete", number=number, recorded=recorded)
    store.add_event(lease, "completed", "by the writer", trial=number)


def acquire(store: Store) -> None:
    """Take the lease and keep it until standard input ends."""
    try:
        lease = store.acquire_lease("aneurysm", Owner.this_process(), 3600.0)
        acknowledge(did="lease", token=lease.token)
    except LeaseError as error:
        acknowledge(did="refused", message=str(error))
    sys.stdin.read()


def stop_between(store: Store) -> None:
    """Write, stop, and after that write again with the old lease."""
    lease = store.acquire_lease("aneurysm", Owner.this_process(), SHORT_LEASE_S)
    store.add_trial(lease, "before", PROPOSAL)
    os.kill(os.getpid(), signal.SIGSTOP)
    write_late(store, lease)


def stop_within(store: Store) -> None:
    """Stop before the COMMIT of a write whose lease was good when it began."""
    lease = store.acquire_lease("aneurysm", Owner.this_process(), SHORT_LEASE_S)
    store.add_trial(lease, "before", PROPOSAL)

    @event.listens_for(Engine, "commit", once=True)
    def stop(_connection: object) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    write_late(store, lease)


def write_late(store: Store, lease: Lease) -> None:
    """Write with a lease that may have been taken over."""
    try:
        acknowledge(did="add", number=store.add_trial(lease, "late", PROPOSAL))
    except LeaseError as error:
        acknowledge(did="refused", message=str(error))


def ask(store: Store) -> None:
    """Ask for stops."""
    for count in range(int(sys.argv[3])):
        store.request_stop("aneurysm", StopRequest.DRAIN)
        store.set_budget("aneurysm", count + 1)
    acknowledge(did="ask")


if __name__ == "__main__":
    main()
