"""How sure the scores of a study will be, where its trainer can say so.

A trainer's module may have a function `forecast(fixed) -> str | None`, which is handed the fixed settings of a study
and describes in a sentence how wide the interval of a score will be. It must be quick, and read no volume.
"""

from __future__ import annotations

import contextlib

from bohpo.study.entry import defines
from bohpo.study.study import Study
from bohpo.trainer.entry import load_entry

FORECAST = "forecast"


def forecast(study: Study) -> str | None:
    """Ask a study's trainer how sure its scores will be.

    Returns:
        One sentence without a full stop; why there is none if the trainer's function fails, as where the data are on
        another machine; None if the trainer has no such function, or nothing to say.
    """
    if study.trainer is None:
        return None
    entry = f"{study.trainer.partition(':')[0]}:{FORECAST}"
    if not defines(entry, study.working_directory):
        return None
    try:
        function = load_entry(entry, str(study.working_directory), is_guest=True)
        with contextlib.chdir(study.working_directory):  # paths of a study are those of its trainer
            said = function(dict(study.fixed))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of a trainer may raise anything
        return f"how wide the interval of a score will be is not known: {' '.join(str(error).split())}"
    return said if isinstance(said, str) else None
