"""NVIDIA's GPUs and their MIG instances, as `nvidia-smi` lists them.

Source:
    nvidia-smi(1), `--query-gpu` and `-L`; MIG User Guide, "Device Enumeration".
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
from collections.abc import Mapping

from bohpo.cluster.devices.device import Device, Inventory, Vendor
from bohpo.cluster.devices.probe import ProbeError, Sys, run_probe
from bohpo.cluster.devices.visibility import CUDA, visible_to_cuda

_QUERY = "index,uuid,name,memory.total,pci.bus_id"
_GPU = re.compile(r"GPU (\d+): ")
_MIG_MODE = re.compile(r"^\s*(\d{1,6})\s*,\s*Enabled\s*$", re.MULTILINE)
_INSTANCE = re.compile(r"\s+MIG (.+?)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)")


def find_nvidia(sys: Sys, environment: Mapping[str, str]) -> Inventory:
    """Return NVIDIA's devices that this process may use.

    Raises:
        ProbeError: If nvidia-smi does not answer, or its answer makes no sense.
    """
    if shutil.which("nvidia-smi", path=environment.get("PATH")) is None:
        return Inventory()
    gpus = _parse_gpus(run_probe("nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"), sys)
    instances = _parse_instances(run_probe("nvidia-smi", "-L"))
    in_mode = _gpus_in_mig_mode() | instances.keys()
    if in_mode:  # CUDA does not count there as nvidia-smi does
        gpus = {index: dataclasses.replace(gpu, id=gpu.uuid) for index, gpu in gpus.items()}
    split = [
        _instances_of(gpu, instances.get(index, [])) if index in in_mode else (gpu,)
        for index, gpu in sorted(gpus.items())
    ]
    found = visible_to_cuda(split, environment)
    empty = ", ".join(str(index) for index in sorted(in_mode - instances.keys()))
    if not empty or found.problem or CUDA in environment:
        return found
    return Inventory(found.devices, f"GPU {empty} is in MIG mode without an instance, so no job can use it")


def _gpus_in_mig_mode() -> set[int]:
    """Return the indices of the GPUs in MIG mode; an nvidia-smi from before MIG does not know the word."""
    with contextlib.suppress(ProbeError):
        text = run_probe("nvidia-smi", "--query-gpu=index,mig.mode.current", "--format=csv,noheader")
        return {int(index) for index in _MIG_MODE.findall(text)}
    return set()


def _parse_gpus(text: str, sys: Sys) -> dict[int, Device]:
    gpus = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        columns = [column.strip() for column in line.split(",")]
        if len(columns) < 4 or not columns[0].isdecimal() or not columns[1].startswith("GPU-"):
            raise ProbeError(f"nvidia-smi printed {line[:80]!r}, which is no list of GPUs")
        index, uuid, name, memory, *address = columns
        place = _pci_address(address[0]) if address else ""
        gpus[int(index)] = Device(
            Vendor.NVIDIA,
            id=index,
            uuid=uuid,
            name=name,
            memory_bytes=_mebibytes(memory),
            numa_node=sys.numa_node(place) if place else None,
            near_cpus=sys.near_cpus(place) if place else frozenset(),
        )
    if sorted(gpus) != list(range(len(gpus))):
        raise ProbeError(f"nvidia-smi lists the GPUs {sorted(gpus)}, which does not count from 0")
    return gpus


def _mebibytes(text: str) -> int | None:
    """Read an amount of memory; a GPU that shares the host's has none of its own."""
    number = text.split(" ", maxsplit=1)[0]
    return int(number) * 2**20 if number.isdecimal() else None


def _pci_address(text: str) -> str:
    """Write an address as /sys does: nvidia-smi has eight digits of the domain, and capitals."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:]}:{rest}" if re.fullmatch(r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", rest) else ""


def _parse_instances(text: str) -> dict[int, list[tuple[str, str]]]:
    """Parse `nvidia-smi -L`: by GPU, the profile and the UUID of each instance."""
    instances: dict[int, list[tuple[str, str]]] = {}
    index = None
    for line in text.splitlines():
        if gpu := _GPU.match(line):
            index = int(gpu[1])
        elif (instance := _INSTANCE.match(line)) and index is not None:
            instances.setdefault(index, []).append((instance[1], instance[2]))
    return instances


def _instances_of(gpu: Device, instances: list[tuple[str, str]]) -> tuple[Device, ...]:
    """Return the instances that a GPU in MIG mode is split into, each named by UUID as CUDA requires."""
    return tuple(
        Device(
            Vendor.NVIDIA,
            id=uuid,
            uuid=uuid,
            name=f"{gpu.name} MIG {profile}",
            memory_bytes=_instance_bytes(profile),
            numa_node=gpu.numa_node,
            near_cpus=gpu.near_cpus,
            parent=gpu.uuid,
        )
        for profile, uuid in instances
    )


def _instance_bytes(profile: str) -> int | None:
    """Read the memory of an instance from its profile, such as 1g.5gb."""
    found = re.search(r"\.(\d+)gb", profile)
    return int(found[1]) * 2**30 if found else None
