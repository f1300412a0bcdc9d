"""NIfTI files that ITK mends, guesses or misreads are refused, and so are those that lie nowhere for sure."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray

from bohpo.errors import DataError
from trainers.cad.case import Case, Floats, Split
from trainers.cad.folder import read_folder
from trainers.cad.layout import BrokenCasesError, Layout
from trainers.cad.nifti import read_forms
from trainers.cad.place import find_place_problems
from trainers.cad.volume import read_volume

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
AFFINE[:3, 3] = (10, 20, 30)

Edit = Callable[[NDArray[np.void]], None]


def _write(
    path: Path,
    qform: Floats | None = AFFINE,
    sform: Floats | None = AFFINE,
    *,
    edit: Edit | None = None,
    dtype: type | np.dtype[np.void] = np.float32,
    shape: tuple[int, ...] = (12, 13, 14),
) -> None:
    """Write noise; `edit` changes the header in the file as it is, which nibabel would mend."""
    signal = np.random.default_rng(0).random(shape).astype(np.float32)
    signal = np.zeros(shape, dtype) if isinstance(dtype, np.dtype) else signal.astype(dtype)
    image = nibabel.Nifti1Image(signal, AFFINE)
    image.set_qform(qform, code=0 if qform is None else 1)
    image.set_sform(sform, code=0 if sform is None else 1)
    nibabel.save(image, path)
    if edit is not None:
        content = bytearray(path.read_bytes())
        header = np.ndarray((), nibabel.nifti1.header_dtype, content)
        edit(header)
        path.write_bytes(content)


def _set(field: str, value: object, at: int | slice | None = None) -> Edit:
    def edit(header: NDArray[np.void]) -> None:
        if at is None:
            header[field] = value
        else:
            header[field][at] = value

    return edit


def _problem(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_volume("case", path, 2.0)
    return str(caught.value)


def _moved(x: float) -> Floats:
    moved = AFFINE.copy()
    moved[0, 3] += x
    return moved


def _turned(degrees: float) -> Floats:
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turned: Floats = AFFINE @ turn
    return turned


def _sheared() -> Floats:
    sheared = AFFINE.copy()
    sheared[1, 2] = 0.3
    return sheared


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"dtype": np.complex64}, "holds values of the type complex64; give one real number for each voxel"),
        ({"dtype": np.complex128}, "holds values of the type complex128"),
        ({"dtype": np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])}, "holds values of the type RGB"),
        ({"edit": _set("datatype", 1536)}, "holds values of the type float128"),
        ({"edit": _set("datatype", 1)}, "holds values of the type binary"),
        ({"edit": _set("datatype", 9999)}, "holds values of the type type 9999"),
        ({"edit": _set("pixdim", 0.0, 1)}, "has voxels of 0 x 2 x 3 mm in its header (pixdim)"),
        ({"edit": _set("pixdim", -2.0, 1)}, "has voxels of -2 x 2 x 3 mm in its header (pixdim)"),
        ({"edit": _set("pixdim", np.nan, 2)}, "has voxels of 2 x nan x 3 mm in its header (pixdim)"),
        (
            {"edit": _set("pixdim", 1.0, slice(1, 4))},
            "has voxels of 1 x 1 x 1 mm by pixdim and of 2 x 2 x 3 mm by its sf",
        ),
        ({"edit": _set("qoffset_x", np.nan)}, "has numbers that are not finite in its qform"),
        ({"edit": _set("srow_y", np.inf, 3)}, "has numbers that are not finite in its sform"),
        ({"edit": _set("xyzt_units", 1)}, "gives lengths in metres (xyzt_units); write the volume again in mm"),
        ({"edit": _set("xyzt_units", 3)}, "gives lengths in micrometres (xyzt_units)"),
        ({"edit": _set("dim", 0, 0)}, "voxels in its header; write the volume again"),
        ({"edit": _set("dim", -3, 2)}, "voxels in its header; write the volume again"),
        ({"edit": _set("dim", 30000, slice(1, 4))}, "cannot be read"),
        ({"edit": _set("vox_offset", np.nan)}, "cannot be read"),
        ({"sform": _sheared()}, "axes that are not at right angles, but 5.7 degrees off, those of a tilted gantry"),
        ({"qform": None, "sform": _sheared()}, "axes that are not at right angles"),
        ({"shape": (12, 13, 14, 2)}, "is 4D with 1 channels; give one 3D volume"),
    ],
)
def test_headers_that_would_be_misread_are_named(tmp_path: Path, options: dict[str, object], problem: str) -> None:
    _write(tmp_path / "scan.nii", **options)  # type: ignore[arg-type]
    told = _problem(tmp_path / "scan.nii")
    assert told.startswith("case: scan.nii ")
    assert problem in told


def test_all_that_is_wrong_with_a_header_is_told_at_once(tmp_path: Path) -> None:
    def edit(header: NDArray[np.void]) -> None:
        header["xyzt_units"] = 1
        header["datatype"] = 32

    _write(tmp_path / "scan.nii", edit=edit)
    told = _problem(tmp_path / "scan.nii")
    assert "complex64 and gives lengths in metres" in told


@pytest.mark.parametrize("sign", [0.0, 2.0, -2.0])
def test_a_sign_that_is_neither_1_nor_minus_1_is_read_as_itk_reads_it(tmp_path: Path, sign: float) -> None:
    """Older programs write 0 there, which the standard takes for 1."""
    _write(tmp_path / "scan.nii", AFFINE * [[1], [1], [np.sign(sign) or 1], [1]], None, edit=_set("pixdim", sign, 0))
    assert _places(tmp_path / "scan.nii") == []
    assert read_forms(tmp_path / "scan.nii").qform == pytest.approx(AFFINE * [[1], [1], [np.sign(sign) or 1], [1]])


def test_a_quaternion_that_is_no_rotation_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "scan.nii", edit=_set("quatern_b", 2.0))
    assert "has a quaternion longer than 1 in its qform" in _problem(tmp_path / "scan.nii")


def test_what_itk_does_not_read_at_all_is_not_called_torn(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti2Image(np.ones((12, 13, 14), np.float32), AFFINE), tmp_path / "scan.nii.gz")
    assert _problem(tmp_path / "scan.nii.gz") == (
        "case: scan.nii.gz is NIfTI-2, which ITK does not read; write it as NIfTI-1, with nibabel"
    )


def test_one_volume_in_4d_is_a_volume(tmp_path: Path) -> None:
    _write(tmp_path / "scan.nii.gz", shape=(12, 13, 14, 1))
    assert read_volume("case", tmp_path / "scan.nii.gz", 2.0).signal.ndim == 3


@pytest.mark.parametrize("name", ["P02.NII.GZ", "P02.Nii.gz", "P02.NII", "P02.MHA", "P02.NRRD"])
def test_endings_in_capital_letters_are_seen(tmp_path: Path, name: str) -> None:
    plain = tmp_path / "plain" / f"p{name[3:].lower()}"
    folder = tmp_path / "cases"
    for each in (plain.parent, folder):
        each.mkdir()
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((9, 10, 11), np.float32))
    image.SetOrigin((5.0, 6.0, 7.0))
    sitk.WriteImage(image, str(plain))
    plain.rename(folder / f"P02.{name.partition('.')[2]}")
    (folder / "lesions.csv").write_text("case,x,y,z,diameter_mm\nP02,8,9,10,3\n")
    (folder / "splits.csv").write_text("case,split\nP02,training\n")
    [case] = read_folder(folder, Split.TRAINING, None, Layout(spacing=1.0))
    assert case.name == "P02"
    assert case.to_voxels(case.centres).tolist() == [[3, 3, 3]]


def test_files_that_are_not_what_their_names_say_are_named(tmp_path: Path) -> None:
    _write(tmp_path / "scan.nii")
    content = (tmp_path / "scan.nii").read_bytes()
    (tmp_path / "packed.nii").write_bytes(gzip.compress(content))
    (tmp_path / "plain.nii.gz").write_bytes(content)
    (tmp_path / "empty.nii").write_bytes(b"")
    (tmp_path / "empty.nii.gz").write_bytes(b"")
    (tmp_path / "short.nii.gz").write_bytes(gzip.compress(content[:200]))
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(content)[:-9])
    (tmp_path / "loop.nii.gz").symlink_to(tmp_path / "loop.nii.gz")
    (tmp_path / "nowhere.nii.gz").symlink_to(tmp_path / "none")
    for name, problem in (
        ("packed.nii", "packed.nii is compressed by gzip; call it packed.nii.gz"),
        ("plain.nii.gz", "plain.nii.gz is not compressed; call it plain.nii, or compress it by gzip"),
        ("empty.nii", "empty.nii cannot be read (it has 0 bytes of a header)"),
        ("empty.nii.gz", "empty.nii.gz cannot be read (it has 0 bytes of a header)"),
        ("short.nii.gz", "short.nii.gz cannot be read (it has 200 bytes of a header)"),
        ("cut.nii.gz", "cut.nii.gz cannot be read"),
        ("loop.nii.gz", "loop.nii.gz is no file, or a link that leads to none"),
        ("nowhere.nii.gz", "nowhere.nii.gz is no file, or a link that leads to none"),
    ):
        assert problem in _problem(tmp_path / name)


def _places(path: Path) -> list[str]:
    return [f"{problem}; {remedy}" for problem, remedy in find_place_problems(path)]


def test_a_volume_that_says_where_it_lies_is_not_doubted(tmp_path: Path) -> None:
    for number, (qform, sform) in enumerate(
        ((AFFINE, AFFINE), (AFFINE, None), (None, AFFINE), (_moved(0.5), AFFINE), (_turned(0.5), AFFINE))
    ):
        _write(tmp_path / f"{number}.nii.gz", qform, sform)
        assert _places(tmp_path / f"{number}.nii.gz") == []


def test_a_volume_without_forms_lies_nowhere(tmp_path: Path) -> None:
    _write(tmp_path / "scan.nii.gz", None, None)
    [told] = _places(tmp_path / "scan.nii.gz")
    # ITK puts the first voxel at 0, nibabel the middle; 11, 12 and 13 steps of 2, 2 and 3 mm, x and y in other signs.
    corners = np.array([[i, j, k] for i in (0, 11) for j in (0, 12) for k in (0, 13)])
    by_nibabel = (corners - [5.5, 6, 6.5]) * [-2, 2, 3]
    by_itk = corners * [-2, -2, 3]
    apart = np.linalg.norm(by_nibabel - by_itk, axis=1).max()
    assert f"(qform_code and sform_code are 0): nibabel and ITK put it up to {apart:.0f} mm apart; convert" in told


@pytest.mark.parametrize(
    ("qform", "figures"), [(_moved(15.0), "15.0 mm and 0.0 degrees apart"), (_turned(2.0), "mm and 2.0 degrees apart")]
)
def test_forms_that_contradict_each_other_are_told(tmp_path: Path, qform: Floats, figures: str) -> None:
    _write(tmp_path / "scan.nii.gz", qform, AFFINE)
    [told] = _places(tmp_path / "scan.nii.gz")
    assert figures in told
    assert "keep the one that the lesions were marked in" in told


def test_other_formats_without_a_place_are_doubted(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((9, 10, 11), np.float32))
    for name, key in (("scan.mha", b"Offset"), ("scan.nrrd", b"space origin")):
        sitk.WriteImage(image, str(tmp_path / name))
        assert _places(tmp_path / name) == []
        content = (tmp_path / name).read_bytes()
        start = content.index(key)
        (tmp_path / name).write_bytes(content[:start] + content[content.index(b"\n", start) + 1 :])
        assert f"{name} does not say where it lies (its header lacks {key.decode()})" in _places(tmp_path / name)[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ElementSpacing = 1 1 1", b"ElementSpacing = -1 1 1"),
        (b"Offset = 0 0 0", b"Offset = nan 0 0"),
        (b"Offset = 0 0 0", b"Offset = 0 0 zero"),
    ],
)
def test_numbers_that_itk_mends_in_a_metaimage_are_told(tmp_path: Path, old: bytes, new: bytes) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((9, 10, 11), np.float32))
    sitk.WriteImage(image, str(tmp_path / "scan.mha"))
    content = (tmp_path / "scan.mha").read_bytes()
    assert old in content
    (tmp_path / "scan.mha").write_bytes(content.replace(old, new))
    [told] = _places(tmp_path / "scan.mha")
    assert told.startswith(f"scan.mha has {new.decode()} in its header; ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two training cases whose volumes say nowhere where they lie; one has a lesion."""
    for name in "ab":
        _write(tmp_path / f"{name}.nii.gz", None, None)
    (tmp_path / "lesions.csv").write_text("case,x,y,z,diameter_mm\na,8,9,10,3\n")
    (tmp_path / "splits.csv").write_text("case,split\na,training\nb,training\n")
    return tmp_path


def _read(folder: Path, layout: Layout) -> list[Case]:
    return list(read_folder(folder, Split.TRAINING, None, layout))


def test_no_training_starts_on_lesions_in_a_volume_that_lies_nowhere(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BrokenCasesError) as caught:
        _read(folder, Layout(spacing=2.0))
    assert [error.case for error in caught.value.errors] == ["a"], "b has no lesion to be misplaced"
    assert "a.nii.gz does not say where it lies" in str(caught.value)
    (folder / "lesions.csv").write_text("case,x,y,z,diameter_mm\n")
    with caplog.at_level(logging.WARNING):
        assert len(_read(folder, Layout(spacing=2.0))) == 2
    assert "b: b.nii.gz does not say where it lies" in caplog.text
