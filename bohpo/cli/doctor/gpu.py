"""GPUs of this host, as the driver and torch see them."""

from __future__ import annotations

import shutil

from bohpo.cli.doctor.commands import ask
from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.processes import PYTHON

TORCH = (
    "import torch; n = torch.cuda.device_count() if torch.cuda.is_available() else 0; "
    "print(torch.__version__, *(torch.cuda.get_device_name(i) for i in range(n)), sep='|')"
)
TORCH_S = 20.0


def look_at_gpu(plan: Plan) -> list[Finding]:
    """Tell which GPUs this host has; a login node often has none."""
    if shutil.which("nvidia-smi") is None:
        remedy = "--job looks on a compute node" if plan.uses_queue else "trainings run on the CPU"
        return [Finding("gpu", plan.uses_queue, "no nvidia-smi on this host", remedy, is_needed=False)]
    reply = ask("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    if not reply.is_good or not reply.lines:
        detail = reply.complaint or " ".join(reply.lines)[:200] or "nvidia-smi lists no GPU"
        return [Finding("gpu", False, detail, "`dmesg` and the administrator know more", is_needed=False)]
    return [Finding("gpu", True, f"{len(reply.lines)}: " + "; ".join(reply.lines))]


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
