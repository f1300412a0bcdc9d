"""GPUs of this host, as the driver and torch see them, and the jobs that own them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bohpo.cli.doctor.commands import ask
from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.processes import PYTHON

if TYPE_CHECKING:
    from bohpo.cluster.devices import Claim, Device

TORCH = (
    "import torch; n = torch.cuda.device_count() if torch.cuda.is_available() else 0; "
    "print(torch.__version__, *(torch.cuda.get_device_name(i) for i in range(n)), sep='|')"
)
TORCH_S = 20.0


def look_at_gpu(plan: Plan) -> list[Finding]:
    """List the GPUs that jobs of this host may be given; a login node often has none."""
    from bohpo.cluster.devices import look_for_devices, read_claims

    found = look_for_devices(os.environ)
    if found.is_unknown:
        remedy = "`dmesg` and the administrator know more"
        return [Finding("gpu", False, found.problem, remedy, is_needed=False)]
    if not found.devices:
        remedy = "--job looks on a compute node" if plan.uses_queue else "trainings run on the CPU"
        return [Finding("gpu", plan.uses_queue, f"no GPU for jobs on this host{_hidden()}", remedy, is_needed=False)]
    kinds = ", ".join(dict.fromkeys(device.name for device in found.devices))
    summary = Finding("gpu", not found.problem, f"{len(found.devices)}: {kinds}", found.problem, is_needed=False)
    claims = read_claims()
    return [summary, *(_finding(device, claims) for device in found.devices)]


def _hidden() -> str:
    names = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
    hiding = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return f" ({', '.join(hiding)} is set)" if hiding else ""


def _finding(device: Device, claims: Sequence[Claim]) -> Finding:
    memory = "" if device.memory_bytes is None else f"{device.memory_bytes / 2**30:.0f} GiB"
    node = "" if device.numa_node is None else f"NUMA node {device.numa_node}"
    owners = [claim for claim in claims if any(map(device.overlaps, claim.devices))]
    owned = ", ".join(f"{claim.job} ({claim.share:g})" if claim.share < 1 else claim.job for claim in owners)
    parts = (device.name, memory, device.uuid, node, f"owned by {owned}" if owned else "free")
    return Finding(f"gpu {device.id if device.id.isdecimal() else ''}".rstrip(), True, ", ".join(filter(None, parts)))


def look_at_torch(plan: Plan) -> list[Finding]:
    """Ask torch for its GPUs, in a process of its own."""
    if not plan.asks_torch:
        return []
    reply = ask(*PYTHON, "-c", TORCH, seconds=TORCH_S)
    if not reply.is_good:
        return [Finding("torch", False, reply.complaint or "torch cannot be imported", "pip install torch")]
    version, *devices = reply.lines[-1].split("|")
    if devices:
        return [Finding("torch", True, f"{version} sees {len(devices)}: {', '.join(devices)}")]
    remedy = "on a host with GPUs: install a CUDA build that its driver knows (docker/README.md)"
    return [Finding("torch", plan.uses_queue, f"{version} sees no GPU here", remedy, is_needed=False)]
