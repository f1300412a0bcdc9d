"""The queues: whose commands are here, and which of them answer."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from bohpo.cli.doctor.commands import Reply, ask
from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.space.checks import did_you_mean


@dataclass(frozen=True, slots=True)
class Queue:
    """One kind of queue, as its commands show it.

    Attributes:
        title: What people call it.
        commands: Needed to submit, look and cancel.
        mark: Command that tells it from others whose commands have the same names.
        question: Command that only a queue at work answers.
        header: Lines of its answer before the partitions are listed, or None where it does not list them.
        partitions: What it calls them.
    """

    title: str
    commands: tuple[str, ...]
    mark: str
    question: tuple[str, ...]
    header: int | None = None
    partitions: str = "queues"


QUEUES = {
    "slurm": Queue(
        "Slurm",
        ("sbatch", "squeue", "scancel", "scontrol"),
        "sbatch",
        ("sinfo", "--noheader", "--format=%R"),
        header=0,
        partitions="partitions",
    ),
    "pbs": Queue("PBS", ("qsub", "qstat", "qdel"), "pbsnodes", ("qstat", "-Q"), header=2),
    "sge": Queue("Grid Engine", ("qsub", "qstat", "qdel"), "qconf", ("qconf", "-sql"), header=0),
    "lsf": Queue("LSF", ("bsub", "bjobs", "bkill"), "bsub", ("bqueues",), header=1),
    "htcondor": Queue("HTCondor", ("condor_submit", "condor_q", "condor_rm"), "condor_submit", ("condor_q",)),
    "oar": Queue("OAR", ("oarsub", "oarstat", "oardel"), "oarsub", ("oarstat",)),
    "moab": Queue("Moab", ("msub", "showq", "canceljob"), "msub", ("showq",)),
}
"""Name of the backend -> what its commands are."""


def look_at_queues(plan: Plan) -> list[Finding]:
    """Check the queue that is planned for, and every other one whose commands are found."""
    found = [name for name, queue in QUEUES.items() if name != plan.backend and _is_here(queue)]
    findings = [_planned(plan)] if plan.backend in QUEUES else []
    findings += [_look_at(name, is_needed=False) for name in found]
    return findings or [Finding("queue", True, "no queue's commands in PATH; campaigns run on this machine")]


def _is_here(queue: Queue) -> bool:
    return all(shutil.which(command) for command in (queue.mark, *queue.commands))


def _planned(plan: Plan) -> Finding:
    queue = QUEUES[plan.backend]
    missing = [command for command in queue.commands if not shutil.which(command)]
    if missing:
        detail = f"{', '.join(missing)} not in PATH"
        remedy = f"run on a login node of {queue.title}, after `module load {plan.backend}` where there are modules"
        return Finding(f"queue {plan.backend}", False, detail, remedy)
    if not shutil.which(queue.mark):
        others = [name for name, other in QUEUES.items() if _is_here(other)]
        meant = f"--cluster {others[0]} is here" if others else f"`{queue.mark}` belongs to it"
        return Finding(f"queue {plan.backend}", False, f"{queue.mark} not in PATH: is this {queue.title}?", meant)
    return _look_at(plan.backend, is_needed=True, partition=plan.partition)


def _look_at(name: str, *, is_needed: bool, partition: str | None = None) -> Finding:
    queue, title = QUEUES[name], f"queue {name}"
    reply = ask(*queue.question)
    if not reply.is_good:
        detail = f"does not answer: {reply.complaint or f'exit status {reply.status}'}"
        remedy = f"try `{' '.join(queue.question)}`; if its server is down, wait, or ask who runs it"
        return Finding(title, False, detail, remedy, is_needed)
    known = _partitions(queue, reply)
    if partition is not None and known and partition not in known:
        remedy = did_you_mean(partition, known, "take one of them")
        return Finding(title, False, f"there is no {partition!r}, only {', '.join(known)}", remedy, is_needed)
    listed = f", {queue.partitions}: {', '.join(known)}" if known else ""
    use = "" if is_needed else f"; --cluster {name} examines it for campaigns"
    return Finding(title, True, f"answers{listed}{use}", is_needed=is_needed)


def _partitions(queue: Queue, reply: Reply) -> list[str]:
    if queue.header is None:
        return []
    return list(dict.fromkeys(line.split()[0] for line in reply.lines[queue.header :]))
