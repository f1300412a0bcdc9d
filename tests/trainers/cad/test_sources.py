"""The string `data` names phantoms or a folder; what makes no sense is refused with what does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bohpo.errors import UsageError
from tests.trainers.cad.balls import CONFIGURATION, Balls, Settings, make_ball
from trainers.cad.case import Case, Split
from trainers.cad.sources import Phantom, Phantoms


def _settings(data: str, **more: float) -> Settings:
    return Settings.from_configuration({**CONFIGURATION, "data": data, **more})


def _names(data: str, split: Split = Split.TRAINING) -> list[str]:
    return sorted(case.name for case in Balls().cases(_settings(data), split))


def test_phantoms_are_called_by_preset_seed_and_number() -> None:
    assert _names("phantom:tiny") == [f"phantom-tiny-0-{index:06d}" for index in range(4)]
    assert _names("phantom:tiny?seed=7", Split.TEST)[0] == "phantom-tiny-7-200000"


@pytest.mark.parametrize("split", Split)
def test_a_phantom_knows_its_split(split: Split) -> None:
    for name in _names("phantom:tiny", split):
        assert Phantom("tiny", index=int(name.rpartition("-")[2])).split is split


@pytest.mark.parametrize(
    "data", ["phantom:huge", "phantom:tiny?seed=x", "phantom:tiny?seed=-1", "phantom:tiny?sed=1", "phantom:tiny?seed"]
)
def test_phantoms_that_there_are_not_are_refused(data: str) -> None:
    with pytest.raises(UsageError, match=r"there are no phantoms .*; use one of phantom:tiny, with \?seed=1 at will"):
        _names(data)


def test_label_maps_are_for_those_who_take_them(tmp_path: Path) -> None:
    asked: list[Phantom] = []

    def make(phantom: Phantom) -> Case:
        asked.append(phantom)
        return make_ball(phantom)

    takes = Phantoms(name="labelled", version=1, spacings={"tiny": 1.0}, make=make, takes_labels=True)
    folder = tmp_path / "maps"
    with pytest.raises(UsageError, match=r"there is no folder .* of label maps"):
        takes.iter_cases(_settings(f"phantom:tiny?labels={folder}"), Split.TRAINING, 1)
    folder.mkdir()
    data = f"phantom:tiny?seed=3&labels={folder}"
    for content in ("a", "ab", "ab"):
        (folder / "map.nii.gz").write_text(content)
        assert len(list(takes.iter_cases(_settings(data), Split.TRAINING, 1))) == 1
    assert asked == 2 * [Phantom("tiny", 3, 0, folder)], "made again for other maps, cached for the same"
    with pytest.raises(UsageError, match="there are no phantoms"):
        _names(data)


def test_phantoms_come_at_their_own_spacing_only() -> None:
    with pytest.raises(UsageError, match=r"spacing_mm: phantom:tiny comes at 1\.0 mm only"):
        list(Balls().cases(_settings("phantom:tiny", spacing_mm=0.5), Split.TRAINING))
