"""`bohpo launch` and `resume` where a service drives the campaign."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bohpo.cli.dry_run import say_what_would_run
from bohpo.cli.output import emit, say
from bohpo.cli.place import Place
from bohpo.cli.remote import Remote
from bohpo.errors import NotFoundError, StudyError, UsageError
from bohpo.study.toml_reader import TomlError, read_toml_text


def launch_there(
    study: Path, flags: Mapping[str, str | int | None], place: Place, *, follow: bool, dry_run: bool, json: bool
) -> None:
    """Have a service launch a study; returns when its driver has begun.

    Args:
        study: Study file on this host; its text is sent.
        flags: Of `bohpo launch`; None leaves one out.
        place: Which service.
        follow: Refused: only who drives a campaign shows it live.
        dry_run: Only say what would be run.
        json: Print one JSON object.
    """
    _refuse_to_follow(follow)
    try:
        text = read_toml_text(study)
    except TomlError as error:
        raise StudyError(str(study), (error.mistake,)) from error
    except OSError as error:
        raise NotFoundError(f"{study}: {error}") from error
    try:
        told = Remote.of(place).post("launches", body={"study": text, "dry_run": dry_run, **flags})
    except StudyError as error:
        raise StudyError(str(study), error.mistakes) from None
    if dry_run:
        say_what_would_run(told["plan"], json=json)
    else:
        _say_what_began(told, place, json=json)


def resume_there(campaign: str, trials: int | None, place: Place, *, follow: bool, json: bool) -> None:
    """Have a service go on with a campaign; returns when its driver has begun."""
    _refuse_to_follow(follow)
    _say_what_began(Remote.of(place).post("campaigns", campaign, "resume", body={"trials": trials}), place, json=json)


def _say_what_began(told: Mapping[str, Any], place: Place, *, json: bool) -> None:
    if json:
        emit({"campaign": told["campaign"], "driver": told["driver"]})
        return
    say(f"campaign {told['campaign']} is driven on the host of the service; see `bohpo status {told['campaign']}`")
    print(f"{(place.server or '').rstrip('/')}/campaigns/{told['campaign']}")


def _refuse_to_follow(follow: bool) -> None:
    if follow:
        raise UsageError("--follow is for campaigns that are driven from here; open the page of the service instead")
