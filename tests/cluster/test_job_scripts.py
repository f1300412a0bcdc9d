"""The job scripts of every queue, to the byte; no value adds a line to one."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.listing import queue_name
from bohpo.cluster.protocol import Job
from bohpo.cluster.script import JobScript
from bohpo.errors import UsageError
from tests.cluster.requests import EVERYTHING, QUEUES, job_in, settings_of

GOLDEN = Path(__file__).parent / "golden"
ATTEMPT = Path("/shared/campaigns/aneurysm-mra/trials/3/attempt-1")


def script_of(backend: str, job: Job | None = None, **settings: Any) -> str:
    job = job_in(ATTEMPT, "aneurysm-mra-3-1-0123abcd") if job is None else job
    return JobScript(BACKENDS[backend], settings_of(backend, **settings), job).text


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("kind", ["full", "bare"])
def test_a_job_script_equals_its_golden_file(backend: str, kind: str) -> None:
    """`BOHPO_REWRITE_GOLDEN=1 pytest tests/cluster` writes them anew; look at the difference before committing it."""
    settings = {**EVERYTHING, **QUEUES[backend]} if kind == "full" else {"python": "/opt/cad/bin/python"}
    written = script_of(backend, **settings)
    golden = GOLDEN / f"{backend}-{kind}.sh"
    if os.environ.get("BOHPO_REWRITE_GOLDEN"):
        golden.write_text(written)
    assert written == golden.read_text()


def test_every_queue_of_a_study_has_a_backend() -> None:
    assert set(QUEUES) == set(BACKENDS)
    for backend in BACKENDS:
        assert settings_of(backend).backend == backend


def test_nothing_of_the_users_dask_configuration_reaches_a_script(tmp_path: Path) -> None:
    (tmp_path / "jobqueue.yaml").write_text(
        "jobqueue: {slurm: {queue: private, account: mine, walltime: '99:00', job-extra-directives: ['--exclusive'],"
        " job-script-prologue: [rm], shebang: '#!/bin/csh', job-mem: 1GB}}"
    )
    program = (
        "from tests.cluster.test_job_scripts import script_of;"
        "print(script_of('slurm', python='/opt/cad/bin/python'), end='')"
    )
    done = subprocess.run(
        (sys.executable, "-c", program),
        env={**os.environ, "DASK_CONFIG": str(tmp_path), "DASK_JOBQUEUE__SLURM__ACCOUNT": "other"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (GOLDEN / "slurm-bare.sh").read_text()


@pytest.mark.parametrize("backend", sorted(set(BACKENDS) - {"htcondor"}))
def test_a_shell_finds_nothing_to_complain_of_in_a_script(backend: str) -> None:
    script = script_of(backend, **EVERYTHING, **QUEUES[backend])
    assert subprocess.run(("bash", "-n"), input=script, text=True, capture_output=True, check=True).stderr == ""


@pytest.mark.parametrize("backend", sorted(set(BACKENDS) - {"htcondor"}))
def test_the_worker_gets_its_environment_and_the_wall_time_that_is_left(backend: str, tmp_path: Path) -> None:
    told = "import os; print(os.environ['BOHPO_DIRECTORY'], 0 < int(os.environ['BOHPO_WALL_SECONDS']) <= 3600)"
    job = job_in(tmp_path, "c-0-1-0123abcd", sys.executable, "-c", told)
    script = script_of(backend, job, wall_time="01:00:00", setup=["sleep 1", "cd /"])
    done = subprocess.run(("bash", "-c", script), capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path} True\n"


def test_htcondor_hands_the_shell_one_line_with_all_of_it(tmp_path: Path) -> None:
    job = job_in(tmp_path, "c-0-1-0123abcd", sys.executable, "-c", "import os; print(os.environ['GREETING'])")
    script = script_of("htcondor", job, setup=["export NAME='a \"b\"'", 'export GREETING="hello $NAME"'])
    (line,) = [line for line in script.splitlines() if line.startswith("Arguments")]
    quoted = line.removeprefix('Arguments = "').removesuffix('"')
    assert "$" not in quoted.replace("$(DOLLAR)", "")
    shell_line = quoted.replace('""', '"').removeprefix("-c '").removesuffix("'").replace("''", "'")
    command = ("/bin/sh", "-c", shell_line.replace("$(DOLLAR)", "$"))
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == 'hello a "b"\n'


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM])
def test_grid_engines_notice_reaches_the_worker_as_a_sigterm(number: signal.Signals, tmp_path: Path) -> None:
    worker = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
        "open(sys.argv[1], 'w').close()\ntime.sleep(60)"
    )
    ready = tmp_path / "ready"
    (tmp_path / "worker.py").write_text(worker)
    job = job_in(tmp_path, "c-0-1-0123abcd", sys.executable, str(tmp_path / "worker.py"), str(ready))
    (tmp_path / "job.sh").write_text(script_of("sge", job))
    group = subprocess.Popen(("bash", str(tmp_path / "job.sh")), start_new_session=True)
    while not ready.exists():
        assert group.poll() is None
    (os.kill if number is signal.SIGTERM else os.killpg)(group.pid, number)  # a notice goes to the whole group
    assert group.wait(30) == 75


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "queue": st.text(max_size=70),
            "account": st.text(max_size=70),
            "wall_time": st.from_regex(r"\A[0-9]{1,3}:[0-9]{2}:[0-9]{2}\n?\Z") | st.text(),
            "memory": st.from_regex(r"\A[0-9]{1,4}GB\n?\Z") | st.text(),
            "cpus": st.integers(-1, 100),
            "gpus": st.integers(-1, 8),
            "parallel_environment": st.text(max_size=70),
            "python": st.text(),
            "container": st.lists(st.text(), max_size=3),
            "setup": st.lists(st.text(), max_size=3),
            "directives": st.lists(st.text(), max_size=3),
        },
    ),
    st.sampled_from(sorted(BACKENDS)),
)
def test_no_value_adds_a_line_to_a_script(settings: dict[str, Any], backend: str) -> None:
    try:
        script = script_of(backend, **settings)
    except ValidationError:
        return
    plain: dict[str, Any] = {key: "x" if isinstance(value, str) else value for key, value in settings.items()}
    plain |= {key: ["x" for _ in settings[key]] for key in ("container", "setup", "directives") if key in settings}
    plain |= {"wall_time": "00:01:00"} if "wall_time" in settings else {}
    plain |= {"memory": "1GB"} if "memory" in settings else {}
    assert len(script.splitlines()) <= len(script_of(backend, **plain).splitlines()) + 2  # warned of its wall time
    assert script.isascii()


@given(st.text(max_size=40), st.sampled_from(sorted(BACKENDS)))
def test_no_path_adds_a_line_or_a_word_to_a_script(name: str, backend: str) -> None:
    folder = ATTEMPT / name.replace("/", "").replace("\x00", "")
    try:
        script = script_of(backend, job_in(folder))
    except UsageError:
        return
    assert len(script.splitlines()) == len(script_of(backend).splitlines())
    if backend not in ("sge", "htcondor"):
        assert shlex.split(script.splitlines()[-1])[-1] == str(folder)


def test_a_path_that_no_script_can_hold_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="choose another --directory"):
        script_of("slurm", job_in(Path("/shared/my campaigns/a")))


@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,90}\Z"), st.integers(15, 100))
def test_a_name_in_the_queue_begins_with_a_letter_and_is_short_enough(name: str, longest: int) -> None:
    short = queue_name(name, longest)
    assert short[0].isalpha()
    assert len(short) <= longest
    assert queue_name(f"{name}-2", longest) != short


def test_what_writes_the_scripts_leaves_the_drivers_signal_handlers_alone() -> None:
    code = """
import signal
from bohpo.cluster.backends.slurm import SLURM
from bohpo.cluster.script import _job_class
numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
for number in numbers:
    signal.signal(number, lambda *_: None)
before = [signal.getsignal(number) for number in numbers]
_job_class(SLURM)
assert [signal.getsignal(number) for number in numbers] == before
"""
    subprocess.run((sys.executable, "-c", code), check=True)


def test_scripts_can_be_written_first_in_a_thread() -> None:
    code = """
import concurrent.futures, signal
from bohpo.cluster.backends.slurm import SLURM
from bohpo.cluster.script import _job_class
before = signal.getsignal(signal.SIGINT), signal.signal
with concurrent.futures.ThreadPoolExecutor() as threads:
    assert threads.submit(_job_class, SLURM).result().__name__ == "SLURMJob"
assert (signal.getsignal(signal.SIGINT), signal.signal) == before
"""
    subprocess.run((sys.executable, "-c", code), check=True)
