"""A driver that goes on only when it is told to: its loop runs in a thread that hands control back wherever it waits.

At any moment one thread runs, so what happens depends on nothing but what it is told. A driver that is not told to go
on is like a stopped process (SIGSTOP): others may take its lease, and when it goes on it does not know.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.cluster import DriverKilled, VirtualCluster
from bohpo.simulation.queue import VirtualQueue

DEADLOCK_S = 120.0
"""For so long at the most a driver takes from one wait to the next, in real time; what takes longer hangs."""


class Paced:
    """A driver's thread, and the clock and the waits that it sees.

    Attributes:
        error: What ended the driver, if it was not the end of its work.
        stop: What its handler of SIGTERM calls.
        wakes: When its wait is over, in seconds since the simulation began.
    """

    def __init__(self, clock: VirtualClock) -> None:
        """Make a driver that has nothing to do yet; see `start`."""
        self.error: BaseException | None = None
        self.stop: Callable[[], None] = lambda: None
        self.wakes = 0.0
        self._clock = clock
        self._go = threading.Semaphore(0)
        self._halted = threading.Semaphore(0)
        self._is_killed = False
        self._is_through = True

    def start(self, work: Callable[[], object]) -> None:
        """Have the driver do its work up to its first wait."""

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told to whoever asks
                self.error = error
            self._is_through = True
            self._halted.release()

        self._is_through = False
        threading.Thread(target=run, daemon=True).start()
        self._await_halt()

    @property
    def is_alive(self) -> bool:
        """Whether the driver has not ended."""
        return not self._is_through

    def step(self) -> None:
        """Let time pass until the driver's wait is over, and have it go on to its next."""
        if self.is_alive:
            self._clock.sleep(self.wakes - self._clock.monotonic())
            self._go.release()
            self._await_halt()

    def kill(self) -> None:
        """Have the driver die where it waits."""
        if self.is_alive:
            self._is_killed = True
            self._go.release()
            self._await_halt()

    # -- what the driver's own thread calls ----------------------------------------------------------------------

    def halt(self, seconds: float = 0.0) -> None:
        """Wait until told to go on, at the earliest when so many seconds have passed."""
        self.wakes = self._clock.monotonic() + seconds
        self._halted.release()
        self._go.acquire()
        if self._is_killed:
            raise DriverKilled

    def now(self) -> float:
        """Give the time."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Give seconds since some moment."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.halt(seconds)

    def _await_halt(self) -> None:
        assert self._halted.acquire(timeout=DEADLOCK_S), "the driver does not come to its next wait"


class PacedCluster(VirtualCluster):
    """A driver's way to the queue, on which it waits as long as it is not told to go on."""

    def __init__(self, queue: VirtualQueue, clock: VirtualClock, paced: Paced) -> None:
        """Reach a queue."""
        super().__init__(queue, clock)
        self._paced = paced

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._paced.halt(seconds)
