"""What the queues answer, in the formats that they document; real ones where the queue could be had."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.commands import Printed, Run
from bohpo.cluster.listing import ListedJob
from bohpo.cluster.protocol import JobState
from bohpo.errors import QueueError

QSTAT_XML = """<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>
    <job_list state="running">
      <JB_job_number>5</JB_job_number>
      <JAT_prio>0.55500</JAT_prio>
      <JB_name>a-campaign-of-a-long-name-0-1-0000713f</JB_name>
      <JB_owner>root</JB_owner>
      <state>r</state>
      <JAT_start_time>2026-11-21T17:02:29</JAT_start_time>
      <queue_name>main@localhost</queue_name>
      <slots>1</slots>
    </job_list>
    <job_list state="running"><JB_job_number>6</JB_job_number><JB_name>c</JB_name><state>dr</state></job_list>
  </queue_info>
  <job_info>
    <job_list state="pending"><JB_job_number>7</JB_job_number><JB_name>d</JB_name><state>qw</state></job_list>
    <job_list state="pending"><JB_job_number>12</JB_job_number><JB_name>e</JB_name><state>Eqw</state></job_list>
  </job_info>
</job_info>
"""

QACCT = """==============================================================
qname        main
jobname      {name}
jobnumber    {number}
end_time     Sat Nov 21 17:01:43 2026
failed       {failed}
exit_status  {status}
ru_wallclock 6s
"""

QSTAT_FULL = """Job Id: 1207.pbs01
    Job_Name = aneu-bcd96ad6da
    Job_Owner = cad@login1.cluster
    job_state = R
    queue = gpu
    Variable_List = PBS_O_HOME=/home/cad,PBS_O_LANG=C.UTF-8,
\tPBS_O_PATH=/usr/bin
    comment = Job run at Sat Nov 21 at 17:02 on (node12:ncpus=8)

Job Id: 1208.pbs01
    Job_Name = aneu-0123456789
    job_state = Q
    comment = Not Running: Insufficient amount of resource: ngpus

"""

QSTAT_ENDED = """Job Id: 1201.pbs01
    Job_Name = aneu-1
    job_state = F
    Exit_status = 0
    comment = Job run at Sat Nov 21 at 16:02 on (node12:ncpus=8) and finished
Job Id: 1202.pbs01
    Job_Name = aneu-2
    job_state = F
    Exit_status = -29
    comment = Job run at Sat Nov 21 at 16:02 on (node12:ncpus=8) and failed
Job Id: 1203.pbs01
    Job_Name = aneu-3
    job_state = F
    Exit_status = 271
    comment = Job run at Sat Nov 21 at 16:02 on (node12:ncpus=8) and terminated
Job Id: 1204.pbs01
    Job_Name = aneu-4
    job_state = F
    Exit_status = -27
Job Id: 1205.pbs01
    Job_Name = aneu-5
    job_state = C
    exit_status = 1
Job Id: 1206.pbs01
    Job_Name = aneu-6
    job_state = F
    comment = Not Running: deleted
