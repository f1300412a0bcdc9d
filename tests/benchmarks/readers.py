"""What is timed by `tests.benchmarks.reading`, each contender in a fresh process that prints one JSON line per step.

python -m tests.benchmarks.readers URL bohpo read      reads; after each line on standard input reads again
python -m tests.benchmarks.readers URL optuna read
python -m tests.benchmarks.readers URL bohpo record N  records N results
python -m tests.benchmarks.readers URL optuna record N
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna

from bohpo.store import Announcement, Lease, Owner, Store, TrialsReader, open_store
from bohpo.store.location import parse_location
from bohpo.trial import Attempt, AttemptState, Outcome, Proposal
from tests.benchmarks.filled_database import DISTRIBUTIONS, NAME, some_configuration

MEMORY = Path("/proc/self/status")


def main() -> None:
    """Play the part that the arguments name."""
    url, contender, part, *count = sys.argv[1:]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if part == "read":
        with (_bohpo_reader if contender == "bohpo" else _optuna_reader)(url) as read:
            _read(read)
    else:
        with (_bohpo_recorder if contender == "bohpo" else _optuna_recorder)(url) as record:
            _record(record, int(count[0]))


def record_results(store: Store, count: int) -> None:
    """Record results as a driver does, under its lease: a proposal, an attempt that ended, an outcome, two events."""
    lease = store.acquire_lease(NAME, Owner.this_process(), 600.0)
    for _ in range(count):
        record_result(store, lease, random.Random())
    store.release_lease(lease)


def _read(read: Callable[[], int]) -> None:
    before = _memory("VmRSS")
    seconds, count = _timed(read)
    _tell(trials=count, seconds=seconds, libraries=before, peak=_memory("VmHWM"))
    for _ in sys.stdin:
        seconds, count = _timed(read)
        _tell(trials=count, seconds=seconds)


def _record(record: Callable[[], None], count: int) -> None:
    record()  # what is read first is read once
    began = time.perf_counter()
    for _ in range(count):
        record()
    _tell(seconds=(time.perf_counter() - began) / count)


@contextmanager
def _bohpo_reader(url: str) -> Iterator[Callable[[], int]]:
    store = open_store(url)
    reader = TrialsReader(store, NAME)
    yield lambda: len(reader.read())
    store.close()


@contextmanager
def _optuna_reader(url: str) -> Iterator[Callable[[], int]]:
    study = _optuna_study(url)
    yield lambda: len(study.get_trials(deepcopy=False))


@contextmanager
def _bohpo_recorder(url: str) -> Iterator[Callable[[], None]]:
    store, dice = open_store(url), random.Random(0)
    lease = store.acquire_lease(NAME, Owner.this_process(), 600.0)
    yield lambda: record_result(store, lease, dice)
    store.release_lease(lease)
    store.close()


@contextmanager
def _optuna_recorder(url: str) -> Iterator[Callable[[], None]]:
    study = _optuna_study(url)

    def record() -> None:
        study.tell(study.ask(DISTRIBUTIONS), 0.5)

    yield record


def _optuna_study(url: str) -> optuna.Study:
    storage = optuna.storages.get_storage(parse_location(url).url.render_as_string(hide_password=False))
    return optuna.load_study(study_name=NAME, storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))


def record_result(store: Store, lease: Lease, dice: random.Random) -> None:
    """Record one result."""
    proposal = Proposal(some_configuration(dice), "model", 0.5, 0.1, 0.2, 0.3, "trends")
    uid = f"{random.SystemRandom().getrandbits(128):032x}"
    number = store.add_trial(lease, uid, proposal, announcement=lambda k: Announcement("proposed", f"trial {k}"))
    outcome = Outcome(0.5, 1e-4, {"score": 0.5, "sensitivity": 0.5, "train_seconds": 45.5})
    attempt = Attempt(number, 1, AttemptState.COMPLETED, "", "4711", 0, 1.0, 2.0, 3.0)
    told = Announcement("completed", f"trial {number}")
    store.complete_trial(lease, number, 0.5, outcome, attempt=attempt, announcement=told)


def _timed(read: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    count = read()
    return time.perf_counter() - began, count


def _memory(field: str) -> float:
    """Give what the kernel says of this process's memory, in MB; `ru_maxrss` would count what forked it."""
    line = next(line for line in MEMORY.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def _tell(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
