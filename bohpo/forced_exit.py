"""The third signal to stop ends a process, whatever it waits for: a file, a queue, a database.

Python runs signal handlers in the main thread, between two of its instructions. A main thread that waits in a system
call or a library may not come back to them. So a thread of its own counts the signals, which the interpreter writes
into a socket as they arrive, and ends the process when the main thread does not.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import termios
import threading
import time
from collections.abc import Iterator
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a polite kill, and the end of the ssh session; one that is ignored (nohup) stays ignored."""

PATIENCE_S = 5.0
"""What the process gets after the third signal to end by itself."""

EXIT_CODE = 130

_STANDARD_ERROR = 2
_SHOW_CURSOR = b"\x1b[?25h"
_MESSAGE = (
    b"bohpo: left on the third signal, without waiting for what hung; a lease that this process held runs out by "
    b"itself, and `bohpo resume` goes on\n"
)


class _Watch:
    """Counts signals until the socket is closed; `is_on` is true while one of them does."""

    is_on = False


@contextlib.contextmanager
def forced_exit_on_third_signal() -> Iterator[None]:
    """End this process with exit code 130 some seconds after the third signal, if the body has not ended by then.

    The first two signals do what they did before. Within another such body, or outside the main thread, this does
    nothing.
    """
    if _Watch.is_on or threading.current_thread() is not threading.main_thread():
        yield
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    terminal = _terminal_settings()
    thread = threading.Thread(target=_watch, args=(receiver, before, terminal), name="forced-exit", daemon=True)
    thread.start()
    _Watch.is_on = True
    try:
        yield
    finally:
        _Watch.is_on = False
        signal.set_wakeup_fd(before)
        sender.close()
        thread.join()
        receiver.close()


def _watch(receiver: socket.socket, others: int, terminal: list[Any] | None) -> None:
    """Count signals; pass them on to `others`, the socket of an event loop that watched before, or -1."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP_SIGNALS, signal.SIGTTOU})
    count = 0
    while count < 3:
        received = receiver.recv(64)
        if not received:
            return
        count += sum(number in STOP_SIGNALS for number in received)
        if others >= 0:
            with contextlib.suppress(OSError):
                os.write(others, received)
    if not _ends_by_itself(receiver):
        _leave(terminal)


def _ends_by_itself(receiver: socket.socket) -> bool:
    give_up = time.monotonic() + PATIENCE_S
    while (left := give_up - time.monotonic()) > 0:
        ready, _, _ = select.select([receiver], [], [], left)
        if ready and not receiver.recv(64):
            return True
    return False


def _leave(terminal: list[Any] | None) -> None:
    """End the process without any clean-up, which may hang, too; writing may, so it is done only where it cannot."""
    with contextlib.suppress(OSError, termios.error):
        writable = select.poll()
        writable.register(_STANDARD_ERROR, select.POLLOUT)
        if any(event & select.POLLOUT for _, event in writable.poll(0)):
            os.write(_STANDARD_ERROR, _MESSAGE if terminal is None else _SHOW_CURSOR + b"\n" + _MESSAGE)
        if terminal is not None:
            termios.tcsetattr(_STANDARD_ERROR, termios.TCSANOW, terminal)
    os._exit(EXIT_CODE)


def _terminal_settings() -> list[Any] | None:
    """Return how the terminal is set, or None if there is none."""
    try:
        return list(termios.tcgetattr(_STANDARD_ERROR))
    except (OSError, termios.error):
        return None
