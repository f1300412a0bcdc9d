"""Several drivers on one PostgreSQL database, each with the password from another place; it must not get out."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.services import DATABASE, PostgresqlServer

pytestmark = pytest.mark.postgresql

CANARY = "c4n4ry-5d1e-teams"
TRAINER = """
import os, time
print(dict(os.environ))
time.sleep(0.5)
open(os.environ["BOHPO_DIRECTORY"] + "/outcome.json", "w").write('{"value": 0.5}')
"""
STUDY = f"""
name = "unnamed"
command = {json.dumps([sys.executable, "-I", "-S", "-c", TRAINER])}
[objective]
metric = "value"
direction = "maximize"
[budget]
trials = 2
[parallel]
jobs = 2
[optimizer]
method = "random"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
"""
SESSIONS = "SELECT application_name FROM pg_stat_activity WHERE usename = 'team'"
CONNECTIONS_OF_A_DRIVER = 5


@dataclass(slots=True)
class Team:
    """A folder where three people drive a campaign each.

    Attributes:
        folder: Where all that they and their campaigns write is.
        stores: Campaign -> the environment that leads to the database.
        pids: Campaign -> its driver's process.
        seen: Each look at the server's sessions, by their names.
    """

    folder: Path
    stores: Mapping[str, Mapping[str, str]]
    pids: dict[str, int] = field(default_factory=dict)
    seen: list[Counter[str]] = field(default_factory=list)

    def bohpo(self, campaign: str, *words: str) -> subprocess.Popen[bytes]:
        """Run a command; what it says goes to files of the folder."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BOHPO_", "PG"))}
        name = f"{campaign}-{words[0]}"
        with (self.folder / f"{name}.out").open("ab") as out, (self.folder / f"{name}.err").open("ab") as err:
            return subprocess.Popen(
                (sys.executable, "-m", "bohpo", *words),
                cwd=self.folder,
                env={**inherited, "OMP_NUM_THREADS": "1", **self.stores[campaign]},
                stdout=out,
                stderr=err,
            )

    def drive(self, server: PostgresqlServer) -> None:
        """Have all drivers at work at the same time, and look at the server's sessions until they have ended."""
        drivers = {name: self.bohpo(name, "launch", "study.toml", "--name", name, "--follow") for name in self.stores}
        self.pids = {name: driver.pid for name, driver in drivers.items()}
        while any(driver.poll() is None for driver in drivers.values()):
            self.seen.append(Counter(server.sql(SESSIONS).splitlines()))
            time.sleep(0.02)
        for name, driver in drivers.items():
            assert driver.returncode == 0, (self.folder / f"{name}-launch.err").read_text()


@pytest.fixture(scope="module")
def team(postgresql_server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Let a team run its campaigns, and look at what came of them in every way."""
    postgresql_server.empty_database()
    postgresql_server.sql(f"CREATE ROLE team LOGIN PASSWORD '{CANARY}'")
    postgresql_server.sql("GRANT ALL ON SCHEMA public TO team", DATABASE)
    secrets, folder = tmp_path_factory.mktemp("secrets"), tmp_path_factory.mktemp("team")
    place = f"127.0.0.1:{postgresql_server.port}/{DATABASE}"
    for name, content in {
        "url": f"postgresql://team:{CANARY}@{place}",
        "pgpass": f"127.0.0.1:{postgresql_server.port}:{DATABASE}:team:{CANARY}",
    }.items():
        (secrets / name).write_text(content)
        (secrets / name).chmod(0o600)
    in_url = {"BOHPO_STORE": f"postgresql://team:{CANARY}@{place}"}
    in_file = {"BOHPO_STORE": f"file:{secrets / 'url'}"}
    in_pgpass = {"BOHPO_STORE": f"postgresql://team@{place}", "PGPASSFILE": str(secrets / "pgpass")}
    (folder / "study.toml").write_text(STUDY)
    at_work = Team(folder, {"in-url": in_url, "in-file": in_file, "in-pgpass": in_pgpass})
    at_work.drive(postgresql_server)
    yield at_work
    postgresql_server.empty_database()
    postgresql_server.sql("DROP OWNED BY team", DATABASE)
    postgresql_server.sql("DROP ROLE team")


def test_drivers_share_a_database_wherever_their_password_is(team: Team) -> None:
    assert team.bohpo("in-url", "ls", "--json").wait() == 0
    listed = json.loads((team.folder / "in-url-ls.out").read_text())["campaigns"]
    assert {each["campaign"]: each["trials"]["complete"] for each in listed} == dict.fromkeys(team.stores, 2)


def test_a_driver_that_shows_its_campaign_takes_five_connections_at_most(team: Team) -> None:
    for pid in team.pids.values():
        of_driver = [sum(count for name, count in look.items() if f":{pid}" in name) for look in team.seen]
        assert 1 <= max(of_driver) <= CONNECTIONS_OF_A_DRIVER


def test_the_server_lists_sessions_by_host_process_and_campaign(team: Team) -> None:
    names = {name for look in team.seen for name in look}
    host = socket.gethostname().partition(".")[0][:24]
    for campaign, pid in team.pids.items():
        assert f"bohpo {host}:{pid} {campaign}" in names
    assert all(name.startswith(f"bohpo {host}:") for name in names)


def test_the_password_is_in_nothing_that_a_campaign_writes(team: Team, postgresql_server: PostgresqlServer) -> None:
    commands = [
        ("report", "in-url", "--output", "report.html"),
        ("export", "in-url", "--format", "optuna", "--output", "trial.json"),
        ("export", "in-file", "--format", "json", "--output", "best.json"),
        ("status", "in-file"),
        ("doctor",),
        ("launch", "study.toml", "--dry-run", "--cluster", "slurm"),
        ("db", "upgrade"),
    ]
    running = [team.bohpo("in-file" if "in-file" in words else "in-url", *words) for words in commands]
    codes = {words: process.wait() for words, process in zip(commands, running, strict=True)}
    del codes[("doctor",)]  # it may find that this machine lacks something
    assert set(codes.values()) == {0}, codes
    assert "#SBATCH" in (team.folder / "in-url-launch.out").read_text()
    dump = team.folder / "dump.sql"
    dump.write_text(
        postgresql_server._run(
            "pg_dump",
            "-h",
            str(postgresql_server.folder),
            "-p",
            str(postgresql_server.port),
            "-U",
            "postgres",
            DATABASE,
        )
    )
    files = [path for path in team.folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"report.html", "trial.json", "best.json", "dump.sql", "log.txt", "config.json", "outcome.json"} <= names
    logs = [path.read_text() for path in files if path.name == "log.txt"]
    assert all("BOHPO_CONFIG" in log for log in logs)  # each training printed its environment
    assert [str(path) for path in files if CANARY.encode() in path.read_bytes()] == []
