"""`bohpo doctor`: whether this machine can run campaigns, and what to do where it cannot.

Meant for the login node of a cluster. It changes nothing, never hangs, and shows no password. Exit codes: 0 where all
that the plan needs is fine, notes or not; 1 where something needed is not; 2 where the question itself makes no sense,
such as a study with mistakes; 3 where there is no such study.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bohpo.cli.doctor.database import look_at_certificate, look_at_database, look_at_password
from bohpo.cli.doctor.examination import Check, examine
from bohpo.cli.doctor.finding import LOCAL, Finding, Plan
from bohpo.cli.doctor.folders import look_at_folder, look_at_sharing, look_at_space
from bohpo.cli.doctor.gpu import look_at_gpu, look_at_torch
from bohpo.cli.doctor.host import (
    look_at_clock,
    look_at_cores,
    look_at_environment,
    look_at_limits,
    look_at_memory,
    look_at_packages,
    look_at_python,
)
from bohpo.cli.doctor.network import look_at_internet
from bohpo.cli.doctor.queues import QUEUES, look_at_queues
from bohpo.cli.output import emit, pairs
from bohpo.cli.place import HERE, Place
from bohpo.errors import UnfitError, UsageError

_FILE_SERVER = "the file server may be away: `df` would hang, too; ask who runs it, or choose another --directory"
_SYSTEM = "the host is overloaded, or a file system that it uses is away"
_DATABASE = "the database's host is away or a firewall is in between; check host and port"

CHECKS = (
    Check("python", look_at_python, _SYSTEM),
    Check("packages", look_at_packages, _SYSTEM),
    Check("python on nodes", look_at_environment, _FILE_SERVER),
    Check("cores", look_at_cores, _SYSTEM),
    Check("memory", look_at_memory, _SYSTEM),
    Check("limits", look_at_limits, _SYSTEM),
    Check("clock", look_at_clock, _SYSTEM),
    Check("gpu", look_at_gpu, "the GPU's driver hangs; `dmesg` and the administrator know more"),
    Check("torch", look_at_torch, "torch or the GPU's driver hangs"),
    Check("queue", look_at_queues, "the queue's server is away; ask who runs it"),
    Check("folder", look_at_folder, _FILE_SERVER),
    Check("file system", look_at_sharing, _FILE_SERVER),
    Check("disk", look_at_space, _FILE_SERVER),
    Check("database", look_at_database, _DATABASE),
    Check("password", look_at_password, _FILE_SERVER),
    Check("certificate", look_at_certificate, _DATABASE),
    Check("internet", look_at_internet, "a name server or a proxy is away; campaigns do not need them"),
)


def doctor(
    study: Path | None = None,
    /,
    *,
    cluster: str | None = None,
    torch: Annotated[bool, Parameter(negative="")] = False,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Check that this machine can run campaigns; each trouble comes with its remedy.

    Exit code 0: all that is needed is fine; 1: something needed is not.

    Args:
        study: Study to be run; its [cluster] says which queue is needed.
        cluster: Queue that is needed, instead of the study's: slurm, pbs, sge, lsf, htcondor, oar, moab or local.
        torch: Ask torch for its GPUs, too; takes some seconds.
        json: Print one JSON object.
        place: Which database and folder to check.
    """
    plan = _plan(study, cluster, place, asks_torch=torch)
    findings = examine(CHECKS, plan)
    if json:
        emit({"backend": plan.backend, "findings": [_as_json(finding) for finding in findings]})
    else:
        pairs((f"{_mark(finding):<8} {finding.name}", str(finding)) for finding in findings)
    if troubles := [finding.name for finding in findings if finding.is_trouble]:
        raise UnfitError(f"trouble with {', '.join(troubles)}; the remedies are listed")


def _plan(study: Path | None, cluster: str | None, place: Place, *, asks_torch: bool) -> Plan:
    backend = cluster
    if study is not None:
        from bohpo.study import Study

        backend = cluster or Study.load(study).cluster.backend
    backend = backend or LOCAL
    if backend not in (LOCAL, *QUEUES):
        raise UsageError(f"--cluster {backend!r} is unknown; take one of {', '.join((LOCAL, *QUEUES))}")
    return Plan(place.store, place.directory, backend, asks_torch=asks_torch)


def _mark(finding: Finding) -> str:
    if finding.is_fine:
        return "ok"
    return "TROUBLE" if finding.is_needed else "note"


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.name,
        "fine": finding.is_fine,
        "needed": finding.is_needed,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }
