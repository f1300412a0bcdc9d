"""How sure the scores of a study will be, from the tables of its data alone; no volume is read, torch is not needed."""

from __future__ import annotations

from pathlib import Path

from bohpo.trainer import Configuration
from trainers.cad.case import Split
from trainers.cad.folder import list_cases
from trainers.cad.layout import Layout
from trainers.cad.sample_size import SampleSize, count_rarer, describe_alone
from trainers.cad.sources import PHANTOM, PHANTOM_CASES
from trainers.cad.splits import select_split


def forecast_interval(config: Configuration, *, is_labelled: bool) -> str | None:
    """Describe how wide the interval of a validation score will be.

    Args:
        config: Fixed settings of a study: `data`, and `validation_cases` at will.
        is_labelled: Whether whole cases are scored instead of lesions.

    Returns:
        One sentence without a full stop, which tells of cases that cannot be scored, too; None if `data` is not among
        the settings.

    Raises:
        UsageError: If there is no such folder, or a table lacks a column.
    """
    data, count = config.get("data"), config.get("validation_cases")
    wanted = count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None
    if not isinstance(data, str):
        return None
    of = _of_phantoms if data.startswith(PHANTOM) else _of_folder
    size, patients = of(data, wanted, is_labelled)
    missing = f"there is no {size.noun} in the {Split.VALIDATION} cases, so no score is possible; add some"
    return describe_alone(patients, Split.VALIDATION) or size.describe(Split.VALIDATION) or missing


def _of_phantoms(_: str, wanted: int | None, is_labelled: bool) -> tuple[SampleSize, list[str | None]]:
    """Sum up phantoms: each is a patient, with about one lesion; of those with a label half are abnormal."""
    patients: list[str | None] = [None] * (wanted or PHANTOM_CASES[Split.VALIDATION])
    if is_labelled:
        return count_rarer([index % 2 == 1 for index in range(len(patients))], patients), patients
    return SampleSize.of_counts("phantom", [1] * len(patients), patients), patients


def _of_folder(data: str, wanted: int | None, is_labelled: bool) -> tuple[SampleSize, list[str | None]]:
    """Sum up the validation cases of a folder, and name the patient of each."""
    folder = Path(data)
    listed = list_cases(folder, Layout(spacing=1.0, is_labelled=is_labelled))
    selected = sorted(select_split(folder, listed, Split.VALIDATION).items())[:wanted]
    cases = [found for _, found in selected if found.paths]
    patients = [found.patient for found in cases]
    if is_labelled:
        return count_rarer([True in found.labels for found in cases], patients), patients
    return SampleSize.of_counts("lesion", [len(found.lesions) for found in cases], patients), patients
