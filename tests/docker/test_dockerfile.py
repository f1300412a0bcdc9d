"""The Dockerfile and what it copies hold together."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docker.containerfile import ROOT, Stage, read_dockerfile, travels

ARGUMENTS, STAGES = read_dockerfile((ROOT / "docker" / "Dockerfile").read_text())
IGNORE = (ROOT / ".dockerignore").read_text()
PINNED = re.compile(r"[a-z][a-z0-9./-]*:\d+\.\d+(\.\d+)?-[a-z0-9-]+")


def stage(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.name == name)


def lineage(name: str) -> list[Stage]:
    """Give a stage and those that it is built on, the nearest first."""
    names = {each.name: each for each in STAGES}
    found = [names[name]]
    while found[-1].base in names:
        found.append(names[found[-1].base])
    return found


def last(name: str, word: str) -> str | None:
    """Give what an instruction says last, in a stage or those below it."""
    return next((each.all(word)[-1].rest for each in lineage(name) if each.all(word)), None)


def test_base_images_are_pinned() -> None:
    names = {each.name for each in STAGES}
    images = [each.base for each in STAGES if each.base not in names]
    assert images
    assert all(PINNED.fullmatch(image) for image in images), images


def test_the_base_image_has_the_python_that_the_pins_were_made_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = re.search(r"python:(\d+)\.(\d+)", ARGUMENTS["PYTHON_IMAGE"])
    assert version is not None
    assert project["requires-python"] == f">={version[1]}.{version[2]}"


def test_stages_have_names_of_their_own_and_the_last_one_is_bohpo() -> None:
    names = [each.name for each in STAGES]
    assert len(set(names)) == len(names)
    assert names[-1] == "bohpo"


@pytest.mark.parametrize("each", STAGES, ids=lambda each: each.name)
def test_what_is_copied_exists_and_travels(each: Stage) -> None:
    names = {known.name for known in STAGES}
    for copy in each.all("COPY"):
        sources, _ = copy.paths()
        if (origin := copy.option("from")) is not None:
            assert origin in names
            continue
        for source in sources:
            path = ROOT / source
            assert path.exists(), source
            kind = "*.toml" if source == "studies" else "*.py"
            files = list(path.rglob(kind)) if path.is_dir() else [path]
            assert files
            assert all(travels(file.relative_to(ROOT), IGNORE) for file in files if "__pycache__" not in file.parts)


@pytest.mark.parametrize("each", STAGES, ids=lambda each: each.name)
def test_what_is_run_is_good_shell(each: Stage) -> None:
    for run in each.all("RUN"):
        subprocess.run(("bash", "-n", "-c", run.rest), check=True)


@pytest.mark.parametrize("name", ["bohpo", "slurm", "runtime"])
def test_nothing_runs_as_root(name: str) -> None:
    assert last(name, "USER") == "bohpo"


@pytest.mark.parametrize("name", ["bohpo", "slurm"])
def test_commands_are_lists_so_that_signals_reach_the_program(name: str) -> None:
    for word in ("ENTRYPOINT", "CMD"):
        assert all(instruction.program() for instruction in stage(name).all(word))


def test_the_image_looks_after_its_health() -> None:
    (check,) = stage("bohpo").all("HEALTHCHECK")
    assert 'CMD ["bohpo", "doctor", "--json"]' in check.rest


def test_package_lists_and_munge_s_key_stay_in_no_layer() -> None:
    for each in STAGES:
        for run in each.all("RUN"):
            if "apt-get install" in run.rest:
                assert "--no-install-recommends" in run.rest
                assert re.search(r"rm -rf [^&]*/var/lib/apt/lists/\*", run.rest)
                assert "munge" not in run.rest or re.search(r"rm -rf [^&]*/etc/munge/munge\.key", run.rest)


def test_there_is_no_secret() -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text().lower()
    assert not re.search(r"password|secret|token", text)


@pytest.mark.parametrize(
    "path",
    [
        "bohpo.db",
        "bohpo.db-wal",
        "studies/bohpo.db",
        "bohpo/left.db",
        ".venv/bin/python",
        ".git/config",
        "campaigns/quickstart/study.toml",
        "docker/database_password",
        "docker/compose.yaml",
        "bohpo/__pycache__/errors.cpython-311.pyc",
        "tests/conftest.py",
        "studies/quickstart.png",
    ],
)
def test_what_must_stay_here_does_not_travel(path: str) -> None:
    assert not travels(Path(path), IGNORE)


@pytest.mark.parametrize("path", ["bohpo/cli/app.py", "bohpo/py.typed", "pyproject.toml", "docker/slurm/start"])
def test_what_is_needed_travels(path: str) -> None:
    assert travels(Path(path), IGNORE)


def test_the_requirements_are_those_of_users(tmp_path: Path) -> None:
    script = str(ROOT / "docker" / "requirements.py")
    done = subprocess.run(
        (sys.executable, script, str(ROOT / "pyproject.toml")), capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert any(line.startswith("torch") for line in lines)
    assert any(line.startswith("psycopg") for line in lines)
    assert not any(line.startswith(("pytest", "ruff", "bohpo")) for line in lines)


@pytest.mark.parametrize("mistake", ["RUM echo", "FROM python:3.11 AS a\nCOPPY a b"])
def test_the_reader_of_dockerfiles_sees_a_mistake(mistake: str) -> None:
    with pytest.raises(ValueError, match="is no instruction"):
        read_dockerfile(mistake)