"""

BJOBS = """4101|RUN|-|aneurysm-0-1-0123abcd
4102|PEND|-|aneurysm-1-1-0123abcd
4103|DONE|-|aneurysm-2-1-0123abcd
4104|EXIT|TERM_RUNLIMIT: job killed after reaching LSF run time limit|aneurysm-3-1-0123abcd
4105|EXIT|TERM_MEMLIMIT: job killed after reaching LSF memory usage limit|aneurysm-4-1-0123abcd
4106|EXIT|TERM_OWNER: job killed by owner|aneurysm-5-1-0123abcd
4107|EXIT|-|aneurysm-6-1-0123abcd
4108|UNKWN|-|aneurysm-7-1-0123abcd
4109|ZOMBI|-|aneurysm-8-1-0123abcd
4110|EXIT|TERM_PREEMPT: job killed after preemption|aneurysm-9-1-0123abcd
"""

CONDOR_Q = """[
{ "ClusterId": 71, "JobBatchName": "a", "JobStatus": 2, "ProcId": 0 },
{ "ClusterId": 72, "JobBatchName": "b", "JobStatus": 1, "ProcId": 0 },
{ "ClusterId": 73, "JobBatchName": "c", "JobStatus": 5, "ProcId": 0, "HoldReason": "via condor_hold (by user cad)" }
]
"""

CONDOR_HISTORY = """[
{ "ClusterId": 61, "JobBatchName": "a", "JobStatus": 4, "ProcId": 0, "ExitCode": 0 },
{ "ClusterId": 62, "JobBatchName": "b", "JobStatus": 3, "ProcId": 0, "LastJobStatus": 2,
  "RemoveReason": "via condor_rm (by user cad)" },
{ "ClusterId": 63, "JobBatchName": "c", "JobStatus": 3, "ProcId": 0, "LastJobStatus": 2,
  "RemoveReason": "The job attribute PeriodicRemove expression '(JobStatus == 1)' evaluated to TRUE" },
{ "ClusterId": 64, "JobBatchName": "d", "JobStatus": 3, "ProcId": 0, "LastJobStatus": 1,
  "RemoveReason": "The job attribute PeriodicRemove expression '(JobStatus == 1)' evaluated to TRUE" },
{ "ClusterId": 65, "JobBatchName": "e", "JobStatus": 4, "ProcId": 0, "ExitCode": 1 }
]
"""

OARSTAT = """{
   "9001" : { "id" : 9001, "name" : "a", "state" : "Running", "owner" : "cad", "message" : "R=8,W=2:0:0,J=B" },
   "9002" : { "id" : 9002, "name" : "b", "state" : "Waiting", "owner" : "cad", "message" : "R=8,W=2:0:0,J=B" }
}
"""

SHOWQ = """<Data><Object>queue</Object><cluster LocalUpNodes="40"></cluster>
<queue count="1" option="active"><job Account="radiology" Class="gpu" DRMJID="311.master" JobID="Moab.311" JobName="a"
 State="Running" User="cad"></job></queue>
<queue count="1" option="eligible"><job JobID="Moab.312" JobName="b" State="Idle" User="cad"></job></queue>
<queue count="1" option="blocked"><job JobID="Moab.313" JobName="c" State="UserHold" User="cad"></job></queue></Data>
"""

SHOWQ_COMPLETED = """<Data><Object>queue</Object>
<queue count="3" option="completed"><job CompletionCode="0" JobID="Moab.301" JobName="a" State="Completed"></job>
<job CompletionCode="CNCLD" JobID="Moab.302" JobName="b" State="Completed"></job>
<job CompletionCode="271" JobID="Moab.303" JobName="c" State="Completed"></job></queue></Data>
"""


def answering(answer: str | Printed, asked: list[str] | None = None) -> Run:
    """Make a `Run` that answers each command by what was recorded; PBS's job ids are told first."""

    def run(*command: str, accept: Collection[int] = (0,)) -> Printed:
        if asked is not None:
            asked.append(command[0])
        if command[0] == "qselect":
            return Printed(0, "1207.pbs01\n1208.pbs01\n" if answer else "", "")
        printed = answer if isinstance(answer, Printed) else Printed(0, answer, "")
        if printed.exit_code not in accept:
            raise QueueError(printed.words)
        return printed

    return run


def states(jobs: Iterable[ListedJob]) -> dict[str, str]:
    return {job.job_id: job.status.state.value for job in jobs}


@pytest.mark.parametrize(
    ("backend", "answer", "found"),
    [
        (
            "slurm",
            "11|PENDING|Resources|aneurysm-0-1-0123abcd\n12|RUNNING|None|a|b\n13|COMPLETING|None|c\n14|COMPLETED|None|d\n"
            "15|CANCELLED|None|e\n16|TIMEOUT|TimeLimit|f\n17|OUT_OF_MEMORY|OutOfMemory|g\n18|NODE_FAIL|None|h\n"
            "19|PREEMPTED|None|i\n20|FAILED|NonZeroExitCode|j\n",
            "queued running running gone cancelled time-limit out-of-memory node-failed preempted failed",
        ),
        ("slurm", "", ""),
        ("sge", QSTAT_XML, "running running queued queued"),
        ("pbs", QSTAT_FULL, "running queued"),
        (
            "lsf",
            BJOBS,
            "running queued gone time-limit out-of-memory cancelled failed running node-failed preempted",
        ),
        ("htcondor", CONDOR_Q, "running queued queued"),
        ("htcondor", "", ""),
        ("htcondor", "[\n]\n", ""),
        ("oar", OARSTAT, "running queued"),
        ("oar", "{}", ""),
        ("moab", SHOWQ, "running queued queued"),
    ],
)
def test_a_listing_is_read(backend: str, answer: str, found: str) -> None:
    run = answering(answer)
    assert list(states(BACKENDS[backend].list_jobs(run)).values()) == found.split()


