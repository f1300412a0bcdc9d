"""A real Grid Engine on this host: a master and one host that runs jobs."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from bohpo.processes import end_processes
from tests.services import grid_engine_files as files
from tests.services.absence import ServiceError, require_programs, require_root, unable
from tests.services.daemon import Daemon, free_ports, wait_until

PROGRAMS = Path("/usr/lib/gridengine")
INSTALLED = Path("/var/lib/gridengine")
START_S = 60.0


class GridEngine:
    """Grid Engine's daemons with a cell of their own in a temporary folder; several run side by side.

    Jobs and commands find it by `environment`. It has one queue, `main`; `-pe smp N` asks for N of its slots and
    `-l gpu=1` for a GPU that is none.
    """

    def __init__(self, *, slots: int = 6, gpus: int = 2) -> None:
        """Choose the folder and the ports."""
        self.slots, self.gpus = slots, gpus
        self.folder = Path(tempfile.mkdtemp(prefix="grid-engine-"))
        master_port, host_port = free_ports(2)
        self.environment = {
            "SGE_ROOT": str(self.folder / "root"),
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(master_port),
            "SGE_EXECD_PORT": str(host_port),
        }
        foreground = {**self.environment, "SGE_ND": "1"}
        self.master = Daemon(["sge_qmaster"], self.folder / "master.log", foreground)
        self.host = Daemon(["sge_execd"], self.folder / "host.log", foreground)

    def start(self) -> None:
        """Describe the cell, start both daemons, make the queue, and wait until it takes jobs.

        Raises:
            ServiceError: If they do not come up.
        """
        self._write()
        self.master.start()
        if not wait_until(lambda: self._command("qconf", "-sh").returncode == 0, seconds=START_S):
            raise ServiceError(f"its master did not start: {self._last_words(self.master, 'master')}")
        self._make_queue()
        self.host.start()
        if not wait_until(self.is_ready, seconds=START_S):
            raise ServiceError(f"its host takes no jobs: {self._last_words(self.host, 'host/*')}")

    def is_ready(self) -> bool:
        """Tell whether the queue takes jobs: its line names the host's architecture and no error state after it."""
        lines = self._command("qstat", "-f").stdout.splitlines()
        fields = next((line.split() for line in lines if line.startswith(f"{files.QUEUE}@")), [])
        return len(fields) == 5 and fields[4].startswith("lx-")

    def mend(self) -> None:
        """Start what a test stopped, clear the queue's errors, and wait until it takes jobs."""
        for daemon in (self.master, self.host):
            if not daemon.lives:
                daemon.start()
        self._command("qmod", "-cq", files.QUEUE)
        if not wait_until(self.is_ready):
            pytest.fail(f"Grid Engine did not recover:\n{self.run('qstat', '-f', '-explain', 'aAcE')}")

    def run(self, *command: str) -> str:
        """Run one of Grid Engine's commands and give what it prints; the test fails where the command does."""
        done = self._command(*command)
        if done.returncode != 0:
            pytest.fail(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def cancel_all(self) -> None:
        """Cancel all jobs and wait until none is left."""
        self._command("qdel", "-f", "-u", "*")
        if not wait_until(lambda: not self._command("qstat", "-u", "*").stdout.strip()):
            pytest.fail(f"jobs do not end:\n{self.run('qstat', '-u', '*')}")

    def remove(self) -> None:
        """Stop both daemons, end what jobs left, and remove the folder."""
        for daemon in (self.host, self.master):
            daemon.kill()
        end_processes("SGE_ROOT", self.environment["SGE_ROOT"], grace_s=0.0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self) -> None:
        common = self.folder / "root" / "default" / "common"
        for directory in (common, self.folder / "master" / "job_scripts", self.folder / "host"):
            directory.mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (self.folder / "root" / name).symlink_to(INSTALLED / name)
        (common / "bootstrap").write_text(files.bootstrap(self.folder))
        first_group = random.SystemRandom().randrange(20_000, 60_000)
        (common / "configuration").write_text(files.configuration(self.folder, first_group))
        (common / "act_qmaster").write_text("localhost\n")
        # a host is called after its address: whatever this one's name leads to is to be the loopback address
        (common / "host_aliases").write_text(f"localhost {os.uname().nodename.partition('.')[0]}\n")
        spool = f"{common};{self.folder / 'master'}"
        resources = "/usr/share/gridengine/util/resources"
        self._set_up("spoolinit", "classic", "libspoolc", spool, "init")
        self._set_up("spooldefaults", "complexes", f"{resources}/centry")
        self._set_up("spooldefaults", "usersets", f"{resources}/usersets")
        self._set_up("spooldefaults", "managers", "root")

    def _make_queue(self) -> None:
        complexes = self.run("qconf", "-sc")
        self._configure("-Mc", complexes + "gpu gpu INT <= YES YES 0 0\n")
        self._configure("-Msconf", files.scheduler(self.run("qconf", "-ssconf")))
        self.run("qconf", "-as", "localhost")
        self._configure("-Ae", files.host(self.slots, self.gpus))
        self._configure("-Ap", files.parallel_environment(self.slots))
        self._configure("-Aq", files.queue(self.run("qconf", "-sq"), self.slots))

    def _configure(self, option: str, text: str) -> None:
        path = self.folder / "change"
        path.write_text(text)
        self.run("qconf", option, str(path))

    def _set_up(self, program: str, *arguments: str) -> None:
        done = self._command(str(PROGRAMS / program), *arguments)
        if done.returncode != 0:
            raise ServiceError(f"{program} failed: {done.stdout}{done.stderr}".strip())

    def _last_words(self, daemon: Daemon, spool: str) -> str:
        messages = [path.read_text(errors="replace").strip() for path in self.folder.glob(f"{spool}/messages")]
        return " ".join(("\n".join(messages).splitlines() or daemon.last_lines().splitlines() or ["it is silent"])[-1:])

    def _command(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def start_grid_engine(*, slots: int = 6) -> GridEngine:
    """Start a Grid Engine of its own, or skip the test where it cannot be."""
    require_programs("Grid Engine", "sge_qmaster", "sge_execd", "qsub")
    require_root("Grid Engine")
    engine = GridEngine(slots=slots)
    try:
        engine.start()
    except ServiceError as error:
        engine.remove()
        unable("Grid Engine", str(error))
    return engine
