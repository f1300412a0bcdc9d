"""Intel's GPUs: as `xpu-smi` lists them, or from the kernel's list of graphics devices.

Graphics that are built into a processor (PCI bus 0) count as no GPU: no training belongs there.

Source:
    xpu-smi discovery --help; Linux, /sys/class/drm.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping

from bohpo.cluster.devices.device import Device, Inventory, Vendor
from bohpo.cluster.devices.probe import ProbeError, Sys, run_probe
from bohpo.cluster.devices.visibility import visible_to_level_zero

_INTEL = "0x8086"


def find_intel(sys: Sys, environment: Mapping[str, str]) -> Inventory:
    """Return Intel's devices that this process may use.

    Raises:
        ProbeError: If xpu-smi does not answer, or its answer makes no sense.
    """
    if shutil.which("xpu-smi", path=environment.get("PATH")) is not None:
        cards = dict(_parse(run_probe("xpu-smi", "discovery", "-j"), sys))
    else:
        cards = dict(_listed_by_kernel(sys))
    if not cards:
        return Inventory()
    tiles = {device.uuid: _count_tiles(address, sys) for device, address in cards.items()}
    return visible_to_level_zero(list(cards), environment, tiles=tiles)


def _count_tiles(address: str, sys: Sys) -> int:
    """Return how many tiles a card has, as far as its kernel driver says.

    Source:
        Linux, xe: `tile<N>` in the PCI device's folder; i915: `gt/gt<N>` in its drm card's folder, one for a tile.
    """
    place = ("bus", "pci", "devices", address)
    tiles = [name for name in sys.list(*place) if re.fullmatch(r"tile\d+", name)]
    for card in () if tiles else sys.list(*place, "drm"):
        tiles += [name for name in sys.list(*place, "drm", card, "gt") if re.fullmatch(r"gt\d+", name)]
    return max(1, len(tiles))


def _parse(text: str, sys: Sys) -> Iterator[tuple[Device, str]]:
    try:
        cards = [dict(card) for card in json.loads(text)["device_list"]]
        known = [(int(card["device_id"]), card) for card in cards]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProbeError(f"xpu-smi printed {text[:80]!r}, which is no list of GPUs") from error
    for index, card in sorted(known, key=lambda pair: pair[0]):
        address = str(card.get("pci_bdf_address", "")).lower()
        if not _is_built_in(address):
            name = str(card.get("device_name", "Intel GPU"))
            yield _device(index, str(card.get("uuid") or address), name, address, sys), address


def _listed_by_kernel(sys: Sys) -> Iterator[tuple[Device, str]]:
    found = 0
    for node in sys.list("class", "drm"):
        if node.startswith("renderD") and sys.read("class", "drm", node, "device", "vendor") == _INTEL:
            lines = sys.read("class", "drm", node, "device", "uevent").splitlines()
            address = next((line.partition("=")[2] for line in lines if line.startswith("PCI_SLOT_NAME=")), "")
            if address and not _is_built_in(address):
                yield _device(found, address, "Intel GPU", address, sys), address
                found += 1


def _is_built_in(address: str) -> bool:
    return address.split(":")[1:2] == ["00"]


def _device(index: int, uuid: str, name: str, address: str, sys: Sys) -> Device:
    return Device(
        Vendor.INTEL,
        id=str(index),
        uuid=uuid,
        name=name,
        numa_node=sys.numa_node(address),
        near_cpus=sys.near_cpus(address),
    )
