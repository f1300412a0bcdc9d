"""How the service says no: the words and the exit code of the command line, with a status of HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from bohpo.clean_text import clean_data
from bohpo.errors import (
    BohpoError,
    LeaseError,
    Mistake,
    NotFoundError,
    NoUsableTrialError,
    QueueError,
    StoreError,
    StudyError,
    UsageError,
)
from bohpo.service.answers import SCHEMA, Answer
from bohpo.space.checks import MOST_MISTAKES

RETRY_S = 5
"""After so long whoever was refused for want of room asks again."""

STATUSES: tuple[tuple[type[BohpoError], int], ...] = (
    (StudyError, 422),
    (UsageError, 422),
    (NotFoundError, 404),
    (NoUsableTrialError, 409),
    (LeaseError, 409),
    (QueueError, 409),
    (StoreError, 503),
    (BohpoError, 409),
)
"""The first that fits holds."""


class MistakeAnswer(Answer):
    """One mistake in a study; see `bohpo.errors.Mistake`."""

    key: str
    problem: str
    remedy: str


class Trouble(Answer):
    """Why a request was refused.

    Attributes:
        version: Of the answer, as everywhere.
        message: What is wrong, and the remedy; for people.
        exit_code: What the command line leaves with.
        mistakes: All mistakes of the study that was sent.
    """

    version: int = Field(default=SCHEMA, alias="schema")
    message: str
    exit_code: int
    mistakes: list[MistakeAnswer] = Field(default=[])


def refusal(status: int, message: str, *, exit_code: int = 2, mistakes: Iterable[MistakeAnswer] = ()) -> JSONResponse:
    """Make the answer that refuses a request."""
    trouble = clean_data(
        Trouble(message=message, exit_code=exit_code, mistakes=list(mistakes)).model_dump(by_alias=True)
    )
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="bohpo"'
    if status == 503:
        headers |= {"Retry-After": str(RETRY_S), "Refresh": str(RETRY_S)}  # a browser heeds the latter
    return JSONResponse(clean_data(trouble), status, headers)


def refusal_of(error: BohpoError) -> JSONResponse:
    """Say what the command line would say of an error."""
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    mistakes = error.mistakes if isinstance(error, StudyError) else ()
    return refusal(status, str(error), exit_code=error.exit_code, mistakes=mistake_answers(mistakes))


def refusal_of_invalid(error: RequestValidationError) -> JSONResponse:
    """Say what is wrong with the parts of a request, by key."""
    mistakes = [
        MistakeAnswer(
            key=".".join(str(part) for part in detail["loc"]), problem=str(detail["msg"]), remedy="see the API"
        )
        for detail in error.errors()[:MOST_MISTAKES]
    ]
    return refusal(422, "; ".join(f"{m.key}: {m.problem}" for m in mistakes), mistakes=mistakes)


def mistake_answers(mistakes: Iterable[Mistake]) -> list[MistakeAnswer]:
    """Tell of mistakes."""
    return [MistakeAnswer(**clean_data({"key": m.key, "problem": m.problem, "remedy": m.remedy})) for m in mistakes]


def install(app: FastAPI) -> None:
    """Have an application answer errors so."""

    @app.exception_handler(BohpoError)
    def _ours(_request: Request, error: BohpoError) -> JSONResponse:
        return refusal_of(error)

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, str(error.detail), exit_code=3 if error.status_code == 404 else 2)

    @app.exception_handler(RequestValidationError)
    def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return refusal_of_invalid(error)
