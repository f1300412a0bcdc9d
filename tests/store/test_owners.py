"""A driver is known to be dead only where its process id means what it means here; otherwise its lease decides."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bohpo.errors import LeaseError
from bohpo.processes import process_is_gone, process_started, processes_with_environment, send
from bohpo.store import open_store
from bohpo.store.records import Owner
from tests.cli.test_campaign_commands import bohpo, write_study
from tests.services.absence import missing
from tests.store.examples import create_campaign, dead_owner

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
WITH_THE_HOSTS_PROC = ("unshare", "--pid", "--fork", "--kill-child")
MARK = "NAMESPACE_TEST"


def needs_namespaces() -> None:
    if subprocess.run((*UNSHARE, "true"), capture_output=True, check=False).returncode:
        pytest.skip(missing("unshare with the right to make PID namespaces (root)"))


def test_a_process_is_gone_or_not() -> None:
    started = process_started(os.getpid())
    assert started is not None
    assert not process_is_gone(os.getpid(), started)
    assert process_is_gone(os.getpid(), started - 1), "the id was used again"
    child = subprocess.Popen(("sleep", "1000"))
    child_started = process_started(child.pid)
    assert child_started is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_is_gone(child.pid, child_started), "a zombie"
    child.wait()
    assert process_is_gone(child.pid, child_started)
    assert process_is_gone(-1, 0)


def test_a_dead_driver_of_this_host_and_namespace_is_known_to_be_dead() -> None:
    assert dead_owner().is_known_dead
    assert not Owner.this_process().is_known_dead


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"boot_id": "11111111-2222-3333-4444-555555555555"},
        {"pid_namespace": "pid:[1]"},
        {"boot_id": None},
        {"pid_namespace": None},
        {"boot_id": None, "pid_namespace": None},
    ],
)
def test_of_a_driver_elsewhere_nothing_is_known_whatever_its_hosts_name(
    database_url: str, elsewhere: dict[str, str | None]
) -> None:
    owner = dataclasses.replace(dead_owner(), **elsewhere)  # type: ignore[arg-type]
    assert not owner.is_known_dead
    with contextlib.closing(open_store(database_url)) as store:
        create_campaign(store)
        store.acquire_lease("aneurysm", owner, 60.0)
        assert store.summaries()[0].lease is not None
        lease = store.lease("aneurysm")
        assert lease is not None and lease.owner == owner
        with pytest.raises(LeaseError, match="aneurysm is driven by process"):
            store.acquire_lease("aneurysm", Owner.this_process(), 60.0)


def test_a_hosts_name_that_changed_does_not_keep_a_dead_driver_alive() -> None:
    assert dataclasses.replace(dead_owner(), host="renamed").is_known_dead


def test_a_process_in_another_namespace_describes_itself_otherwise() -> None:
    needs_namespaces()
    code = "from bohpo.store.records import Owner; o = Owner.this_process(); print(o.pid, o.boot_id, o.pid_namespace)"
    there = subprocess.run((*UNSHARE, sys.executable, "-c", code), capture_output=True, text=True, check=True)
    pid, boot, namespace = there.stdout.split()
    here = Owner.this_process()
    assert (pid, boot) == ("1", here.boot_id)
    assert namespace.startswith("pid:[") and namespace != here.pid_namespace


def test_a_process_that_sees_another_namespaces_proc_knows_nothing_of_processes() -> None:
    needs_namespaces()
    code = "from bohpo.store.records import Owner; print(Owner.this_process().pid_namespace)"
    command = (*WITH_THE_HOSTS_PROC, sys.executable, "-c", code)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "None\n"


def test_a_process_that_proc_hides_is_not_taken_for_gone(tmp_path: Path) -> None:
    needs_namespaces()
    source = (Path(__file__).parents[2] / "bohpo/processes.py").read_text()
    pid, started = os.getpid(), process_started(os.getpid())
    gone = subprocess.Popen(("true",))
    gone.wait()
    code = f"{source}\nprint(process_started({pid}), process_is_gone({pid}, {started}), process_is_gone({gone.pid}, 1))"
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    hide = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    command = ("unshare", "--mount", "sh", "-c", hide, "sh", *nobody, "/usr/bin/python3", "-c", code)
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if told.returncode:
        pytest.skip(missing(f"a /proc that can hide processes: {told.stderr[-200:]}"))
    assert told.stdout == "None False True\n"


@contextlib.contextmanager
def driving(folder: Path, *prefix: str) -> Iterator[None]:
    """Run a driver of the campaign, which holds its lease."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOHPO_")}
    command = (*prefix, sys.executable, "-m", "bohpo", "launch", "study.toml")
    driver = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, MARK: str(folder)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        give_up = time.monotonic() + 120
        while not (folder / "campaigns/specimen/trials/0/steps.txt").exists():
            assert driver.poll() is None and time.monotonic() < give_up
            time.sleep(0.05)
        yield
        assert driver.poll() is None, "it was not robbed of its lease"
    finally:
        while pids := processes_with_environment(MARK, str(folder)):
            send(pids, signal.SIGKILL)
            time.sleep(0.05)
        driver.wait()


@pytest.mark.parametrize(("first", "second"), [(UNSHARE, ()), ((), UNSHARE), (UNSHARE, UNSHARE)])
def test_a_driver_in_another_namespace_keeps_its_lease(
    tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    needs_namespaces()
    write_study(tmp_path, "stepwise", trials=1000)
    with driving(tmp_path, *first):
        command = (*second, sys.executable, "-m", "bohpo", "resume", "specimen")
        refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert refused.returncode == 5
        assert "specimen is driven by process" in refused.stderr
        listed = bohpo(tmp_path, "ls")
        assert "nobody" not in listed.stdout
