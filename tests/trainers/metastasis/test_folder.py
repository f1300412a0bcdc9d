"""Real files: phantoms written as NIfTI are read back as the cases they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.trainer import Configuration, Context
from trainers.cad.case import Split
from trainers.cad.layout import BrokenCasesError
from trainers.metastasis import check, evaluate, train
from trainers.metastasis.application import Metastasis
from trainers.metastasis.intensity import is_brain
from trainers.metastasis.phantom import PRESETS, Phantom, make_phantom
from trainers.metastasis.settings import Settings

TINY = PRESETS["tiny"]
ORIGIN = np.array([-40.0, 25.0, 7.0])


@pytest.fixture(scope="module")
def phantoms() -> dict[str, Phantom]:
    """Two cases to train on, one for each of the other splits."""
    return {f"sub-{number}": make_phantom(TINY, 9, number) for number in range(1, 5)}


@pytest.fixture
def folder(tmp_path: Path, phantoms: dict[str, Phantom]) -> Path:
    """The phantoms as a hospital would give them: in arbitrary units, somewhere in space."""
    folder = tmp_path / "cases"
    folder.mkdir()
    lesions, splits = ["case,x,y,z,diameter_mm"], ["case,split"]
    for (name, phantom), split in zip(phantoms.items(), ["training", "training", "validation", "test"], strict=True):
        image = sitk.GetImageFromArray((phantom.volume * 1500).astype(np.int16))
        image.SetSpacing(3 * (TINY.spacing,))  # type: ignore[no-untyped-call]
        image.SetOrigin(ORIGIN.tolist())  # type: ignore[no-untyped-call]
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
        for centre, diameter in zip(phantom.centres[:, ::-1] + ORIGIN, phantom.diameters, strict=True):
            lesions.append(",".join(str(figure) for figure in (name, *centre, diameter)))
        splits.append(f"{name},{split}")
    (folder / "lesions.csv").write_text("\n".join(lesions))
    (folder / "splits.csv").write_text("\n".join(splits))
    return folder


def _config(configuration: Configuration, folder: Path) -> Configuration:
    counts = {f"{split}_cases": None for split in Split}
    return {**configuration, **counts, "data": str(folder), "spacing_mm": TINY.spacing}


def test_files_become_the_cases_that_they_were_written_from(
    configuration: Configuration, folder: Path, phantoms: dict[str, Phantom]
) -> None:
    settings = Settings.from_configuration(_config(configuration, folder))
    for case in Metastasis().cases(settings, Split.TRAINING):
        phantom = phantoms[case.name]
        assert case.to_voxels(case.centres) * TINY.spacing == pytest.approx(phantom.centres, abs=1e-3)
        assert case.diameters == pytest.approx(phantom.diameters)
        assert (is_brain(case.volume) == (phantom.volume > 0)).mean() > 0.99


def test_a_check_tells_every_broken_case(folder: Path) -> None:
    (folder / "sub-2.nii.gz").write_bytes(b"torn")
    (folder / "sub-4.nii.gz").unlink()
    told = {case.name: case for case in check(folder, TINY.spacing)}
    broken = [name for name, case in told.items() if case.problems]
    assert broken == ["sub-2", "sub-4", "test"]  # a split without a case can neither be trained on nor scored
    assert f"voxels of {TINY.spacing:g} mm" in told["sub-1"].description


def test_training_reads_no_test_case_and_evaluation_does(
    configuration: Configuration, tmp_path: Path, folder: Path
) -> None:
    whole = (folder / "sub-4.nii.gz").read_bytes()
    (folder / "sub-4.nii.gz").write_bytes(b"torn")
    extra = "\nsub-5,validation\nsub-6,test"
    (folder / "splits.csv").write_text((folder / "splits.csv").read_text() + extra)
    for name in ("sub-5", "sub-6"):
        (folder / f"{name}.nii.gz").write_bytes(whole)
    config = _config({**configuration, "iterations": 2}, folder)
    outcome = train(config, Context.in_directory(tmp_path / "attempt"))
    assert outcome.metrics["cases"] == 2
    with pytest.raises(BrokenCasesError) as caught:
        evaluate(config, tmp_path / "attempt" / "model", Context.in_directory(tmp_path / "evaluation"))
    assert caught.value.case == "sub-4"
