"""What every application offers, as far as the studies name them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from bohpo.errors import UsageError
from bohpo.study import Study, check_entry

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_what_a_study_names_is_there_and_can_check_a_folder_of_cases(path: Path, tmp_path: Path) -> None:
    study = Study.load(path)
    assert check_entry(study) == ()
    assert study.trainer is not None
    application = importlib.import_module(study.trainer.partition(":")[0])
    with pytest.raises(UsageError, match="there is no folder"):
        list(application.check(tmp_path / "absent"))


@pytest.mark.parametrize("name", ["aneurysm", "metastasis", "liver_nodule", "head_ct_anomaly"])
def test_a_full_protocol_asks_a_queue_for_a_gpu_and_for_memory_and_time(name: str) -> None:
    cluster = Study.load(STUDIES[0].with_name(f"{name}.toml")).cluster
    assert cluster.backend == "slurm"
    assert cluster.gpus == 1
    assert cluster.memory == "32GB"
    assert cluster.wall_time == "24:00:00"
