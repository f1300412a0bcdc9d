"""Which of a site's, a study's and the shell's settings of the cluster hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohpo.errors import StudyError
from bohpo.study import Cluster, Study, settle
from bohpo.study.cluster import memory_bytes, wall_seconds

SMALL = """
trainer = "my_trainer:train"
[objective]
direction = "minimize"
[space]
x = { type = "float", low = 0, high = 1 }
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for folder in ("config/bohpo", "here", "beside"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def study_in(home: Path, cluster: str = "", parallel: str = "") -> Study:
    path = home / "beside/study.toml"
    path.write_text(f"{SMALL}\n[cluster]\n{cluster}\n[parallel]\n{parallel}\n")
    return Study.load(path)


def mistakes_of(study: Study, environment: dict[str, str] | None = None, backend: str | None = None) -> list[str]:
    with pytest.raises(StudyError) as refused:
        settle(study, environment=environment, backend=backend)
    return [f"{refused.value.source}: {mistake}" for mistake in refused.value.mistakes]


def test_flag_environment_study_site_and_default_hold_in_this_order(home: Path) -> None:
    (home / "config/bohpo/site.toml").write_text(
        '[cluster]\nbackend = "sge"\nqueue = "user"\naccount = "user"\nmemory = "1GB"\ngpus = 1\nwall_time = "01:00:00"'
    )
    (home / "here/bohpo.toml").write_text('[cluster]\nqueue = "here"\naccount = "here"\nmemory = "2GB"\ngpus = 2')
    (home / "beside/bohpo.toml").write_text('[cluster]\nqueue = "beside"\naccount = "beside"\nmemory = "3GB"')
    study = study_in(home, 'queue = "study"\naccount = "study"')
    environment = {"BOHPO_CLUSTER_QUEUE": "shell", "XDG_CONFIG_HOME": str(home / "config")}
    settled = settle(study, environment=environment, backend="slurm")
    cluster = settled.study.cluster
    assert (cluster.backend, cluster.queue, cluster.account) == ("slurm", "shell", "study")
    assert (cluster.memory, cluster.gpus, cluster.wall_time, cluster.nodes) == ("3GB", 2, "01:00:00", 1)
    assert settled.sources == {
        "backend": "command line",
        "queue": "environment",
        "account": study.source,
        "memory": str(home / "beside/bohpo.toml"),
        "gpus": str(home / "here/bohpo.toml"),
        "wall_time": str(home / "config/bohpo/site.toml"),
    }
    assert settle(settled.study, environment={}).study.cluster == cluster


def test_every_kind_of_setting_can_come_from_the_environment(home: Path) -> None:
    environment = {
        "BOHPO_CLUSTER_CPUS": "4",
        "BOHPO_CLUSTER_ATTEMPTS_PER_JOB": "until-walltime",
        "BOHPO_CLUSTER_WALL_TIME": "2-00:00:00",
        "BOHPO_CLUSTER_SETUP": "module load cuda\nsource env.sh\n",
        "BOHPO_CLUSTER_CONTAINER": "apptainer exec 'my image.sif'",
        "BOHPO_STORE": "elsewhere",
    }
    cluster = settle(study_in(home, 'backend = "slurm"'), environment=environment).study.cluster
    assert (cluster.cpus, cluster.attempts_per_job, cluster.wall_seconds) == (4, "until-walltime", 172_800)
    assert cluster.setup == ("module load cuda", "source env.sh")
    assert cluster.container == ("apptainer", "exec", "my image.sif")


def test_a_jobs_threads_are_its_cpus_and_the_other_way_round(home: Path) -> None:
    assert settle(study_in(home, 'backend = "slurm"\ncpus = 6')).study.threads == 6
    assert settle(study_in(home, 'backend = "slurm"', "threads = 3")).study.cluster.cpus == 3
    assert settle(study_in(home, 'backend = "slurm"')).study.threads == 1


def test_where_a_study_runs_is_no_part_of_its_hash(home: Path) -> None:
    here = study_in(home)
    assert study_in(home, 'backend = "slurm"\nqueue = "gpu"').hash == here.hash
    assert here.with_backend("sge").hash == here.hash
    assert here.with_backend("sge").cluster.backend == "sge"
    assert Study.parse(here.with_backend("sge").text).cluster.backend == "sge"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"BOHPO_CLUSTER_QUEUE": "a b"}, 'environment: BOHPO_CLUSTER_QUEUE: "a b" is malformed; use up to 64'),
        ({"BOHPO_CLUSTER_QUEU": "a"}, "environment: BOHPO_CLUSTER_QUEU: there is no such key; did you mean 'queue'?"),
        ({"BOHPO_CLUSTER_CPUS": "four"}, 'environment: BOHPO_CLUSTER_CPUS: "four" is not a whole number'),
        ({"BOHPO_CLUSTER_CONTAINER": "a 'b"}, None),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    home: Path, environment: dict[str, str], told: str | None
) -> None:
    if told is None:
        assert settle(study_in(home), environment=environment).study.cluster.container == ("a 'b",)
        return
    assert mistakes_of(study_in(home), environment)[0].startswith(told)


def test_a_mistake_on_the_command_line_names_the_flag(home: Path) -> None:
    assert mistakes_of(study_in(home), {}, "slrum") == [
        "command line: --cluster: \"slrum\" is unknown; did you mean 'slurm'?"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[cluster", "end of document: "),
        ("[clutser]\nqueue = 'a'", "clutser: there is no such key; did you mean 'cluster'?"),
        ("[cluster]\nqueue = 'a\\nb'", "cluster.queue: "),
        ("[cluster]\nwall_time = '0:00:00'", 'cluster.wall_time: "0:00:00" is no wall time'),
    ],
)
def test_a_mistake_in_a_site_file_names_the_file_and_the_key(home: Path, text: str, told: str) -> None:
    site = home / "here/bohpo.toml"
    site.write_text(text)
    assert mistakes_of(study_in(home))[0].startswith(f"{site}: {told}")


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        ('backend = "slurm"\nresources = "mem=1G"', "cluster.resources: slurm has no such thing; use the other keys"),
        ('backend = "htcondor"\nqueue = "gpu"', "cluster.queue: htcondor has no such thing; use the other keys"),
        ('backend = "htcondor"\nsetup = ["a # b"]', "cluster.setup: htcondor makes one line of all"),
        (
            'backend = "slurm"\nattempts_per_job = "until-walltime"',
            "cluster.attempts_per_job: there is no wall time to take attempts until; set cluster.wall_time",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(home: Path, cluster: str, told: str) -> None:
    study = study_in(home, cluster)
    assert mistakes_of(study, {})[0].startswith(f"{study.source}: {told}")


def test_wall_time_and_memory_have_units() -> None:
    assert wall_seconds("1-06:00:30") == 30 * 3600 + 30
    assert (memory_bytes("24GB"), memory_bytes("1.5 GiB"), memory_bytes("512M")) == (24 * 10**9, 3 * 2**29, 512 * 10**6)


@given(st.dictionaries(st.sampled_from(sorted(Cluster.model_fields)), st.text(max_size=20)))
def test_no_environment_raises_anything_else_than_a_study_error(settings: dict[str, str]) -> None:
    study = Study.parse(SMALL)
    try:
        settle(study, environment={f"BOHPO_CLUSTER_{key.upper()}": value for key, value in settings.items()})
    except StudyError as error:
        assert error.mistakes
