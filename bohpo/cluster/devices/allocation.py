"""Which devices and CPUs the next job gets; pure.

A job gets all of its devices at once or none, so jobs that wait for each other's devices cannot exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from bohpo.cluster.devices.claims import Claim
from bohpo.cluster.devices.device import Device

_ROUNDING = 1e-9


def usage_of(devices: Iterable[Device], claims: Collection[Claim]) -> dict[str, float]:
    """Sum the shares of each device that jobs own, by UUID."""
    return {
        device.uuid: sum(claim.share for claim in claims if any(map(device.overlaps, claim.devices)))
        for device in devices
    }


def choose_devices(devices: Sequence[Device], usage: Mapping[str, float], gpus: float) -> tuple[Device, ...] | None:
    """Choose the devices of a job so that whole devices stay free for others.

    A share goes to the fullest device that has room for it. Several whole devices come from one NUMA node where one
    has enough, from the one with the fewest of these.

    Args:
        devices: All that jobs may be given, in the order to hand them out.
        usage: Share of each that is owned, by UUID.
        gpus: A whole number of devices, or a share of one.

    Returns:
        The devices, or None where too few are free now.
    """
    if gpus < 1:
        room = [device for device in devices if usage[device.uuid] + gpus <= 1 + _ROUNDING]
        return (max(room, key=lambda device: usage[device.uuid]),) if room else None
    count = int(gpus)
    free = [device for device in devices if usage[device.uuid] < _ROUNDING]
    if count > 1:  # a process sees one MIG instance at most
        free = [device for device in free if not device.is_instance]
    if len(free) < count:
        return None
    nodes = [[other for other in free if other.numa_node == device.numa_node] for device in free]
    enough = [node for node in nodes if len(node) >= count]
    return tuple((min(enough, key=len) if enough else free)[:count])


def choose_cpus(
    count: int, *, available: frozenset[int], taken: frozenset[int], near: frozenset[int]
) -> frozenset[int] | None:
    """Choose the CPUs of a job, those near its devices first.

    Args:
        count: How many.
        available: CPUs that this process may use.
        taken: CPUs that other jobs are pinned to.
        near: CPUs of the devices' NUMA node; may be empty.

    Returns:
        The CPUs, or None where too few are free.
    """
    free = available - taken
    return frozenset(sorted(free, key=lambda cpu: (cpu not in near, cpu))[:count]) if len(free) >= count else None
