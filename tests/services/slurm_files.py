"""The files that describe a Slurm of several nodes on one host, without systemd, cgroups or accounting."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SlurmSize:
    """How large the cluster is, and how patient.

    Attributes:
        nodes: Number of nodes.
        cpus: CPUs of a node; more than the host has is fine.
        memory_mb: Memory of a node, in MB; what Slurm hands out, nothing checks what jobs take.
        gpus: GPUs of a node that are none.
        kill_wait_s: Seconds between a job's SIGTERM and its SIGKILL.
        node_timeout_s: Seconds without a sign of life after which a node counts as down.
        memory_of_jobs_s: Seconds for which a job that has ended is remembered.
        credential_s: Seconds that a launch may take; a job that was requeued waits as long.
    """

    nodes: int = 3
    cpus: int = 6
    memory_mb: int = 9000
    gpus: int = 2
    kill_wait_s: int = 10
    node_timeout_s: int = 30
    memory_of_jobs_s: int = 600
    credential_s: int = 15


def slurm_conf(folder: Path, size: SlurmSize, ports: Sequence[int]) -> str:
    """Write slurm.conf.

    Args:
        folder: Everything is kept in here.
        size: The cluster's size.
        ports: Of the controller, then of each node.

    Source:
        slurm.conf(5) of Slurm 22.05. Node states that a controller finds at its start are kept in `state`.
    """
    host = socket.gethostname().partition(".")[0]
    nodes = f"n[1-{size.nodes}]"
    lines = [
        "ClusterName=tests",
        f"SlurmctldHost={host}(127.0.0.1)",
        f"SlurmctldPort={ports[0]}",
        "SlurmUser=root",
        "SlurmdUser=root",
        "AuthType=auth/munge",
        f"AuthInfo=socket={folder}/munge.socket,cred_expire={size.credential_s}",
        f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool.%n",
        f"SlurmctldPidFile={folder}/slurmctld.pid",
        f"SlurmdPidFile={folder}/slurmd.%n.pid",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "JobAcctGatherType=jobacct_gather/none",
        "AccountingStorageType=accounting_storage/none",
        "JobCompType=jobcomp/filetxt",
        f"JobCompLoc={folder}/jobs.txt",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        "SchedulerType=sched/backfill",
        "SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=100000",
        "SlurmdParameters=config_overrides",
        f"DefMemPerCPU={size.memory_mb // size.cpus}",
        "MpiDefault=none",
        "ReturnToService=2",
        f"KillWait={size.kill_wait_s}",
        f"MinJobAge={size.memory_of_jobs_s}",
        f"SlurmdTimeout={size.node_timeout_s}",
        "GresTypes=gpu",
    ]
    for index, port in enumerate(ports[1:], start=1):
        lines.append(
            f"NodeName=n{index} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={size.cpus} Boards=1"
            f" SocketsPerBoard=1 CoresPerSocket={size.cpus} ThreadsPerCore=1 RealMemory={size.memory_mb}"
            f" Gres=gpu:{size.gpus} State=UNKNOWN"
        )
    lines.append(f"PartitionName=main Nodes={nodes} Default=YES MaxTime=INFINITE State=UP")
    lines.append(f"PartitionName=short Nodes={nodes} MaxTime=00:01:00 State=UP")
    return "\n".join(lines) + "\n"


def gres_conf(folder: Path, size: SlurmSize) -> str:
    """Write gres.conf; each GPU is a device file, whose last digit becomes CUDA_VISIBLE_DEVICES."""
    return f"Name=gpu File={folder}/gpu[0-{size.gpus - 1}]\n"
