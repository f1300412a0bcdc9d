"""The third signal ends a process, whatever it waits for; the first two mean what they meant before."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.forced_exit import STOP_SIGNALS
from bohpo.processes import processes_with_environment, send
from tests.cli.test_campaign_commands import write_study
from tests.cluster.fake_slurm import FakeSlurm
from tests.services import PostgresqlServer
from tests.services.daemon import stopped

LONG_S = 120.0
"""What hangs in these tests hangs for much longer; what ends takes about six seconds."""

MARK = "HANGING_TEST"

ENDED = (130, -signal.SIGINT)
"""A shell says 130 of both; the latter if a signal came while the process was leaving."""

FORCED = "left on the third signal"

BEGIN = """
import ctypes, fcntl, os, signal, subprocess, sys, threading, time
from bohpo.forced_exit import forced_exit_on_third_signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: print("heard", flush=True))
with forced_exit_on_third_signal():
    print("ready", flush=True)
"""

HANGS = {
    "a pipe": "os.mkfifo('pipe'); open('pipe').read()",
    "a lock": "a = open('lock', 'w'); b = open('lock', 'w'); fcntl.flock(a, 2); fcntl.flock(b, 2)",
    "a command": "subprocess.run(['sleep', '1000'])",
    "a library that never returns": (
        "mutex = ctypes.create_string_buffer(64); lock = ctypes.CDLL(None).pthread_mutex_lock; lock(mutex); lock(mutex)"
    ),
    "itself": "while True: pass",
    "a thread": "t = threading.Thread(target=time.sleep, args=(1000,)); t.start(); t.join()",
}


class Started:
    """A process whose output goes to files: what it leaves behind may hold its pipes open."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        """Start it, marked by its folder in its environment."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("BOHPO_")}
        self._mark = str(folder / uuid.uuid4().hex)
        self._err = Path(f"{self._mark}.err")
        self._out = Path(f"{self._mark}.out")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                (sys.executable, *words),
                cwd=folder,
                env={**inherited, **environment, MARK: self._mark},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        """What it printed."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it complained of."""
        return self._err.read_text()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that it does."""
        give_up = time.monotonic() + LONG_S
        while not is_so():
            assert self.process.poll() is None, self.err
            assert time.monotonic() < give_up, self.err
            time.sleep(0.05)

    def interrupt(self, *numbers: signal.Signals) -> None:
        """Send signals, as long as it has not ended; the same one twice at once would be one."""
        for number in numbers:
            if self.process.poll() is None:
                self.process.send_signal(number)
                time.sleep(0.5)

    def wait(self) -> int:
        """Wait for its end, for much longer than that should take."""
        return self.process.wait(LONG_S)

    def __enter__(self) -> Started:
        """Use it in a test."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all that it started."""
        send([self.process.pid, *processes_with_environment(MARK, self._mark)], signal.SIGKILL)
        self.process.communicate()


def start(code: str, folder: Path) -> Started:
    started = Started(folder, "-c", code)
    started.wait_until(lambda: "ready" in started.out)
    return started


def bohpo(folder: Path, *words: str, **environment: str) -> Started:
    return Started(folder, "-m", "bohpo", *words, **environment)


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_the_third_signal_ends_a_process_whatever_it_waits_for(tmp_path: Path, hang: str) -> None:
    with start(f"{BEGIN}    {hang}\n", tmp_path) as process:
        process.interrupt(*STOP_SIGNALS)
        assert process.wait() == 130
        assert FORCED in process.err


def test_after_two_signals_a_process_goes_on(tmp_path: Path) -> None:
    with start(f"{BEGIN}    sys.stdin.read()\nprint('through', flush=True)\n", tmp_path) as process:
        process.interrupt(signal.SIGINT, signal.SIGINT)
        process.process.communicate(b"")
        assert (process.wait(), process.out, process.err) == (0, "ready\nheard\nheard\nthrough\n", "")


def test_after_a_third_signal_a_process_that_can_may_end_by_itself(tmp_path: Path) -> None:
    with start(f"{BEGIN}    time.sleep(3)\nprint('through', flush=True)\nsys.exit(7)\n", tmp_path) as process:
        process.interrupt(signal.SIGINT, signal.SIGINT, signal.SIGINT)
        assert (process.wait(), process.out, process.err) == (7, "ready\nheard\nheard\nheard\nthrough\n", "")


def test_signals_that_are_ignored_do_not_count(tmp_path: Path) -> None:
    code = BEGIN.replace("with forced", "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nwith forced")
    with start(f"{code}    time.sleep(8)\n", tmp_path) as process:
        process.interrupt(signal.SIGHUP, signal.SIGHUP, signal.SIGHUP)
        assert process.wait() == 0


def test_a_full_pipe_for_its_words_does_not_hold_it(tmp_path: Path) -> None:
    code = f"{BEGIN}{textwrap.indent(FILL, '    ')}    time.sleep(1000)\n"
    with start(code, tmp_path) as process:
        process.wait_until(lambda: "full" in process.out)
        process.interrupt(*STOP_SIGNALS)
        assert process.wait() == 130


