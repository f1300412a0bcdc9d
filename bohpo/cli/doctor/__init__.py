"""`bohpo doctor`: whether this machine can run campaigns, and what to do where it cannot.

Meant for the login node of a cluster. It changes nothing, never hangs, and shows no password. Exit codes: 0 where all
that the plan needs is fine, notes or not; 1 where something needed is not; 2 where the question itself makes no sense,
such as a study with mistakes; 3 where there is no such study.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from bohpo.cli.doctor.database import look_at_certificate, look_at_database, look_at_password
from bohpo.cli.doctor.examination import Check, examine
from bohpo.cli.doctor.finding import Finding, Plan
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
from bohpo.cli.doctor.queues import look_at_queues
from bohpo.cli.output import emit, pairs, say
from bohpo.cli.place import HERE, Place
from bohpo.errors import UnfitError

if TYPE_CHECKING:
    from bohpo.study import Cluster

_FILE_SERVER = "the file server may be away: `df` would hang, too; ask who runs it, or choose another --directory"
_SYSTEM = "the host is overloaded, or a file system that it uses is away"
_DATABASE = "the database's host is away or a firewall is in between; check host and port"

_ANY_STUDY = {
    "command": ["true"],
    "objective": {"direction": "maximize"},
    "space": {"x": {"type": "int", "low": 0, "high": 1}},
}
"""Where no study is named, site files and environment alone say which queue there is."""

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
    job: Annotated[bool, Parameter(negative="")] = False,
    wait: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 300.0,
    torch: Annotated[bool, Parameter(negative="")] = False,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Check that this machine can run campaigns; each trouble comes with its remedy.

    Exit code 0: all that is needed is fine; 1: something needed is not.

    Args:
        study: Study to be run; its [cluster] says which queue is needed.
        cluster: Queue that is needed, instead of the study's: slurm, pbs, sge, lsf, htcondor, oar, moab or local.
        job: Submit one tiny job, too, and tell what its node sees.
        wait: Seconds that this job may take, its time in the queue included.
        torch: Ask torch for its GPUs, too; takes some seconds.
        json: Print one JSON object.
        place: Which database and folder to check.
    """
    settings = _settings(study, cluster)
    plan = Plan(
        store=place.store,
        directory=place.directory,
        backend=settings.backend,
        partition=settings.queue,
        brings_python=settings.container is not None or settings.python is not None,
        asks_torch=torch,
    )
    findings = examine(CHECKS, plan)
    if job:
        findings += _try_job(plan, settings, findings, wait)
    if json:
        emit({"backend": plan.backend, "findings": [_as_json(finding) for finding in findings]})
    else:
        pairs((f"{_mark(finding):<8} {finding.name}", str(finding)) for finding in findings)
    if troubles := [finding.name for finding in findings if finding.is_trouble]:
        raise UnfitError(f"trouble with {', '.join(troubles)}; the remedies are listed")


def _settings(study: Path | None, backend: str | None) -> Cluster:
    """Give what holds for the cluster: flag, environment, study, site files."""
    from bohpo.study import Study, settle

    planned = Study.from_data(_ANY_STUDY, source="doctor") if study is None else Study.load(study)
    return settle(planned, backend=backend).study.cluster


def _try_job(plan: Plan, settings: Cluster, findings: list[Finding], wait_s: float) -> list[Finding]:
    from bohpo.cli.doctor.job import try_job

    in_the_way = [f.name for f in findings if f.is_trouble and f.name in ("folder", f"queue {plan.backend}")]
    if in_the_way:
        return [Finding("job", False, "not submitted", f"first put right: {', '.join(in_the_way)}")]
    return try_job(plan, settings, wait_s=wait_s, say=say)


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
