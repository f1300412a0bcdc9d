"""AMD's GPUs: from the kernel's list, or where there is none from `rocm-smi`.

Source:
    Linux, amdkfd topology in /sys/class/kfd; rocm-smi --help.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from bohpo.cluster.devices.device import Device, Inventory, Vendor
from bohpo.cluster.devices.probe import ProbeError, Sys, run_probe
from bohpo.cluster.devices.visibility import visible_to_rocm

_NODES = ("class", "kfd", "kfd", "topology", "nodes")
_QUERY = ("--showuniqueid", "--showproductname", "--showmeminfo", "vram", "--showbus", "--json")


def find_amd(sys: Sys, environment: Mapping[str, str]) -> Inventory:
    """Return AMD's devices that this process may use.

    Raises:
        ProbeError: If rocm-smi does not answer, or its answer makes no sense.
    """
    devices = list(_listed_by_kernel(sys))
    if not devices and shutil.which("rocm-smi", path=environment.get("PATH")) is not None:
        devices = list(_parse(run_probe("rocm-smi", *_QUERY), sys))
    return visible_to_rocm(devices, environment) if devices else Inventory()


def _listed_by_kernel(sys: Sys) -> Iterator[Device]:
    """List the nodes that compute; one with CPU cores as well is a processor with built-in graphics."""
    found = 0
    for node in sorted(filter(str.isdecimal, sys.list(*_NODES)), key=int):
        lines = (line.partition(" ") for line in sys.read(*_NODES, node, "properties").splitlines())
        properties = {key: int(value) for key, _, value in lines if value.isdecimal()}
        if not properties.get("simd_count") or properties.get("cpu_cores_count"):
            continue
        location = properties.get("location_id", 0)
        bus, slot = location >> 8 & 0xFF, location & 0xFF
        address = f"{properties.get('domain', 0):04x}:{bus:02x}:{slot >> 3:02x}.{slot & 7}"
        yield _device(
            found,
            unique=f"{properties.get('unique_id', 0):016x}" if properties.get("unique_id") else address,
            name=sys.read(*_NODES, node, "name") or "AMD GPU",
            memory=_memory_of(sys, node),
            address=address,
            sys=sys,
        )
        found += 1


def _memory_of(sys: Sys, node: str) -> int | None:
    for bank in sys.list(*_NODES, node, "mem_banks"):
        for line in sys.read(*_NODES, node, "mem_banks", bank, "properties").splitlines():
            key, _, value = line.partition(" ")
            if key == "size_in_bytes" and value.isdecimal():
                return int(value)
    return None


def _parse(text: str, sys: Sys) -> Iterator[Device]:
    try:
        cards: dict[str, dict[str, Any]] = {
            name: dict(card) for name, card in json.loads(text).items() if name.startswith("card")
        }
        numbers = sorted(cards, key=lambda name: int(name.removeprefix("card")))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ProbeError(f"rocm-smi printed {text[:80]!r}, which is no list of GPUs") from error
    for index, name in enumerate(numbers):
        card = cards[name]
        address = str(card.get("PCI Bus", "")).lower()
        unique = str(card.get("Unique ID", "")).lower().removeprefix("0x")
        is_unique = bool(unique) and unique != "n/a"
        memory = str(card.get("VRAM Total Memory (B)", ""))
        product = card.get("Card series") or card.get("Card Series") or card.get("Device Name") or "AMD GPU"
        yield _device(
            index,
            unique=unique.zfill(16) if is_unique else address or name,
            name=str(product),
            memory=int(memory) if memory.isdecimal() else None,
            address=address,
            sys=sys,
        )


def _device(index: int, *, unique: str, name: str, memory: int | None, address: str, sys: Sys) -> Device:
    return Device(
        Vendor.AMD,
        id=str(index),
        uuid=f"GPU-{unique}",
        name=name,
        memory_bytes=memory,
        numa_node=sys.numa_node(address),
        near_cpus=sys.near_cpus(address),
    )
