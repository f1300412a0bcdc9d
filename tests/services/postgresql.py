"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from bohpo.processes import process_started, send
from tests.services.absence import missing
from tests.services.daemon import children_of, free_port

DATABASE = "bohpo"


class PostgresqlServer:
    """A PostgreSQL server in a temporary folder, on a Unix socket and a loopback port.

    It refuses to run as root, so root runs it as the user `postgres`. The kernel interrupts it if the tests are killed.
    """

    password = "correct horse"

    def __init__(self, programs: Path) -> None:
        """Make the server's folder.

        Args:
            programs: Folder of `initdb` and `postgres`.
        """
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="bohpo-postgresql-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: list[str] = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self._identity = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        if os.getuid() == 0:
            shutil.chown(password_file, "postgres")
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password_file}"]
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-E", "UTF8", "--no-sync", *access)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), *options]
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "INT", *self._identity, *command], cwd="/", stdout=log, stderr=log
            )
        self._wait_until_ready()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT ends the sessions and shuts down, SIGQUIT crashes."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def crash(self) -> None:
        """Kill all its processes with SIGKILL, and return when they are gone: it could not start before."""
        if self._process is not None:
            family = self.processes()
            send(family, signal.SIGKILL)
            self._process.wait()
            self._process = None
            while any(process_started(pid) for pid in family):
                time.sleep(0.01)

    def processes(self) -> list[int]:
        """List its processes, first the one that takes connections."""
        return [] if self._process is None else [self._process.pid, *children_of(self._process.pid)]

    def remove(self) -> None:
        """Stop it and remove its folder; nothing in there needs an orderly end."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def empty_database(self) -> str:
        """Give the URL of an empty database, the same one each time: making and removing one takes long."""
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'")
        self.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", DATABASE)
        return self.url(DATABASE)

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run statements as the superuser and give what they print."""
        return self._run(
            "psql", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-Atqc", statements, database
        )

    def url(self, database: str) -> str:
        """Give the URL of a database, over the Unix socket and without a password."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + 60
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process is None or self._process.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"PostgreSQL did not start:\n{(self.folder / 'log.txt').read_text()}")
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> str:
        command = ["setpriv", "--pdeathsig", "KILL", *self._identity, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.fail(f"{program} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


def start_postgresql() -> PostgresqlServer:
    """Start a PostgreSQL server of its own, or skip the test where the programs are missing."""
    found = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
    if found is None:
        missing("PostgreSQL's server (initdb)")
    server = PostgresqlServer(Path(found).resolve().parent)
    server.start()
    server.sql(f"CREATE DATABASE {DATABASE}")
    return server
