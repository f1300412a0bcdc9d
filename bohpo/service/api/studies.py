"""The studies that may be launched as they are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse

from bohpo.service.answers import Answer
from bohpo.service.api.parameters import Sent
from bohpo.service.security.permission import text_of
from bohpo.service.site import AtSite

router = APIRouter(tags=["launching"])


class StudyFileAnswer(Answer):
    """A study file in a folder that the administrator lists."""

    id: str
    folder: str
    file: str


class StudiesSent(Sent):
    """What may be launched: files as they are, and what a study from elsewhere may name as its trainer."""

    files: list[StudyFileAnswer]
    trainers: list[str]


@router.get("/studies")
def list_studies(site: AtSite) -> StudiesSent:
    """List what may be launched."""
    files = [
        StudyFileAnswer(id=known.id, folder=str(known.folder), file=known.file) for known in site.permission.files()
    ]
    return StudiesSent(files=files, trainers=list(site.settings.serve.trainers))


@router.get("/studies/{study}", response_class=PlainTextResponse)
def show_study(study: Annotated[str, Path(max_length=64, description="Id of a study file")], site: AtSite) -> str:
    """Give the text of a study file."""
    return text_of(site.permission.file(study))
