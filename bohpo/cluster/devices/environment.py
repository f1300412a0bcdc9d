"""The environment by which a job sees its own devices and no others."""

from __future__ import annotations

from collections.abc import Sequence

from bohpo.cluster.devices.device import Device, Vendor
from bohpo.cluster.devices.visibility import CUDA, HIP, ROCR, ZE
from bohpo.processes import CPUS, DEVICE_SHARE, DEVICES, format_cpus

NO_DEVICES = {CUDA: "", ROCR: "-1", HIP: "-1", "ONEAPI_DEVICE_SELECTOR": "*:cpu"}
"""Hides the GPUs of every vendor. HIP and ROCr take an empty list for a variable that is not set."""


def job_environment(
    devices: Sequence[Device], *, share: float = 1.0, cpus: frozenset[int] = frozenset()
) -> dict[str, str]:
    """Return the variables of a job that owns devices and CPUs.

    Args:
        devices: Devices of one vendor; may be empty, then the variables that select devices stay as they are.
        share: Share of each that the job owns, above 0 and up to 1.
        cpus: CPUs that the job is pinned to; none where it is not.
    """
    pinned = {CPUS: format_cpus(cpus)} if cpus else {}
    if not devices:
        return pinned
    owned = {DEVICES: ",".join(f"{device.id}={device.uuid}" for device in devices), DEVICE_SHARE: f"{share:g}"}
    return {**_selection(devices), **owned, **pinned}


def _selection(devices: Sequence[Device]) -> dict[str, str]:
    ids = ",".join(device.id for device in devices)
    match devices[0].vendor:
        case Vendor.NVIDIA:
            return {CUDA: ids, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        case Vendor.AMD:  # HIP counts among those that ROCr leaves
            counted = ",".join(str(index) for index in range(len(devices)))
            return {ROCR: ids, HIP: counted, CUDA: counted}
        case Vendor.INTEL:
            return {ZE: ids}