@pytest.mark.parametrize(
    ("backend", "answer", "found"),
    [
        ("slurm", "11|COMPLETED|None|a\n12|CANCELLED by 1000|None|b\n13|TIMEOUT|None|c\n", "gone cancelled time-limit"),
        ("pbs", QSTAT_ENDED, "gone time-limit cancelled out-of-memory failed cancelled"),
        ("htcondor", CONDOR_HISTORY, "gone cancelled time-limit node-failed failed"),
        ("moab", SHOWQ_COMPLETED, "gone cancelled failed"),
        ("oar", '{"9001": {"name": "a", "state": "Error", "message": "[bipbip] Job walltime"}}', "time-limit"),
        ("oar", '{"9001": {"name": null, "state": "Terminated", "message": ""}}', "gone"),
        ("sge", QACCT.format(name="a", number=5, failed="0", status="0"), "gone"),
        (
            "sge",
            QACCT.format(
                name="a", number=5, failed="37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", status="137 (Killed)"
            ),
            "time-limit",
        ),
        ("sge", QACCT.format(name="a", number=6, failed="100 : assumedly after job", status="137 (Killed)"), "failed"),
    ],
)
def test_what_is_known_of_ended_jobs_is_read(backend: str, answer: str, found: str) -> None:
    wanted = ["Moab.301", "Moab.302", "Moab.303"] if backend == "moab" else ["5"]
    assert list(states(BACKENDS[backend].ended_jobs(answering(answer), wanted)).values()) == found.split()


def test_names_and_details_are_told_whole() -> None:
    first = next(iter(BACKENDS["sge"].list_jobs(answering(QSTAT_XML))))
    assert (first.name, first.status.detail) == ("a-campaign-of-a-long-name-0-1-0000713f", "r")
    pending = next(iter(BACKENDS["slurm"].list_jobs(answering("11|PENDING|Resources|a|b\n"))))
    assert (pending.name, pending.status.detail) == ("a|b", "PENDING (Resources)")


def test_pbs_is_not_asked_about_no_jobs() -> None:
    asked: list[str] = []
    assert list(BACKENDS["pbs"].list_jobs(answering("", asked))) == []
    assert asked == ["qselect"]


def test_lsf_says_with_an_error_that_there_are_no_jobs() -> None:
    assert list(BACKENDS["lsf"].list_jobs(answering(Printed(255, "", "No job found\n")))) == []
    with pytest.raises(QueueError, match="LIM is down"):
        BACKENDS["lsf"].list_jobs(answering(Printed(255, "", "Failed in an LSF library call: LIM is down")))


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("answer", ["<html>Service unavailable", "slurm_load_jobs error", '{"a": 1}', "[1]", "<a/>"])
def test_an_answer_that_cannot_be_read_never_means_that_there_are_no_jobs(backend: str, answer: str) -> None:
    run = answering(answer)
    with pytest.raises(QueueError, match="cannot read"):
        BACKENDS[backend].list_jobs(run)


@pytest.mark.parametrize("backend", ["sge", "moab"])
def test_xml_with_entities_is_refused(backend: str) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "x">]><job_info><queue>&b;</queue></job_info>'
    with pytest.raises(QueueError):
        BACKENDS[backend].list_jobs(answering(bomb))


@given(st.text(), st.sampled_from(sorted(BACKENDS)))
def test_no_answer_raises_anything_else_than_a_queue_error(answer: str, backend: str) -> None:
    run = answering(answer)
    try:
        jobs = list(BACKENDS[backend].list_jobs(run))
    except QueueError:
        return
    assert all(isinstance(job.status.state, JobState) for job in jobs)
