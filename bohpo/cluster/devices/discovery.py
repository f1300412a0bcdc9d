"""All devices of this host; no vendor's library is loaded.

A host is looked at once a minute at most, since `nvidia-smi` can take seconds and a page asks as somebody types.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping

from bohpo.cluster.devices.amd import find_amd
from bohpo.cluster.devices.device import Inventory
from bohpo.cluster.devices.intel import find_intel
from bohpo.cluster.devices.nvidia import find_nvidia
from bohpo.cluster.devices.probe import ProbeError, Sys
from bohpo.cluster.devices.visibility import CUDA, HIP, ROCR, ZE, ZE_HIERARCHY

KEPT_S = 60.0

_READ = (CUDA, ROCR, HIP, ZE, ZE_HIERARCHY, "CUDA_DEVICE_ORDER", "PATH")


def discover_devices(environment: Mapping[str, str] | None = None, *, sys: Sys | None = None) -> Inventory:
    """Return the devices that jobs of this process may be given.

    A job trains with one vendor's GPUs. Where a host has those of several, NVIDIA's come first, then AMD's.

    Args:
        environment: Environment variables; this process's by default.
        sys: The /sys tree.

    Returns:
        The devices, or why they are unknown.
    """
    environment = os.environ if environment is None else environment
    read = tuple((name, environment[name]) for name in _READ if name in environment)
    return _look_once_a_minute(read, sys or Sys(), int(time.monotonic() / KEPT_S))


@functools.lru_cache(maxsize=4)
def _look_once_a_minute(environment: tuple[tuple[str, str], ...], sys: Sys, _minute: int) -> Inventory:
    return look_for_devices(dict(environment), sys=sys)


def look_for_devices(environment: Mapping[str, str], *, sys: Sys | None = None) -> Inventory:
    """Return what `discover_devices` does, without its cache."""
    sys = sys or Sys()
    for find in (find_nvidia, find_amd, find_intel):
        try:
            found = find(sys, environment)
        except ProbeError as error:
            return Inventory((), str(error))
        if found.devices or found.problem:
            return found
    return Inventory()
