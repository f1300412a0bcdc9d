"""A GPU, or the part of one that a job can own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Vendor(StrEnum):
    """Who made a GPU; the variables that select GPUs differ by vendor."""

    NVIDIA = "NVIDIA"
    AMD = "AMD"
    INTEL = "Intel"


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU of this host, or a MIG instance or tile of one.

    Attributes:
        vendor: Who made it.
        id: What a process needs in its visibility variable: an index, or a UUID.
        uuid: Its name on this host, whatever `id` is; two drivers compare devices by it.
        name: Product name.
        memory_bytes: Its memory, or None where it is unknown.
        numa_node: NUMA node that it is attached to, or None where it is unknown.
        near_cpus: CPUs of that node; empty where they are unknown.
        parent: UUID of the GPU that it is a MIG instance of, or empty.
    """

    vendor: Vendor
    id: str
    uuid: str
    name: str
    memory_bytes: int | None = None
    numa_node: int | None = None
    near_cpus: frozenset[int] = frozenset()
    parent: str = ""

    @property
    def is_instance(self) -> bool:
        """Whether it is a MIG instance; a process sees one of these at most."""
        return bool(self.parent)

    def overlaps(self, uuid: str) -> bool:
        """Whether a device of this UUID is the same one, a tile of it, or the GPU that it is a tile of."""
        return uuid == self.uuid or uuid.startswith(f"{self.uuid}.") or self.uuid.startswith(f"{uuid}.")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a look at this host found.

    Attributes:
        devices: Devices that jobs may be given.
        problem: Why there may be more, or why an id was not believed; empty as a rule.
    """

    devices: tuple[Device, ...] = ()
    problem: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known: a program did not answer, or an answer made no sense."""
        return not self.devices and bool(self.problem)
