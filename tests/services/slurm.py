"""A real Slurm on this host: a controller and several nodes, each a daemon of its own, and fake GPUs."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from bohpo.processes import end_processes
from tests.services.absence import ServiceError, require_programs, require_root, unable
from tests.services.daemon import Daemon, free_ports, is_listening, wait_until
from tests.services.slurm_files import SlurmSize, gres_conf, slurm_conf

NULL_DEVICE = os.makedev(1, 3)


class SlurmCluster:
    """Slurm's daemons in a temporary folder, with a munge of their own; several clusters run side by side.

    Jobs and commands find it by `environment`. Partitions are `main`, and `short` of one minute.
    """

    def __init__(self, size: SlurmSize | None = None) -> None:
        """Write the cluster's folder."""
        self.size = SlurmSize() if size is None else size
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)  # munge wants its socket to be within everyone's reach
        self.nodes = tuple(f"n{index}" for index in range(1, self.size.nodes + 1))
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        ports = free_ports(1 + self.size.nodes)
        self._ports = dict(zip(self.nodes, ports[1:], strict=True))
        (self.folder / "slurm.conf").write_text(slurm_conf(self.folder, self.size, ports))
        (self.folder / "gres.conf").write_text(gres_conf(self.folder, self.size))
        for gpu in range(self.size.gpus):
            os.mknod(self.folder / f"gpu{gpu}", stat.S_IFCHR | 0o600, NULL_DEVICE)
        for name in ("state", *(f"spool.{node}" for node in self.nodes)):
            (self.folder / name).mkdir()
        self.munge = self._munge()
        self.controller = Daemon(["slurmctld", "-D"], self.folder / "slurmctld.log", self.environment)
        self._daemons_of_nodes = {
            node: Daemon(["slurmd", "-D", "-N", node], self.folder / f"{node}.log", self.environment)
            for node in self.nodes
        }

    def start(self) -> None:
        """Start all daemons and wait until every node takes jobs.

        Raises:
            ServiceError: If they do not come up.
        """
        self.munge.start()
        if not wait_until((self.folder / "munge.socket").exists):
            raise ServiceError(f"munge did not start: {self.munge.last_lines()}")
        self.controller.start()
        for daemon in self._daemons_of_nodes.values():
            daemon.start()
        if not wait_until(self.is_ready):
            logs = [daemon.last_lines() for daemon in (self.controller, *self._daemons_of_nodes.values())]
            raise ServiceError("no node takes jobs:\n" + "\n".join(logs))

    def node(self, name: str) -> Daemon:
        """Give the daemon (slurmd) of a node."""
        return self._daemons_of_nodes[name]

    def is_ready(self) -> bool:
        """Tell whether the controller answers and every node takes jobs.

        A node that was killed a moment ago still does as far as the controller knows, so each daemon is asked, too.
        """
        listed = self._command("sinfo", "-h", "-N", "-p", "main", "-o", "%N %t").stdout.splitlines()
        states = dict(line.split() for line in listed)  # a star at the end: it does not answer
        is_up = set(states) == set(self.nodes) and set(states.values()) <= {"idle", "mix", "alloc"}
        return is_up and all(map(is_listening, self._ports.values()))

    def mend(self) -> None:
        """Start what a test stopped, and wait until every node takes jobs."""
        for daemon in (self.controller, *self._daemons_of_nodes.values()):
            if not daemon.lives:
                daemon.start()
        if not wait_until(self._has_recovered):
            pytest.fail(f"Slurm did not recover:\n{self.run('sinfo', '-N', '-l')}")

    def _has_recovered(self) -> bool:
        """Return nodes to service that are drained, as one is that meets an id a killed controller gave twice."""
        if self.is_ready():
            return True
        for node in self.nodes:
            self._command("scontrol", "update", f"NodeName={node}", "State=RESUME")
        return self.is_ready()

    def run(self, *command: str) -> str:
        """Run one of Slurm's commands and give what it prints; the test fails where the command does."""
        done = self._command(*command)
        if done.returncode != 0:
            pytest.fail(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def cancel_all(self) -> None:
        """Cancel all jobs and wait until none is left."""
        states = "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING"
        for state in ("PENDING", "RUNNING", "SUSPENDED"):
            self._command("scancel", "--full", f"--state={state}")
        if not wait_until(lambda: not self._command("squeue", "-h", "-t", states).stdout.split()):
            pytest.fail(f"jobs do not end:\n{self.run('squeue')}")

    def remove(self) -> None:
        """Stop all daemons, end what jobs left, and remove the folder."""
        self._command("scancel", "--full", "--signal=KILL", f"--user={os.getuid()}")
        for daemon in (*self._daemons_of_nodes.values(), self.controller, self.munge):
            daemon.stop()
        for name, value in self.environment.items():
            end_processes(name, value, grace_s=0.0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _munge(self) -> Daemon:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in files.items()]
        return Daemon(["munged", "--foreground", "--num-threads=2", *options], self.folder / "munged.txt")

    def _command(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def start_slurm(size: SlurmSize | None = None) -> SlurmCluster:
    """Start a Slurm of its own, or skip the test where it cannot be."""
    require_programs("Slurm", "munged", "slurmctld", "slurmd", "sbatch")
    require_root("Slurm")
    try:
        cluster = SlurmCluster(size)
    except PermissionError as error:
        unable("Slurm", f"a fake GPU is a device file, which mknod may not make ({error})")
    try:
        cluster.start()
    except ServiceError as error:
        cluster.remove()
        unable("Slurm", str(error))
    return cluster
