"""The Apptainer definition, the example of a site file and the page that explains them hold together."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from bohpo.study import Study, settle
from tests.docker.containerfile import ROOT
from tests.docker.test_dockerfile import ARGUMENTS

DEFINITION = (ROOT / "docker" / "bohpo.def").read_text()
PAGE = (ROOT / "docker" / "README.md").read_text()
SECTIONS = {"arguments", "files", "post", "environment", "test", "runscript", "labels", "help"}


def sections() -> dict[str, str]:
    """Give the parts of the definition by name; what stands before the first is its header."""
    parts = re.split(r"^%(\w+)\n", DEFINITION, flags=re.MULTILINE)
    return {"header": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_the_definition_has_known_sections_and_the_dockerfile_s_image() -> None:
    found = sections()
    assert set(found) == SECTIONS | {"header"}
    assert re.search(r"^Bootstrap: docker$", found["header"], re.MULTILINE)
    assert re.search(rf"^From: {re.escape(ARGUMENTS['PYTHON_IMAGE'])}$", found["header"], re.MULTILINE)


@pytest.mark.parametrize("name", ["post", "environment", "test", "runscript"])
def test_what_the_definition_runs_is_good_shell(name: str) -> None:
    subprocess.run(("bash", "-n", "-c", sections()[name]), check=True)


def test_what_the_definition_copies_exists() -> None:
    pairs = [line.split() for line in sections()["files"].splitlines() if line.strip()]
    assert pairs
    assert all((ROOT / source).exists() for source, _ in pairs)


def test_the_definition_is_told_which_torch() -> None:
    declared = set(re.findall(r"^\s+(\w+)=", sections()["arguments"], re.MULTILINE))
    assert set(re.findall(r"\{\{ (\w+) \}\}", DEFINITION)) == declared


def test_the_image_s_version_is_the_package_s() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"image.version {version}\n" in DEFINITION
    assert f"bohpo-slurm:{version}\n" in (ROOT / "docker" / "compose.yaml").read_text()


def test_the_example_of_a_site_file_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("configuration")
    (home / "bohpo").mkdir()
    (home / "bohpo" / "site.toml").write_text((ROOT / "docker" / "site.toml").read_text())
    study = Study.from_data(
        {
            "command": ["true"],
            "objective": {"direction": "maximize"},
            "space": {"x": {"type": "int", "low": 0, "high": 1}},
        }
    )
    cluster = settle(study, environment={"XDG_CONFIG_HOME": str(home)}).study.cluster
    assert (cluster.backend, cluster.queue, cluster.gpus, cluster.wall_seconds) == ("slurm", "gpu", 1, 43_200)
    assert cluster.container is not None
    assert cluster.python is not None


@pytest.mark.parametrize("block", re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_the_page_s_commands_are_good_shell(block: str) -> None:
    subprocess.run(("bash", "-n", "-c", block), check=True)


def test_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"\b(?:docker|tests)/[\w./-]+\.(?:yaml|def|toml|py)\b", PAGE)) | {"docker/Dockerfile"}
    assert len(named) > 3
    assert all((ROOT / name).exists() for name in named), named
