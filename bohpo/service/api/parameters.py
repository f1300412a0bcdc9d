"""What may stand in an address, and how far."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Path, Query
from pydantic import Field

from bohpo.service.answers import SCHEMA, Answer
from bohpo.study import NAME_PATTERN
from bohpo.trainer.progress import GREATEST_STEP

MOST_ROWS = 1000

CampaignName: TypeAlias = Annotated[
    str, Path(description="Name of the campaign", max_length=512, pattern=rf"^{NAME_PATTERN}$")
]
TrialNumber: TypeAlias = Annotated[int, Path(description="Number of the trial", ge=0, le=GREATEST_STEP)]
AttemptNumber: TypeAlias = Annotated[
    int | None, Query(description="Which attempt; the last one by default", ge=1, le=GREATEST_STEP)
]
Offset: TypeAlias = Annotated[int, Query(description="Rows to leave out", ge=0, le=GREATEST_STEP)]
Limit: TypeAlias = Annotated[int, Query(description="Most rows to give", ge=1, le=MOST_ROWS)]
After: TypeAlias = Annotated[int, Query(description="Only what has a greater number", ge=0, le=2**53)]


class Sent(Answer):
    """An answer that is sent by itself.

    Attributes:
        version: Of the answer; keys may be added, none changes its meaning.
    """

    version: int = Field(default=SCHEMA, alias="schema")
