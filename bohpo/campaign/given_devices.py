"""The GPUs of an attempt: its worker writes down what it was given, its driver reads that when the attempt begins.

A queue's own variable comes first: where it isolates jobs, CUDA_VISIBLE_DEVICES begins with 0 in each of them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from bohpo.durable import write_json
from bohpo.processes import DEVICES, DRIVER_PID
from bohpo.regular_files import read_regular
from bohpo.trainer import AttemptDirectory

_GIVEN_BY_QUEUES = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SGE_HGR_gpu")
_SELECTED = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
_MOST_BYTES = 65_536
_MOST_DEVICES = 256
_LONGEST = 128


def given_devices(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the devices that the environment of a job names, as its trainer sees them.

    Args:
        environment: The worker's. A job of this host names its devices only where it owns them.
    """
    if owned := environment.get(DEVICES):
        return tuple(entry.partition("=")[0] for entry in owned.split(","))
    if DRIVER_PID in environment:
        return ()
    given = next(filter(None, (environment.get(name) for name in (*_GIVEN_BY_QUEUES, *_SELECTED))), "")
    return tuple(entry for entry in given.replace(" ", ",").split(",") if entry)


def record_devices(attempt: AttemptDirectory, environment: Mapping[str, str]) -> None:
    """Write down an attempt's devices, if it has any; a folder that cannot be written fails at what matters more."""
    if devices := given_devices(environment):
        with contextlib.suppress(OSError):
            write_json(attempt.devices, list(devices))


def read_devices(attempt: AttemptDirectory) -> tuple[str, ...]:
    """Return the devices that an attempt's worker wrote down; none where it did not, or the file is not its own."""
    try:
        data = json.loads(read_regular(attempt.devices, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return ()
    if not isinstance(data, list) or not all(isinstance(device, str) and device.isprintable() for device in data):
        return ()
    return tuple(device[:_LONGEST].replace(",", " ") for device in data[:_MOST_DEVICES])
