"""What an outer CUDA_VISIBLE_DEVICES and its like leave of a host's devices.

| variable                | entries                                               |
| ----------------------- | ----------------------------------------------------- |
| CUDA_VISIBLE_DEVICES    | indices, UUIDs or unique prefixes of UUIDs, MIG UUIDs |
| ROCR_VISIBLE_DEVICES    | indices, UUIDs                                        |
| HIP_VISIBLE_DEVICES     | indices among those that ROCR_VISIBLE_DEVICES leaves  |
| ZE_AFFINITY_MASK        | indices of cards or tiles, `index.tile` of a card     |

The first entry that names no device ends a list, so an empty list and -1 hide all. A list that names a device twice
hides all, too. A variable that is not set hides none.

Source:
    CUDA C++ Programming Guide, "CUDA Environment Variables"; MIG User Guide, "CUDA_VISIBLE_DEVICES";
    `torch.cuda._parse_visible_devices` for duplicates; ROCm, "GPU isolation techniques"; Level Zero,
    ZE_AFFINITY_MASK and ZE_FLAT_DEVICE_HIERARCHY.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

from bohpo.cluster.devices.device import Device, Inventory

_INDEX = re.compile(r"\s*(\d+)")
_TILE = re.compile(r"(\d+)\.(\d+)")

CUDA, ROCR, HIP, ZE = "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"

ZE_HIERARCHY = "ZE_FLAT_DEVICE_HIERARCHY"


def visible_to_cuda(gpus: Sequence[tuple[Device, ...]], environment: Mapping[str, str]) -> Inventory:
    """Return the NVIDIA devices that an environment leaves visible.

    Args:
        gpus: By index, the GPU, or its MIG instances where it is split; an empty tuple where it is split into none.
        environment: Environment variables.
    """
    devices = [device for gpu in gpus for device in gpu]
    if CUDA not in environment:
        return Inventory(tuple(devices))

    def find(entry: str) -> Device | None:
        if entry.startswith(("GPU-", "MIG-")):
            return _by_uuid(entry, devices)
        index = _index(entry, len(gpus))
        return None if index is None or not gpus[index] else gpus[index][0]

    chosen = _chosen(CUDA, environment[CUDA], find)
    if chosen.problem or not _has_indices(environment[CUDA]) or environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return chosen
    if len({device.name for device in devices}) > 1:  # CUDA would count the fastest first, nvidia-smi by address
        problem = f"the indices in {CUDA} are taken as nvidia-smi counts; set CUDA_DEVICE_ORDER=PCI_BUS_ID to be sure"
        return Inventory(chosen.devices, problem)
    return chosen


def visible_to_rocm(devices: Sequence[Device], environment: Mapping[str, str]) -> Inventory:
    """Return the AMD devices that an environment leaves visible; HIP reads CUDA's variable where its own is not set."""
    left = Inventory(tuple(devices))
    if ROCR in environment:
        left = _chosen(ROCR, environment[ROCR], lambda entry: _by_uuid_or_index(entry, devices))
    hip = next((name for name in (HIP, CUDA) if environment.get(name) is not None), None)
    if hip is None or left.is_unknown:
        return left
    chosen = _chosen(hip, environment[hip], lambda entry: _by_uuid_or_index(entry, left.devices))
    return Inventory(chosen.devices, chosen.problem or left.problem)


def visible_to_level_zero(
    cards: Sequence[Device], environment: Mapping[str, str], *, tiles: Mapping[str, int] | None = None
) -> Inventory:
    """Return the Intel devices that an environment leaves visible.

    Level Zero counts the tiles of its cards, one after the other, unless ZE_FLAT_DEVICE_HIERARCHY is COMPOSITE.

    Args:
        cards: The cards by index.
        environment: Environment variables.
        tiles: How many tiles a card has, by its UUID; one where it is left out.
    """
    counts = [(tiles or {}).get(card.uuid, 1) for card in cards]
    is_flat = environment.get(ZE_HIERARCHY, "FLAT") != "COMPOSITE" and any(count > 1 for count in counts)
    devices = _tiles_of(cards, counts) if is_flat else list(cards)
    if not environment.get(ZE):  # Level Zero takes an empty mask for none
        return Inventory(tuple(devices))

    def find(entry: str) -> Device | None:
        tile = None if is_flat else _TILE.fullmatch(entry)
        index = _index(tile[1] if tile else entry, len(devices))
        if index is None:
            return None
        whole = devices[index]
        return dataclasses.replace(whole, id=entry, uuid=f"{whole.uuid}.{tile[2]}") if tile else whole

    return _chosen(ZE, environment[ZE], find)


def _tiles_of(cards: Sequence[Device], counts: Sequence[int]) -> list[Device]:
    found: list[Device] = []
    for card, count in zip(cards, counts, strict=True):
        for tile in range(count):
            uuid = f"{card.uuid}.{tile}" if count > 1 else card.uuid
            found.append(dataclasses.replace(card, id=str(len(found)), uuid=uuid))
    return found


def _chosen(variable: str, mask: str, find: Callable[[str], Device | None]) -> Inventory:
    chosen: list[Device] = []
    problem = ""
    for entry in mask.split(","):
        device = find(entry.strip())
        if device is None:
            problem = "" if _hides_all(entry) else _ends_early(variable, mask, entry)
            break
        if any(device.uuid == other.uuid for other in chosen):
            return Inventory((), f"{variable}={mask} names a device twice, which hides all; name each once")
        chosen.append(device)
    if not chosen and not _hides_all(mask):
        return Inventory((), f"{variable}={mask} names no device of this host; correct it, or unset it")
    return Inventory(tuple(chosen), problem if chosen else "")


def _ends_early(variable: str, mask: str, entry: str) -> str:
    return f"{variable}={mask} counts up to {entry.strip()!r} only, which names no device; correct it"


def _hides_all(mask: str) -> bool:
    return mask.split(",", maxsplit=1)[0].strip() in ("", "-1", "NoDevFiles", "none", "void")


def _has_indices(mask: str) -> bool:
    return _INDEX.match(mask) is not None


def _index(entry: str, count: int) -> int | None:
    """Read an index as CUDA does, which ignores letters after the digits."""
    found = _INDEX.match(entry)
    return int(found[1]) if found is not None and len(found[1]) < 10 and int(found[1]) < count else None


def _by_uuid(prefix: str, devices: Sequence[Device]) -> Device | None:
    """Find the device of a UUID or of a unique prefix; a GPU that is split stands for its first instance."""
    found = [device for device in devices if device.uuid.lower().startswith(prefix.lower())]
    parents = {device.parent for device in devices if device.parent.lower().startswith(prefix.lower())}
    if len(found) == 1 and not parents:
        return dataclasses.replace(found[0], id=found[0].uuid)
    if not found and len(parents) == 1:
        return next(device for device in devices if device.parent in parents)
    return None


def _by_uuid_or_index(entry: str, devices: Sequence[Device]) -> Device | None:
    if entry.upper().startswith("GPU-"):
        return _by_uuid(entry, devices)
    index = _index(entry, len(devices))
    return None if index is None else devices[index]
