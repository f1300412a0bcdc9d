"""`bohpo doctor` on hosts of all kinds: what it finds, what it advises, and that it always comes back."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bohpo.cli.doctor.database import look_at_certificate, look_at_database, look_at_password
from bohpo.cli.doctor.finding import Plan
from bohpo.cli.doctor.folders import look_at_folder, look_at_sharing
from bohpo.cli.doctor.gpu import look_at_gpu, look_at_torch
from bohpo.cli.doctor.network import look_at_internet
from bohpo.cli.doctor.queues import QUEUES, look_at_queues
from bohpo.cluster.backends import BACKENDS
from bohpo.errors import BohpoError
from bohpo.store import open_store
from tests.cli.doctoring import command, doctor
from tests.services import PostgresqlServer

CANARY = "c4n4ry-7f3a"

ANSWERS = {
    "slurm": ("sinfo", "echo gpu\necho short\necho gpu", "gpu, short"),
    "pbs": ("qstat", "echo Queue Max Tot\necho ----- --- ---\necho gpu 0 3", "gpu"),
    "sge": ("qconf", "echo all.q", "all.q"),
    "lsf": ("bqueues", "echo QUEUE_NAME PRIO STATUS\necho night 30 Open:Active", "night"),
    "htcondor": ("condor_q", "echo '0 jobs; 0 completed'", ""),
    "oar": ("oarstat", "echo Job id S User", ""),
    "moab": ("showq", "echo active jobs", ""),
}
"""Backend -> the command that is asked, what it prints in the manner of the real one, the partitions in that."""


def queue_commands(folder: Path, backend: str, answer: str | None = None) -> Path:
    """Write the commands of a queue that answers."""
    commands, queue = folder / f"{backend}-commands", QUEUES[backend]
    for name in {queue.mark, *queue.commands, queue.question[0]}:
        command(commands, name, "exit 0")
    command(commands, queue.question[0], answer or ANSWERS[backend][1])
    return commands


def test_a_plain_machine_is_fit(tmp_path: Path) -> None:
    diagnosis = doctor(tmp_path)
    assert diagnosis.troubles == []
    assert diagnosis.findings["database"]["detail"] == "bohpo.db is not there yet; the first launch makes it"
    assert "on this machine" in diagnosis.findings["queue"]["detail"]
    assert not (tmp_path / "bohpo.db").exists()
    assert not (tmp_path / "campaigns").exists()


def test_the_exit_code_says_whether_anything_needed_is_amiss(tmp_path: Path) -> None:
    fit = doctor(tmp_path)
    assert fit.status == (0 if fit.findings["disk"]["fine"] else 1)
    (tmp_path / "garbage.db").write_text("no database, though as long as the header of one would be")
    unfit = doctor(tmp_path, "--store", "garbage.db")
    assert unfit.status == 1
    assert unfit.troubles == ["database"]
    assert "name another file" in unfit.findings["database"]["detail"]
    assert "trouble with database" in unfit.text


def test_people_get_lines_with_the_remedy(tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "bohpo", "doctor", "--store", "/nowhere/at/all.db"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("TROUBLE  database "))
    assert "mkdir -p /nowhere/at" in line


@pytest.mark.parametrize("backend", QUEUES)
def test_each_queue_is_known_by_its_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("PATH", str(queue_commands(tmp_path, backend)))
    (finding,) = look_at_queues(Plan("bohpo.db", tmp_path, backend))
    assert (finding.name, finding.is_fine, finding.is_needed) == (f"queue {backend}", True, True)
    assert finding.detail.startswith("answers")
    assert finding.detail.endswith(ANSWERS[backend][2])


@pytest.mark.parametrize("backend", QUEUES)
def test_a_host_without_the_queue_s_commands_is_no_login_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = look_at_queues(Plan("bohpo.db", tmp_path, backend))
    assert finding.is_trouble
    assert f"module load {backend}" in finding.remedy


def test_a_partition_that_is_not_there_is_told_with_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(queue_commands(tmp_path, "slurm")))
    (finding,) = look_at_queues(Plan("bohpo.db", tmp_path, "slurm", partition="gpus"))
    assert finding.is_trouble
    assert str(finding) == "there is no 'gpus', only gpu, short; did you mean 'gpu'?"
    (finding,) = look_at_queues(Plan("bohpo.db", tmp_path, "slurm", partition="short"))
    assert finding.is_fine


def test_the_doctor_looks_for_the_commands_that_jobs_are_submitted_and_removed_by() -> None:
    assert set(QUEUES) == set(BACKENDS)
    for name, backend in BACKENDS.items():
        assert {backend.submit, backend.remove[0]} <= set(QUEUES[name].commands)


def test_grid_engine_is_not_taken_for_pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(queue_commands(tmp_path, "sge")))
    planned, other = look_at_queues(Plan("bohpo.db", tmp_path, "pbs"))
    assert planned.is_trouble
    assert planned.remedy == "--cluster sge is here"
    assert (other.name, other.is_fine) == ("queue sge", True)


def test_a_queue_that_was_not_asked_for_is_mentioned_and_never_a_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(queue_commands(tmp_path, "slurm", "echo it is down >&2; exit 1")))
    (finding,) = look_at_queues(Plan("bohpo.db", tmp_path))
    assert not finding.is_fine
    assert not finding.is_trouble
    assert "it is down" in finding.detail


def test_a_queue_that_hangs_does_not_hang_the_doctor(tmp_path: Path) -> None:
    sleep = f"sleep {100_000 + os.getpid()}"  # nobody else's, whoever runs the same test beside this one
    commands = queue_commands(tmp_path, "slurm", f"{sleep} & wait")
    diagnosis = doctor(tmp_path, "--cluster", "slurm", commands=commands)
    assert diagnosis.troubles == ["queue slurm"]
    assert "did not answer within 10 s" in diagnosis.findings["queue slurm"]["detail"]
    assert sleep not in subprocess.run(("ps", "ax"), capture_output=True, text=True, check=True).stdout


def test_a_check_that_hangs_or_crashes_costs_its_own_finding_only() -> None:
    script = """
