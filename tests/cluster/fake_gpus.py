"""Hosts with GPUs that are none: programs on PATH, and a /sys tree."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from bohpo.cluster.devices import Device, Vendor

PROGRAM = "#!/bin/sh\n"


def make_program(folder: Path, name: str, body: str) -> None:
    """Put a shell script on a folder of programs."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(PROGRAM + body + "\n")
    (folder / name).chmod(0o755)


def make_nvidia_smi(
    folder: Path, count: int, *, instances: int = 0, in_mig_mode: bool = False, name: str = "NVIDIA A100-SXM4-40GB"
) -> list[str]:
    """Put an nvidia-smi on a folder of programs; return the UUIDs of its GPUs, which no other test has.

    Args:
        folder: Folder of programs.
        count: GPUs.
        instances: MIG instances of the last GPU.
        in_mig_mode: Whether the last GPU is in MIG mode, also without instances.
        name: Product name of each.
    """
    uuids = [f"GPU-{uuid.uuid4()}" for _ in range(count)]
    rows = [f"{i}, {gpu}, {name}, 40960, 00000000:{0x3B + i:02X}:00.0" for i, gpu in enumerate(uuids)]
    listed = [f"GPU {i}: {name} (UUID: {gpu})" for i, gpu in enumerate(uuids)]
    listed += [f"  MIG 1g.5gb      Device  {k}: (UUID: MIG-{uuid.uuid4()})" for k in range(instances)]
    modes = [f"{i}, {'Enabled' if in_mig_mode and i == count - 1 else 'Disabled'}" for i in range(count)]
    body = (
        'case "$*" in\n'
        + f"*mig.mode*) cat <<'END'\n{_lines(modes)}END\n;;\n"
        + f"-L) cat <<'END'\n{_lines(listed)}END\n;;\n"
        + f"*) cat <<'END'\n{_lines(rows)}END\n;;\nesac"
    )
    make_program(folder, "nvidia-smi", body)
    return uuids


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def make_rocm_smi(folder: Path, count: int) -> list[str]:
    """Put a rocm-smi on a folder of programs; return the UUIDs of its GPUs."""
    uniques = [uuid.uuid4().hex[:16] for _ in range(count)]
    cards = {
        f"card{i}": {
            "Unique ID": f"0x{unique}",
            "Card Series": "AMD Instinct MI250X",
            "VRAM Total Memory (B)": str(64 * 2**30),
            "PCI Bus": f"0000:{0xC1 + i:02X}:00.0",
        }
        for i, unique in enumerate(uniques)
    }
    answer = json.dumps({**cards, "system": {"Driver version": "6.7.0"}})
    make_program(folder, "rocm-smi", f"cat <<'END'\n{answer}\nEND")
    return [f"GPU-{unique}" for unique in uniques]


def path_with(folder: Path) -> str:
    """Return a PATH on which the programs of a folder come first."""
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def gpu(index: int, *, node: int | None = None, cpus: frozenset[int] = frozenset()) -> Device:
    """Return a GPU that no other test has."""
    return Device(Vendor.NVIDIA, str(index), f"GPU-{uuid.uuid4()}", "NVIDIA A100", 40 * 2**30, node, cpus)


def instances_of(parent: Device, count: int) -> tuple[Device, ...]:
    """Return MIG instances of a GPU."""
    ids = [f"MIG-{uuid.uuid4()}" for _ in range(count)]
    return tuple(dataclasses.replace(parent, id=known, uuid=known, parent=parent.uuid) for known in ids)


def make_sys(root: Path, addresses: dict[str, tuple[int, str]]) -> None:
    """Make a /sys tree in which PCI devices have a NUMA node and near CPUs."""
    for address, (node, cpus) in addresses.items():
        folder = root / "bus/pci/devices" / address
        folder.mkdir(parents=True)
        (folder / "numa_node").write_text(f"{node}\n")
        (folder / "local_cpulist").write_text(f"{cpus}\n")


@contextlib.contextmanager
def living(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a process alive for as long as the body takes; its environment names what it owns."""
    process = subprocess.Popen(command or ("sleep", "600"), env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()
