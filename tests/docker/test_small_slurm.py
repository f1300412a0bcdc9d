"""The small Slurm of compose.yaml really runs: its entry point and slurm.conf, in namespaces for containers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.containerfile import ROOT
from tests.services.absence import require_programs, require_root, unable

pytestmark = pytest.mark.slurm

CONTAINERS = str(Path(__file__).parent / "containers")
UNSHARED = (
    "unshare",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--propagation",
    "private",
    "--kill-child",
)
LONGEST_S = 300

STUDY = """
name = "tiny"
command = ["sh", "-c", "hostname > $BOHPO_DIRECTORY/host; echo '{\\"value\\": 0.5}' > $BOHPO_DIRECTORY/outcome.json"]
[objective]
direction = "maximize"
[budget]
trials = 4
[parallel]
jobs = 2
[optimizer]
method = "random"
[space]
x = { type = "float", low = 0.0, high = 1.0 }
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that a user without rights can reach; pytest's own are root's alone."""
    path = Path(tempfile.mkdtemp(prefix="bohpo-containers-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def on_login(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Bring the cluster up, run a command on its login node, and end it all."""
    require_programs("Slurm", "munged", "mungekey", "slurmctld", "slurmd", "sbatch")
    require_programs("iproute2 and util-linux", "ip", "unshare", "nsenter", "setpriv")
    require_root("a Slurm in namespaces")
    if subprocess.run((*UNSHARED, "ip", "link", "add", "name", "hub", "type", "bridge"), check=False).returncode:
        unable("a Slurm in namespaces", "this host lets nobody make namespaces or bridges")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("BOHPO_", "SLURM_", "PG"))}
    return subprocess.run(
        (*UNSHARED, CONTAINERS, str(folder), str(ROOT), *command),
        env={**clean, "PYTHONDONTWRITEBYTECODE": "1", "PYTHON_HOME": sys.base_prefix},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=LONGEST_S,
    )


def test_jobs_run_on_both_nodes_as_a_user_without_rights(folder: Path) -> None:
    done = on_login(
        folder, "srun", "--nodes=2", "sh", "-c", "echo $(hostname) $(id -un); grep CapBnd /proc/self/status"
    )
    assert done.returncode == 0, done.stderr
    lines = sorted(done.stdout.splitlines())
    assert lines == ["CapBnd:\t0000000000000000"] * 2 + ["node1 bohpo", "node2 bohpo"]


def test_the_password_reaches_libpq_in_a_file_that_nobody_else_can_read(folder: Path) -> None:
    done = on_login(folder, "sh", "-c", 'stat --format=%a "$HOME/.pgpass"; cat "$HOME/.pgpass"')
    assert done.stdout.splitlines() == ["600", "database:5432:bohpo:bohpo:not\\: so secret"]


def test_the_munge_key_is_made_once_and_is_its_owner_s_alone(folder: Path) -> None:
    done = on_login(folder, "stat", "--format=%a %s", str(folder / "key" / "munge.key"))
    assert done.stdout.split() == ["400", "128"]


def test_a_campaign_runs_there(folder: Path) -> None:
    (folder / "study.toml").write_text(STUDY)
    bohpo = f"{sys.executable} -m bohpo"
    store = f"--store {folder}/login.home/bohpo.db --directory {folder}/campaigns"
    doctor = f"{bohpo} doctor --job --json {store} > {folder}/campaigns/doctor.json"
    launch = f"{bohpo} launch {folder}/study.toml {store}"
    script = f"cd {ROOT} && export BOHPO_CLUSTER_BACKEND=slurm; {doctor}; {launch}"
    if subprocess.run(
        ("setpriv", "--reuid=4242", "--clear-groups", "test", "-r", str(ROOT / "bohpo")), check=False
    ).returncode:
        unable("a Slurm in namespaces", f"{ROOT} can be read by root alone")
    done = on_login(folder, "sh", "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    diagnosis = json.loads((folder / "campaigns" / "doctor.json").read_text())["findings"]
    troubles = [finding["name"] for finding in diagnosis if finding["needed"] and not finding["fine"]]
    assert troubles in ([], ["disk"])
    hosts = {path.read_text().strip() for path in (folder / "campaigns" / "tiny").rglob("host")}
    assert hosts <= {"node1", "node2"}
    assert hosts