import os, time
from pathlib import Path
from bohpo.cli.doctor.examination import Check, examine
from bohpo.cli.doctor.finding import Finding, Plan

def hangs(plan): time.sleep(1000)
def dies(plan): os.abort()
def raises(plan): raise KeyError("c4n4ry-7f3a")
def fits(plan): return [Finding("fits", True, "yes")]
def floods(plan): return [Finding("floods", True, "x" * 1_000_000)]

checks = [Check(look.__name__, look, "wait") for look in (hangs, dies, raises, fits, floods)]
for finding in examine(checks, Plan("bohpo.db", Path("campaigns")), deadline_s=3.0):
    print(f"{finding.name}: {finding.is_fine} {str(finding)[:80]}")
"""
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    assert lines[0] == "hangs: False no answer within 3 s; wait"
    assert lines[1].startswith("dies: False the check ended without an answer")
    assert lines[2].startswith("raises: False the check itself failed (KeyError)")
    assert lines[3] == "fits: True yes"
    assert lines[4].startswith("floods: True xxx")
    assert CANARY not in done.stdout + done.stderr


def test_a_study_says_which_queue_is_needed(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        'command = ["true"]\n[objective]\ndirection = "maximize"\n[cluster]\nbackend = "slurm"\n'
        '[space]\nx = { type = "int", low = 0, high = 9 }\n'
    )
    assert doctor(tmp_path, "study.toml").troubles == ["queue slurm"]
    assert doctor(tmp_path, "study.toml", "--cluster", "local").troubles == []


def test_a_wrong_question_is_no_trouble_of_the_machine(tmp_path: Path) -> None:
    assert doctor(tmp_path, "absent.toml").status == 3
    unknown = doctor(tmp_path, "--cluster", "slurmm")
    assert unknown.status == 2
    assert "slurm" in unknown.text


def test_gpus_are_told_as_the_driver_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands, plan = tmp_path / "commands", Plan("bohpo.db", tmp_path)
    monkeypatch.setenv("PATH", str(commands))
    gpus = "echo '0, GPU-1f, NVIDIA A100, 40960, 00000000:3B:00.0'; echo '1, GPU-2e, NVIDIA A100, 40960, '"
    command(commands, "nvidia-smi", gpus)
    summary, first, second = look_at_gpu(plan)
    assert summary.detail == "2: NVIDIA A100"
    assert (first.name, second.name) == ("gpu 0", "gpu 1")
    assert first.detail == "NVIDIA A100, 40 GiB, GPU-1f, free"
    command(commands, "nvidia-smi", "echo 'No devices were found'; exit 6")
    (broken,) = look_at_gpu(plan)
    assert not broken.is_fine
    assert "No devices were found" in broken.detail


def test_torch_is_imported_only_when_it_is_asked(tmp_path: Path) -> None:
    assert look_at_torch(Plan("bohpo.db", tmp_path)) == []
    loaded = "import sys, bohpo.cli.doctor; print({'torch', 'sqlalchemy', 'optuna'} & set(sys.modules))"
    done = subprocess.run((sys.executable, "-c", loaded), capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_torch_says_which_gpus_it_sees(tmp_path: Path) -> None:
    (finding,) = look_at_torch(Plan("bohpo.db", tmp_path, asks_torch=True))
    assert "sees" in finding.detail or "did not answer" in finding.detail


def test_tight_limits_of_the_shell_are_told_with_the_command_that_raises_them(tmp_path: Path) -> None:
    script = f"ulimit -S -n 100; ulimit -S -t 3600; exec {sys.executable} -m bohpo doctor"
    done = subprocess.run(("bash", "-c", script), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "open files 100 (`ulimit -n 256`), CPU seconds 3600 (`ulimit -t unlimited`)" in done.stdout


def test_a_folder_that_cannot_be_written_is_a_trouble() -> None:
    (finding,) = look_at_folder(Plan("bohpo.db", Path("/proc/campaigns")))
    assert finding.is_trouble
    assert "--directory" in finding.remedy


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    assert all(finding.is_fine for finding in look_at_folder(Plan("bohpo.db", tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_a_queue_wants_a_folder_that_nodes_share(tmp_path: Path) -> None:
    (here,) = look_at_sharing(Plan("bohpo.db", tmp_path))
    assert here.is_fine
    (finding,) = look_at_sharing(Plan("bohpo.db", tmp_path, "slurm"))
    assert not finding.is_fine
    assert "a disk of this host" in finding.detail
    assert not finding.is_needed


def test_an_sqlite_database_is_told_with_its_revision(tmp_path: Path) -> None:
    open_store(str(tmp_path / "bohpo.db")).close()
    (finding,) = look_at_database(Plan(str(tmp_path / "bohpo.db"), tmp_path))
    assert f"SQLite {sqlite3.sqlite_version}, tables of revision" in finding.detail


def test_a_database_of_another_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    open_store(str(tmp_path / "bohpo.db")).close()
    with sqlite3.connect(tmp_path / "bohpo.db") as database:
        database.execute("UPDATE bohpo_alembic_version SET version_num = '9999'")
    database.close()
    diagnosis = doctor(tmp_path)
    assert diagnosis.troubles == ["database"]
    assert "pip install -U bohpo" in diagnosis.findings["database"]["detail"]


@pytest.mark.postgresql
def test_postgresql_is_looked_at_and_left_as_it_is(
    tmp_path: Path, postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    plan = Plan(postgresql_url, tmp_path)
    found = {finding.name: finding for finding in look_at_database(plan)}
    assert "without tables yet" in found["database"].detail
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert postgresql_server.sql(tables, "bohpo").strip() == "0"
    open_store(postgresql_url).close()
    found = {finding.name: finding for finding in look_at_database(plan)}
    assert "PostgreSQL" in found["database"].detail
    assert "tables of revision" in found["database"].detail
    assert found["database clock"].is_fine
    assert " in use, a driver takes up to 5" in found["database connections"].detail


@pytest.mark.postgresql
def test_no_password_is_ever_shown(tmp_path: Path, postgresql_server: PostgresqlServer, postgresql_url: str) -> None:
    port = postgresql_server.port
    postgresql_server.sql(f"DROP ROLE IF EXISTS canary; CREATE ROLE canary LOGIN PASSWORD '{CANARY}'")
    right = f"postgresql://canary:{CANARY}@127.0.0.1:{port}/bohpo"
    for url in (
        right,
        right + "?sslmode=verify-full",
        right + "?sslmode=require",
        f"postgresql://canary:{CANARY}x@127.0.0.1:{port}/bohpo",
        f"postgresql://canary:{CANARY}@127.0.0.1:1/bohpo",
        f"postgresql://canary:{CANARY}@x@127.0.0.1:1/bohpo",
        f"postgresql://canary@127.0.0.1:1/bohpo?password={CANARY}",
        f"mysql://canary:{CANARY}@127.0.0.1/bohpo",
    ):
        for look in (look_at_database, look_at_password, look_at_certificate):
            try:
                said = str(look(Plan(url, tmp_path)))
            except BohpoError as error:
                said = str(error)
            assert CANARY not in said
    on_the_command_line = doctor(tmp_path, "--store", right)
    assert CANARY not in on_the_command_line.text
    assert "everybody on this host sees it" in on_the_command_line.findings["password"]["detail"]
    private = tmp_path / "url"
    private.write_text(right)
    private.chmod(0o600)
    in_a_file = doctor(tmp_path, "--store", f"file:{private}")
    assert CANARY not in in_a_file.text
    assert "canary" in in_a_file.findings["database"]["detail"]
    assert "password" not in in_a_file.findings


@pytest.mark.postgresql
def test_a_user_who_may_make_no_tables_is_told(
    tmp_path: Path, postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    postgresql_server.sql("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'guest'")
    url = f"postgresql://guest:guest@127.0.0.1:{postgresql_server.port}/bohpo"
    finding = look_at_database(Plan(url, tmp_path))[0]
    assert finding.is_trouble
    assert "GRANT" in finding.remedy


def test_a_database_host_that_swallows_everything_does_not_hang_the_doctor(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        url = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/bohpo?sslmode=require"
        diagnosis = doctor(tmp_path, BOHPO_STORE=url)
    assert diagnosis.troubles == ["database", "certificate of 127.0.0.1"]
    assert time.monotonic() - began < 140  # it has given up; without limits it would wait for ever


def test_a_password_file_that_others_may_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, file = Plan("postgresql://me@127.0.0.1:1/bohpo", tmp_path), tmp_path / "passwords"
    monkeypatch.setenv("PGPASSFILE", str(file))
    file.write_text(f"*:*:*:*:{CANARY}\n")
    file.chmod(0o644)
    (finding,) = look_at_password(plan)
    assert finding.remedy == f"chmod 600 {file}"
    assert CANARY not in str(finding)
    file.chmod(0o600)
    assert look_at_password(plan) == []


def test_without_internet_the_folder_of_wheels_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    (internet,) = look_at_internet(Plan("bohpo.db", tmp_path))
    assert not internet.is_fine
    assert not internet.is_needed
    assert "wheels" in internet.remedy
