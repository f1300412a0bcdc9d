"""Keys of [cluster] that a backend ignores are named: what it declares is what its job scripts show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.factory import first_job_script
from bohpo.cluster.keys import LOCAL_UNREAD, ignored_keys, unread_by
from bohpo.errors import StudyError
from bohpo.study import Cluster, Settled, Study, settle
from tests.cluster.requests import job_in, settings_of

ATTEMPT = Path("/shared/campaigns/c/trials/3/attempt-1")
VALUES: dict[str, tuple[Any, Any]] = {
    "queue": ("short", "long"),
    "account": ("radiology", "neurology"),
    "wall_time": ("02:00:00", "03:00:00"),
    "cpus": (4, 8),
    "memory": ("24GB", "48GB"),
    "gpus": (1, 2),
    "nodes": (2, 3),
    "resources": ("select=1", "select=2"),
    "setup": (["module load a"], ["module load b"]),
    "container": (["apptainer", "exec", "a.sif"], ["apptainer", "exec", "b.sif"]),
    "python": ("/opt/a/python", "/opt/b/python"),
    "directives": (["-x=1"], ["-x=2"]),
    "attempts_per_job": (1, 2),
    "parallel_environment": ("shm", "mpi"),
}
"""Two values of each key, neither of them the default but for the number of attempts, of which the second is none."""

REFUSED = {"slurm": {"resources"}, "lsf": {"resources"}, "htcondor": {"queue", "nodes", "resources"}}
"""Keys that a study may not set at all for a queue."""


def test_every_key_is_tried() -> None:
    assert set(VALUES) == set(Cluster.model_fields) - {"backend"}


def changes_the_script(backend: str, key: str, base: dict[str, Any]) -> bool:
    job = job_in(ATTEMPT, "c-3-1-0123abcd")
    first, second = (
        first_job_script(settings_of(backend, **{**base, key: value}), job, Path("/shared/campaigns/c"))
        for value in VALUES[key]
    )
    return first != second


@pytest.mark.parametrize("beside", [None, "gpus", "resources"])
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_backend_declares_exactly_the_keys_that_its_scripts_do_not_show(backend: str, beside: str | None) -> None:
    refused = REFUSED.get(backend, set())
    if beside in refused:
        pytest.skip(f"{backend} refuses cluster.{beside}")
    base = {"cpus": 2} if beside is None else {"cpus": 2, beside: VALUES[beside][0]}
    keys = set(VALUES) - refused - {beside}
    unread = {key for key in keys if not changes_the_script(backend, key, base)}
    named = {known.beside for known in unread_by(backend)} | {""}
    declared = {known.key for known in unread_by(backend) if known.beside in ("", beside)}
    assert unread == declared
    assert beside in named or unread == {known.key for known in unread_by(backend) if not known.beside}


def settled_of(folder: Path, cluster: str, **environment: str) -> Settled:
    text = f'command = ["true"]\n[objective]\ndirection = "minimize"\n[budget]\ntrials = 1\n[cluster]\n{cluster}\n'
    (folder / "study.toml").write_text(text)
    return settle(
        Study.load(folder / "study.toml"), environment={"XDG_CONFIG_HOME": str(folder / "home"), **environment}
    )


@pytest.mark.parametrize("known", LOCAL_UNREAD, ids=lambda known: known.key)
def test_each_key_that_a_job_of_this_host_does_not_heed_is_named_with_its_remedy(tmp_path: Path, known: Any) -> None:
    value = VALUES[known.key][1]
    (notice,) = ignored_keys(settled_of(tmp_path, f"{known.key} = {value!r}"))
    assert str(notice) == f"cluster.{known.key}: local ignores it; {known.remedy}"
    assert notice.level == "warning"


def test_keys_that_hold_on_one_host_are_not_named(tmp_path: Path) -> None:
    held = "wall_time = '01:00:00'\ncpus = 1\ngpus = 0\nsetup = ['true']\npython = '/opt/python'"
    assert list(ignored_keys(settled_of(tmp_path, held))) == []


def test_a_key_with_its_default_loses_nothing(tmp_path: Path) -> None:
    held = "nodes = 1\nattempts_per_job = 1\nparallel_environment = 'smp'\ndirectives = []"
    assert list(ignored_keys(settled_of(tmp_path, held))) == []


def test_what_a_site_file_or_the_environment_says_is_a_note_since_it_may_be_meant_for_a_queue(tmp_path: Path) -> None:
    (tmp_path / "bohpo.toml").write_text('[cluster]\nqueue = "gpu"\n')
    settled = settled_of(tmp_path, "backend = 'local'\nmemory = '2GB'", BOHPO_CLUSTER_ACCOUNT="radiology")
    found = {notice.key: notice for notice in ignored_keys(settled)}
    assert {key: notice.level for key, notice in found.items()} == {
        "cluster.queue": "note",
        "cluster.account": "note",
        "cluster.memory": "warning",
    }
    assert str(tmp_path / "bohpo.toml") in str(found["cluster.queue"])
    assert "environment" in str(found["cluster.account"])


def test_a_key_that_another_one_replaces_is_named_with_that(tmp_path: Path) -> None:
    (notice,) = ignored_keys(settled_of(tmp_path, "backend = 'pbs'\nresources = 'select=1:ncpus=4'\nmemory = '2GB'"))
    assert str(notice).startswith("cluster.memory: pbs ignores it beside cluster.resources; ")
    assert notice.to_json()["level"] == "warning"


@pytest.mark.parametrize(("backend", "keys"), sorted(REFUSED.items()))
def test_keys_without_meaning_for_a_queue_stay_refused(tmp_path: Path, backend: str, keys: set[str]) -> None:
    for key in keys:
        with pytest.raises(StudyError, match=f"cluster.{key}: {backend} has no such thing"):
            settled_of(tmp_path, f"backend = {backend!r}\n{key} = {VALUES[key][0]!r}")
