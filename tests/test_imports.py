"""What an import costs: nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "botorch",
    "optuna",
    "sqlalchemy",
    "alembic",
    "plotly",
    "dask",
    "dask_jobqueue",
    "distributed",
    "pydantic",
    "rich",
)


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, encoding="utf-8", check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import bohpo", set()),
        ("import bohpo.trainer", set()),
        ("import bohpo.evaluation", set()),
        ("import bohpo.optimizer", {"optuna"}),
        ("import bohpo.store", set()),
        ("import bohpo.views", set()),
        ("from bohpo.cluster.factory import make_queue_cluster", {"pydantic"}),
        ("import bohpo.cluster.seat", set()),
        ("import trainers.aneurysm", set()),
        ("from bohpo import Study; Study.load", {"pydantic"}),
        ("from bohpo.cli import main; main(['--help'])", {"rich"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str, allowed: set[str]) -> None:
    assert loaded_by(code) & set(HEAVY) <= allowed


def test_public_names_are_where_they_are_promised() -> None:
    code = (
        "import bohpo; assert all(getattr(bohpo, name) for name in bohpo.__all__)\n"
        "from bohpo.optimizer import BayesianSampler\n"
        "from bohpo.evaluation import froc, partial_auc"
    )
    assert "optuna" in loaded_by(code)
