"""Lesions in other coordinates are suspected with figures, and those in mm of LPS never are."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import UsageError
from trainers.aneurysm.application import Aneurysm
from trainers.cad.application import Application
from trainers.cad.case import Case, Floats, Split
from trainers.cad.check import check_folder
from trainers.cad.coordinates import CERTAIN_SD, LEAST_LESIONS, CoordinateCheck, Suspicion
from trainers.cad.folder import read_folder
from trainers.cad.frames import Frame, read_frame
from trainers.cad.hypotheses import HYPOTHESES
from trainers.cad.layout import Layout
from trainers.cad.prominence import OUTSIDE, Surroundings
from trainers.cad.sources import Phantom
from trainers.cad.volume import read_volume
from trainers.liver_nodule.application import LiverNodule
from trainers.metastasis.application import Metastasis

Rewrite = Callable[[Case], Floats]

APPLICATIONS: dict[str, Callable[[], Application[..., ..., ...]]] = {  # type: ignore[misc]
    "aneurysm": Aneurysm,
    "metastasis": Metastasis,
    "liver_nodule": LiverNodule,
}
SHIFTS = {"middle": np.zeros(3), "beside": np.array([7.0, -9.0, 30.0])}
"""Where the middle of a volume lies, mm; at 0 no flip leads out of the volume."""

ANISOTROPIC = np.array([1.0, 1.0, 2.0])

REWRITTEN: dict[str, tuple[Rewrite, str]] = {
    "RAS": (lambda case: case.centres * [-1, -1, 1], "RAS coordinates"),
    "x": (lambda case: case.centres * [-1, 1, 1], "coordinates with x turned over"),
    "y": (lambda case: case.centres * [1, -1, 1], "coordinates with y turned over"),
    "z": (lambda case: case.centres * [1, 1, -1], "coordinates with z turned over"),
    "zyx": (lambda case: case.centres[:, ::-1], "coordinates in the order z, y, x"),
    "yxz": (lambda case: case.centres[:, [1, 0, 2]], "coordinates in the order y, x, z"),
    "xzy": (lambda case: case.centres[:, [0, 2, 1]], "coordinates in the order x, z, y"),
    "jik": (
        lambda case: (case.to_voxels(case.centres)[:, ::-1] / ANISOTROPIC)[:, [1, 0, 2]],
        "indices of rows, columns and slices",
    ),
    "ijk": (lambda case: case.to_voxels(case.centres)[:, ::-1] / ANISOTROPIC, "indices of voxels i, j, k"),
    "kji": (lambda case: (case.to_voxels(case.centres)[:, ::-1] / ANISOTROPIC)[:, ::-1], "in the order k, j, i"),
    "corner": (lambda case: case.centres - case.origin, "mm from the first voxel"),
    "cm": (lambda case: case.centres / 10, "centimetres"),
    "m": (lambda case: case.centres / 1000, "metres"),
}


@cache
def _phantoms(application: str, shift: str) -> tuple[Case, ...]:
    phantoms = APPLICATIONS[application]().phantoms
    cases = []
    for index in range(14):
        case = phantoms.find(Phantom("tiny", 0, 100_000 + index))
        origin = SHIFTS[shift] - (np.array(case.shape[::-1]) - 1) * case.spacing / 2
        cases.append(replace(case, origin=origin, centres=case.centres + origin))
    return tuple(cases)


def _frame(case: Case) -> Frame:
    return Frame(case.origin, case.axes, ANISOTROPIC * case.spacing)


def _suspicions(cases: tuple[Case, ...], rewrite: Rewrite | None = None) -> list[Suspicion]:
    check = CoordinateCheck((HYPOTHESES,))
    for case in cases:
        check.add(case if rewrite is None else replace(case, centres=rewrite(case)), _frame(case))
    return check.suspicions()


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("application", APPLICATIONS)
def test_lesions_as_they_should_be_given_are_not_suspected(application: str, shift: str) -> None:
    check = CoordinateCheck()
    for case in _phantoms(application, shift):
        check.add(case, _frame(case))
        alone = CoordinateCheck()
        alone.add(case, _frame(case))
        assert not any(suspicion.is_founded for suspicion in alone.suspicions())
    assert check.suspicions() == []


@pytest.mark.parametrize(
    ("shift", "written"), [*(("middle", each) for each in REWRITTEN), *(("beside", each) for each in ("RAS", "cm"))]
)
@pytest.mark.parametrize("application", APPLICATIONS)
def test_other_coordinates_are_suspected_for_what_they_are(application: str, shift: str, written: str) -> None:
    rewrite, nature = REWRITTEN[written]
    [suspicion] = _suspicions(_phantoms(application, shift), rewrite)
    assert suspicion.is_certain, suspicion
    assert f"these look like {nature}" in suspicion.problem or suspicion.problem.endswith(nature)
    assert suspicion.remedy


def test_a_suspicion_comes_with_its_figures() -> None:
    cases = _phantoms("aneurysm", "beside")
    count = sum(len(case.centres) for case in cases)
    outside = sum(int((~case.holds(case.centres * [-1, -1, 1])).sum()) for case in cases)
    assert outside > 0
    [suspicion] = _suspicions(cases, REWRITTEN["RAS"][0])
    assert f"SD ({outside} of {count} outside their volume), with x and y negated they stand out by 2." in (
        suspicion.problem
    )
    assert f"SD (0 of {count} outside their volume): these look like RAS coordinates" in suspicion.problem
    assert suspicion.remedy == "negate x and y"


def test_a_case_of_another_hospital_is_told_from_the_rest() -> None:
    cases = list(_phantoms("metastasis", "middle"))
    strange = max(range(len(cases)), key=lambda at: len(cases[at].centres))
    cases[strange] = replace(
        cases[strange], centres=cases[strange].to_voxels(cases[strange].centres)[:, ::-1] / ANISOTROPIC
    )
    [suspicion] = _suspicions(tuple(cases))
    assert suspicion.problem.startswith(f"in case {cases[strange].name} as given lesions stand out by ")
    assert suspicion.problem.endswith("these look like indices of voxels i, j, k")
    assert suspicion.is_certain


def test_few_lesions_are_a_hint_at_most() -> None:
    [first, *_] = [case for case in _phantoms("metastasis", "beside") if len(case.centres) >= LEAST_LESIONS]
    few = replace(first, centres=first.centres[: LEAST_LESIONS - 1], diameters=first.diameters[: LEAST_LESIONS - 1])
    [suspicion] = _suspicions((few,), REWRITTEN["corner"][0])
    assert not suspicion.is_founded
    assert suspicion.describe_hint().startswith(f"{LEAST_LESIONS - 1} lesions are too few to be sure: as given ")


def test_invisible_lesions_accuse_nobody_for_certain() -> None:
    """Places by chance in noise: over 40 folders the worst that is found stays far from what stops a training."""
    rng = np.random.default_rng(0)
    strengths = []
    for _ in range(40):
        volume = rng.normal(size=(24, 24, 24)).astype(np.float32)
        centres = rng.uniform(-8, 8, size=(6, 3))
        case = Case("noise", volume, 1.0, centres, np.full(6, 5.0), np.full(3, -11.5))
        strengths += [suspicion.strength for suspicion in _suspicions((case,))]
    assert max(strengths, default=0.0) < CERTAIN_SD - 1


def test_radii_are_suspected_and_diameters_are_not() -> None:
    for application in ("aneurysm", "metastasis"):
        check = CoordinateCheck()
        for case in _phantoms(application, "middle"):
            check.add(replace(case, diameters=case.diameters / 2), _frame(case))
        [suspicion] = check.suspicions()
        assert "with diameters doubled they stand out" in suspicion.problem
        assert suspicion.is_about_diameters
        assert not suspicion.is_certain, "no training is stopped for it"


def test_prominence_is_a_rank_among_places_by_chance() -> None:
    volume = np.random.default_rng(0).normal(size=(32, 32, 32)).astype(np.float32)
    distance = np.linalg.norm(np.moveaxis(np.indices(volume.shape), 0, -1) - 16, axis=-1)
    for sign in (1, -1):
        case = Case("ball", volume + sign * 4 * (distance < 4), 0.5, np.empty((0, 3)), np.empty(0))
        ball, noise, outside = Surroundings.of(case).rank(np.array([[8.0, 8, 8], [3, 3, 3], [50, 0, 0]]), 4.0)
        assert ball > 2.5
        assert abs(noise) < 2.5
        assert outside == OUTSIDE
        scaled = replace(case, volume=case.volume * np.float32(1e6))
        assert Surroundings.of(scaled).rank(np.array([[8.0, 8, 8]]), 4.0)[0] == pytest.approx(ball, abs=0.05)


def _write(folder: Path, cases: tuple[Case, ...], rewrite: Rewrite) -> None:
    """Write cases as a hospital would: NIfTI in arbitrary units, voxels of other edges across than along."""
    folder.mkdir()
    lesions, splits = ["case,x,y,z,diameter_mm"], ["case,split"]
    for number, case in enumerate(cases):
        image = sitk.GetImageFromArray((case.volume[::2] * 1000).astype(np.int16))
        image.SetSpacing((case.spacing * ANISOTROPIC).tolist())
        image.SetOrigin(case.origin.tolist())
        sitk.WriteImage(image, str(folder / f"p{number}.nii.gz"))
        rows = zip(rewrite(case), case.diameters, strict=True)
        lesions += [f"p{number},{','.join(f'{each:.4f}' for each in (*centre, size))}" for centre, size in rows]
        splits.append(f"p{number},{list(Split)[number % 3]}")
    (folder / "lesions.csv").write_text("\n".join(lesions))
    (folder / "splits.csv").write_text("\n".join(splits))


@pytest.mark.parametrize("written", ["LPS", "RAS", "ijk"])
def test_a_check_tells_of_other_coordinates(tmp_path: Path, written: str) -> None:
    rewrite: Rewrite = REWRITTEN[written][0] if written != "LPS" else lambda case: case.centres
    cases = _phantoms("metastasis", "middle")
    _write(tmp_path / "cases", cases[:6], rewrite)
    told = list(check_folder(Metastasis(), tmp_path / "cases", cases[0].spacing))
    suspected = [case for case in told if case.name == "lesions.csv"]
    if written == "LPS":
        assert [problem for case in told for problem in case.problems] == []
        assert suspected == []
    else:
        [problem] = suspected[0].problems
        assert f"these look like {REWRITTEN[written][1]}" in problem


def test_no_training_starts_on_lesions_that_are_certainly_elsewhere(tmp_path: Path) -> None:
    cases = _phantoms("metastasis", "middle")
    layout = Layout(spacing=cases[0].spacing)
    for name, rewrite in (("right", lambda case: case.centres), ("wrong", REWRITTEN["RAS"][0])):
        _write(tmp_path / name, cases, rewrite)
        (tmp_path / name / "splits.csv").write_text(
            "case,split\n" + "".join(f"p{number},training\n" for number in range(len(cases)))
        )
    assert len(list(read_folder(tmp_path / "right", Split.TRAINING, None, layout))) == len(cases)
    with pytest.raises(UsageError, match=r"lesions\.csv: as given .* RAS coordinates, as of nibabel; negate x and y"):
        list(read_folder(tmp_path / "wrong", Split.TRAINING, None, layout))


def test_no_training_starts_on_indices_that_happen_to_lie_inside(tmp_path: Path) -> None:
    """Whether a table has indices is known only where the voxels of the file lie is known."""
    cases = []
    for case in _phantoms("metastasis", "middle"):
        near = replace(case, origin=np.full(3, -6.0), centres=case.centres - case.origin - 6)
        is_inside = near.holds(REWRITTEN["ijk"][0](near))
        cases.append(replace(near, centres=near.centres[is_inside], diameters=near.diameters[is_inside]))
    _write(tmp_path / "cases", tuple(cases), REWRITTEN["ijk"][0])
    (tmp_path / "cases" / "splits.csv").write_text(
        "case,split\n" + "".join(f"p{number},training\n" for number in range(len(cases)))
    )
    with pytest.raises(UsageError, match=r"lesions\.csv: as given .* these look like indices of voxels i, j, k"):
        list(read_folder(tmp_path / "cases", Split.TRAINING, None, Layout(spacing=cases[0].spacing)))


def _organs(volume: Path, labels: Path) -> Case:
    """Build a case whose lesions are compact organs and bones of a real patient."""
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(sitk.Cast(sitk.ReadImage(str(labels)), sitk.sitkUInt32))
    chosen = [at for at in shapes.GetLabels() if shapes.GetRoundness(at) > 0.6 and shapes.GetNumberOfPixels(at) > 50]
    read = read_volume(volume.name, volume, 3.0)
    centres = np.array([shapes.GetCentroid(at) for at in chosen])
    diameters = np.array([2 * shapes.GetEquivalentSphericalRadius(at) for at in chosen])
    return Case(volume.name, read.signal, read.spacing, centres, diameters, read.origin, read.axes)


@pytest.fixture(params=[("example_ct_sm", "example_seg"), ("example_mr_sm", "example_seg_mr")])
def organs(request: pytest.FixtureRequest, real_data: Path) -> Iterator[tuple[Case, Frame | None]]:
    """Real CT and MR with where their organs are."""
    volume, labels = (real_data / "totalsegmentator" / f"{name}.nii.gz" for name in request.param)
    yield _organs(volume, labels), read_frame("real", volume)


def test_organs_of_real_patients_are_where_they_are(organs: tuple[Case, Frame | None]) -> None:
    case, frame = organs
    check = CoordinateCheck((HYPOTHESES,))
    check.add(case, frame)
    assert check.suspicions() == []
    turned = CoordinateCheck((HYPOTHESES,))
    turned.add(replace(case, centres=case.centres * [-1, -1, 1]), frame)
    [suspicion] = turned.suspicions()
    assert suspicion.is_founded
    assert "these look like RAS coordinates" in suspicion.problem
