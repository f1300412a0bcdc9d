"""The tables: Optuna's as they are, and beside them bohpo's own.

| table            | one row per                                                            |
| ---------------- | ---------------------------------------------------------------------- |
| bohpo_campaign   | campaign; belongs to one Optuna study                                  |
| bohpo_lease      | campaign; who drives it, and the token that fences its writes          |
| bohpo_revision   | campaign; counts the changes of its trials                             |
| bohpo_suggestion | trial; why it was proposed, the uid that makes proposing idempotent,   |
|                  | and the revision of its last change                                    |
| bohpo_attempt    | attempt at a trial                                                     |
| bohpo_outcome    | completed trial; all that the trainer gave                             |
| bohpo_event      | something that happened in a campaign                                  |
| bohpo_evaluation | scoring of a trial's model on the test cases                           |
| bohpo_audit      | something that somebody asked the service to do                        |
| bohpo_launch     | launch that was asked for under an idempotency key                     |
"""

from __future__ import annotations

from typing import Any

from optuna.storages._rdb import models
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

OPTUNA: MetaData = models.BaseModel.metadata
STUDIES: Table = OPTUNA.tables["studies"]
STUDY_DIRECTIONS: Table = OPTUNA.tables["study_directions"]
STUDY_SYSTEM_ATTRIBUTES: Table = OPTUNA.tables["study_system_attributes"]
TRIALS: Table = OPTUNA.tables["trials"]
PARAMS: Table = OPTUNA.tables["trial_params"]
VALUES: Table = OPTUNA.tables["trial_values"]
INTERMEDIATE_VALUES: Table = OPTUNA.tables["trial_intermediate_values"]
USER_ATTRIBUTES: Table = OPTUNA.tables["trial_user_attributes"]
VERSION_INFO: Table = OPTUNA.tables["version_info"]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _belongs_to(parent: Column[Any]) -> ForeignKey:
    return ForeignKey(parent, ondelete="CASCADE")


def _outcome_columns() -> tuple[Column[Any], ...]:
    return (
        Column("value", Double, nullable=False),
        Column("variance", Double),
        Column("metrics", JSON, nullable=False),
        Column("curves", JSON, nullable=False),
    )


CAMPAIGN = Table(
    "bohpo_campaign",
    METADATA,
    Column("campaign_id", Integer, primary_key=True),
    Column("study_id", Integer, _belongs_to(STUDIES.c.study_id), nullable=False, unique=True),
    Column("name", String(512), nullable=False, unique=True),
    Column("study_text", Text, nullable=False),
    Column("study_hash", String(64), nullable=False),
    Column("directory", Text, nullable=False),
    Column("space", JSON, nullable=False, comment="Parameters with their conditions"),
    Column(
        "distributions", JSON, nullable=False, comment="Name of a parameter -> its distribution as Optuna writes it"
    ),
    Column("metric", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("stop_request", String(16), nullable=False),
    Column("budget_trials", Integer),
    Column("provenance", JSON, nullable=False),
    Column("created", Double, nullable=False, comment="Seconds since the epoch, as all times in bohpo's tables"),
    Column("ended", Double),
)

LEASE = Table(
    "bohpo_lease",
    METADATA,
    Column("campaign_id", Integer, _belongs_to(CAMPAIGN.c.campaign_id), primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("grant_uid", String(32), nullable=False, comment="Tells a repeated request from another one"),
    Column("host", Text, comment="NULL where nobody holds the lease"),
    Column("pid", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("boot_id", Text, comment="Boot of the host; NULL if unknown"),
    Column("pid_namespace", Text, comment="Namespace in which pid counts; NULL if unknown"),
    Column("since", Double, nullable=False),
    Column("expires", Double, nullable=False),
)

REVISION = Table(
    "bohpo_revision",
    METADATA,
    Column("campaign_id", Integer, _belongs_to(CAMPAIGN.c.campaign_id), primary_key=True),
    Column("latest", BigInteger, nullable=False, comment="Counts the changes of the campaign's trials"),
)

SUGGESTION = Table(
    "bohpo_suggestion",
    METADATA,
    Column("trial_id", Integer, _belongs_to(TRIALS.c.trial_id), primary_key=True),
    Column("campaign_id", Integer, _belongs_to(CAMPAIGN.c.campaign_id), nullable=False),
    Column("number", Integer, nullable=False, comment="As in trials, where it has no index"),
    Column("revision", BigInteger, nullable=False, comment="The campaign's latest when the trial last changed"),
    Column("uid", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("predicted_mean", Double),
    Column("predicted_sd", Double),
    Column("acquisition", Double),
    Column("seconds", Double, nullable=False),
    Column("view", Text, comment="How the model that proposed sees the trials; NULL where none did"),
    Column("configuration", Text, nullable=False, comment="JSON; what trial_params holds in a row each"),
    UniqueConstraint("campaign_id", "number"),
)
Index(None, SUGGESTION.c.campaign_id, SUGGESTION.c.revision)

ATTEMPT = Table(
    "bohpo_attempt",
    METADATA,
    Column("trial_id", Integer, _belongs_to(TRIALS.c.trial_id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("worker", Integer, nullable=False),
    Column("submitted", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("devices", Text, comment="GPUs of the attempt, comma-separated"),
)

OUTCOME = Table(
    "bohpo_outcome",
    METADATA,
    Column("trial_id", Integer, _belongs_to(TRIALS.c.trial_id), primary_key=True),
    *_outcome_columns(),
)

EVENT = Table(
    "bohpo_event",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("campaign_id", Integer, _belongs_to(CAMPAIGN.c.campaign_id), nullable=False),
    Column("time", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("trial", Integer),
    sqlite_autoincrement=True,
)
Index(None, EVENT.c.campaign_id, EVENT.c.number)

EVALUATION = Table(
    "bohpo_evaluation",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("trial_id", Integer, _belongs_to(TRIALS.c.trial_id), nullable=False, index=True),
    Column("time", Double, nullable=False),
    *_outcome_columns(),
)

AUDIT = Table(
    "bohpo_audit",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("time", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("campaign", Text, comment="By name: a refused launch has none"),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)

LAUNCH = Table(
    "bohpo_launch",
    METADATA,
    Column("key", String(255), primary_key=True, comment="The idempotency key of the request"),
    Column("digest", String(64), nullable=False, comment="SHA-256 of what was asked for"),
    Column("campaign", String(512), nullable=False),
    Column("time", Double, nullable=False),
)
