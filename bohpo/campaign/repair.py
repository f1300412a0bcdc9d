"""An attempt's folder after its trainer removed or replaced it: made anew, so that its end can be recorded."""

from __future__ import annotations

import os
import stat

from bohpo.durable import write_json
from bohpo.trainer import AttemptDirectory, AttemptSpec
from bohpo.trainer.attempt import move_aside


def repair_folder(attempt: AttemptDirectory, spec: AttemptSpec) -> bool:
    """Make sure that `attempt.json` and `ended.json` can be written and found; keep what else is there.

    Args:
        attempt: The attempt's files.
        spec: What `attempt.json` said when the attempt began.

    Returns:
        Whether the folder itself was gone or replaced, and an outcome with it.

    Raises:
        OSError: If the folder above it is out of reach, or the file system is.
    """
    is_lost = not _is_ours(attempt, spec)
    if is_lost:
        os.listdir(attempt.path.parents[1])  # noqa: PTH208 - the campaign's own folder is not made anew
        attempt.make_folder(spec)
    if not attempt.is_of(spec):
        if attempt.spec.is_dir():
            move_aside(attempt.spec)
        write_json(attempt.spec, spec.to_json())
    if attempt.ended.is_dir() and not attempt.ended.is_symlink():
        move_aside(attempt.ended)
    return is_lost


def lost_folder(attempt: AttemptDirectory) -> str:
    """Return why an attempt failed whose folder was lost."""
    return f"its trainer removed or replaced the attempt's own folder, {attempt.path}; delete only what lies below it"


def _is_ours(attempt: AttemptDirectory, spec: AttemptSpec) -> bool:
    """Whether the path is a folder that may be used, or a link to one that holds this attempt's files."""
    try:
        mode = os.lstat(attempt.path).st_mode
        if stat.S_ISDIR(mode):
            if not os.access(attempt.path, os.R_OK | os.W_OK | os.X_OK):
                attempt.path.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
            return True
        return attempt.is_of(spec)
    except (FileNotFoundError, NotADirectoryError):
        return False