FILL = """
read, write = os.pipe()
os.dup2(write, 2)
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"x" * 4096)
except BlockingIOError:
    os.set_blocking(2, True)
    print("full", flush=True)
"""


def test_the_terminal_is_as_it_was_and_shows_its_cursor(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    before = subprocess.run(("stty", "-g"), stdin=theirs, capture_output=True, check=True).stdout
    name = os.ttyname(theirs)
    spoil = "import tty; tty.setraw(2); os.write(2, b'\\x1b[?25l'); print('raw', flush=True); time.sleep(1000)"
    code = f"import os\nos.dup2(os.open({name!r}, os.O_RDWR), 2)\n{BEGIN}    {spoil}\n"
    with start(code, tmp_path) as process:
        process.wait_until(lambda: "raw" in process.out)
        process.interrupt(*STOP_SIGNALS)
        assert process.wait() == 130
    assert subprocess.run(("stty", "-g"), stdin=theirs, capture_output=True, check=True).stdout == before
    shown = os.read(ours, 10_000).decode()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert FORCED in shown
    os.close(ours)
    os.close(theirs)


# -- the commands ------------------------------------------------------------------------------------------------


def test_a_queue_that_never_answers_does_not_hold_a_driver(tmp_path: Path) -> None:
    write_study(tmp_path)
    slurm = FakeSlurm(tmp_path / "slurm")
    (slurm.bin / "squeue").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexec sleep 1000\n")
    path = f"{slurm.bin}:{os.environ['PATH']}"
    with bohpo(tmp_path, "launch", "study.toml", "--cluster", "slurm", PATH=path) as process:
        process.wait_until((tmp_path / "campaigns/specimen/trials/0").exists)
        (tmp_path / "asked").unlink(missing_ok=True)
        process.wait_until((tmp_path / "asked").exists)
        process.interrupt(signal.SIGINT, signal.SIGINT, signal.SIGINT)
        assert process.wait() == 130
        assert FORCED in process.err


@pytest.mark.postgresql
def test_a_database_that_never_answers_does_not_hold_a_driver(
    tmp_path: Path, postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    write_study(tmp_path, "stepwise")
    with bohpo(tmp_path, "launch", "study.toml", BOHPO_STORE=postgresql_url) as process:
        process.wait_until((tmp_path / "campaigns/specimen/trials/0/steps.txt").exists)
        with stopped(postgresql_server.processes()):
            process.interrupt(signal.SIGTERM, signal.SIGTERM, signal.SIGTERM)
            assert process.wait() == 130
            assert FORCED in process.err


@pytest.mark.postgresql
@pytest.mark.parametrize("word", ["resume", "stop", "evaluate", "status"])
def test_a_database_that_never_answers_holds_no_command(
    tmp_path: Path, postgresql_server: PostgresqlServer, postgresql_url: str, word: str
) -> None:
    write_study(tmp_path)
    with (
        stopped(postgresql_server.processes()),
        bohpo(tmp_path, word, "specimen", BOHPO_STORE=postgresql_url) as process,
    ):
        descriptors = Path(f"/proc/{process.process.pid}/fd")
        process.wait_until(lambda: sum("socket:" in target(path) for path in descriptors.iterdir()) > 2)
        process.interrupt(signal.SIGINT, signal.SIGINT, signal.SIGINT)
        assert process.wait() in ENDED


def target(descriptor: Path) -> str:
    with contextlib.suppress(OSError):
        return str(descriptor.readlink())
    return ""


def test_an_evaluator_that_never_ends_does_not_hold_an_evaluation(tmp_path: Path) -> None:
    write_study(tmp_path, trials=1)
    study = tmp_path / "study.toml"
    stubborn = 'evaluate_command = ["sh", "-c", "trap : TERM; touch begun; sleep 1000; sleep 1000"]\n'
    study.write_text(stubborn + study.read_text())
    with bohpo(tmp_path, "launch", "study.toml") as launched:
        assert launched.wait() == 0, launched.err
    with bohpo(tmp_path, "evaluate", "specimen") as process:
        process.wait_until((tmp_path / "begun").exists)
        process.interrupt(signal.SIGINT, signal.SIGINT, signal.SIGINT)
        assert process.wait() in ENDED


@pytest.mark.parametrize("words", [("resume", "specimen"), ("launch", "study.toml")])
def test_pipes_in_place_of_an_attempts_files_hold_no_driver_that_takes_over(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    write_study(tmp_path, "stepwise", trials=2)
    attempt = tmp_path / "campaigns/specimen/trials/0/attempt-1"
    with bohpo(tmp_path, "launch", "study.toml") as process:
        process.wait_until((attempt / "progress.jsonl").exists)
    for path in [path for path in attempt.iterdir() if path.is_file()]:
        path.unlink()
        os.mkfifo(path)
    with bohpo(tmp_path, *words) as process:
        assert process.wait() == 0, process.err
