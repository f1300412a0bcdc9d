"""GPUs of this host: which there are, which of them this process may use, and which jobs own them now."""

from bohpo.cluster.devices.allocation import choose_cpus, choose_devices, usage_of
from bohpo.cluster.devices.claims import Claim, lock_devices, read_claims
from bohpo.cluster.devices.device import Device, Inventory, Vendor
from bohpo.cluster.devices.discovery import discover_devices, look_for_devices
from bohpo.cluster.devices.environment import job_environment

__all__ = [
    "Claim",
    "Device",
    "Inventory",
    "Vendor",
    "choose_cpus",
    "choose_devices",
    "discover_devices",
    "job_environment",
    "lock_devices",
    "look_for_devices",
    "read_claims",
    "usage_of",
]
