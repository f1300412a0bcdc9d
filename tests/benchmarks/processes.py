"""Processes of one thread each, so that what runs beside does not change what is timed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from unittest import mock

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    "1",
)
"""Read by numpy, scipy and torch when they load: the processes are spawned, so nothing has loaded there before."""


@contextmanager
def one_thread_each(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Give fresh processes whose numerical libraries keep to one thread.

    Args:
        processes: How many.
    """
    context = multiprocessing.get_context("spawn")
    with (
        mock.patch.dict(os.environ, ONE_THREAD),
        ProcessPoolExecutor(processes, mp_context=context, initializer=_begin) as executor,
    ):
        yield executor


def _begin() -> None:
    """Keep samplers' talk off the terminal, and let Ctrl-C end the process without a traceback."""
    import optuna

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
