"""The commands around a campaign, run as a user runs them: as processes, in a folder of their own."""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.service.conftest import opened

SPECIMENS = Path(__file__).parents[1] / "campaign" / "specimens.py"

STUDY = """
name = "specimen"
trainer = "specimens:{function}"
[objective]
metric = "score"
direction = "maximize"
[budget]
trials = {trials}
[parallel]
jobs = 2
[optimizer]
method = "random"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
[fixed]
step_seconds = 0.1
"""


def bohpo(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("BOHPO_")}
    return subprocess.run(
        (sys.executable, "-m", "bohpo", *words),
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def answer(folder: Path, *words: str) -> dict[str, Any]:
    done = bohpo(folder, *words)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    assert data["schema"] == 1
    return data


def write_study(folder: Path, function: str = "quadratic", trials: int = 4) -> Path:
    (folder / "specimens.py").write_text(SPECIMENS.read_text())
    (folder / "study.toml").write_text(STUDY.format(function=function, trials=trials))
    return folder


def best_row(text: str) -> str:
    return max(csv.DictReader(io.StringIO(text)), key=lambda row: float(row["value"]))["params_x"]


READERS: dict[str, Callable[[str], Any]] = {
    "toml": lambda text: tomllib.loads(text)["fixed"]["x"],
    "yaml": lambda text: yaml.safe_load(text)["parameters"]["x"],
    "json": lambda text: json.loads(text)["parameters"]["x"],
    "csv": best_row,
    "hydra": lambda text: yaml.safe_load(text)["trainer"]["x"],
    "optuna": lambda text: json.loads(text)["params"]["x"],
}


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("launched"))
    done = bohpo(folder, "launch", "study.toml")
    assert done.returncode == 0, done.stderr
    assert "busy fraction" in done.stdout
    return folder


def test_launch_leaves_database_and_folder_where_the_user_stands(launched: Path) -> None:
    assert (launched / "bohpo.db").exists()
    assert (launched / "campaigns/specimen/study.toml").read_text() == (launched / "study.toml").read_text()


def test_launching_again_runs_nothing_and_tells_the_result(launched: Path) -> None:
    before = answer(launched, "status", "specimen", "--json")
    assert answer(launched, "launch", "study.toml", "--json")["trials"] == before["trials"]


def test_a_name_makes_another_campaign(launched: Path) -> None:
    told = answer(launched, "launch", "study.toml", "--name", "second", "--workers", "1", "--trials", "2", "--json")
    assert (told["campaign"], told["trials"]["complete"]) == ("second", 2)
    listed = {campaign["campaign"]: campaign for campaign in answer(launched, "ls", "--json")["campaigns"]}
    assert set(listed) >= {"specimen", "second"}
    status = answer(launched, "status", "second", "--json")
    assert status["busy_fraction"] is not None
    told = {key: value for key, value in status.items() if key not in ("schema", "queue")}
    assert {key: listed["second"][key] for key in told} == told


def test_best_tells_value_interval_and_configuration(launched: Path) -> None:
    best = answer(launched, "best", "specimen", "--json")
    assert best["value"] == pytest.approx(1 - (best["trial"]["configuration"]["x"] - 0.3) ** 2)
    low, high = best["trial"]["interval"]
    assert low == pytest.approx(best["value"] - 1.96 * 0.02)
    assert high == pytest.approx(best["value"] + 1.96 * 0.02)
    assert "score" in bohpo(launched, "best", "specimen").stdout


def test_best_and_status_tell_that_the_best_of_many_is_too_good(launched: Path) -> None:
    for command in ("best", "status"):
        told = answer(launched, command, "specimen", "--json")
        assert any("scores is too good on average" in note for note in told["notes"])
        assert all(set(edge) == {"parameter", "bound", "limit", "value"} for edge in told["edges"])
        assert bohpo(launched, command, "specimen").stdout.count("is too good on average") == 1


def test_best_tells_what_the_model_expects_to_be_the_best(launched: Path) -> None:
    expected = answer(launched, "best", "specimen", "--json")["predicted_best"]
    assert expected["trial"]["state"] == "complete"
    assert expected["mean"] == pytest.approx(expected["trial"]["value"], abs=0.2)
    assert expected["sd"] > 0
    assert "the model " in bohpo(launched, "best", "specimen").stdout
    bohpo(launched, "launch", "study.toml", "--name", "short", "--workers", "1", "--trials", "2")
    assert answer(launched, "best", "short", "--json")["predicted_best"] is None
    assert "Not enough trials: 2 completed" in bohpo(launched, "best", "short").stdout


def test_trial_tells_why_and_how(launched: Path) -> None:
    told = answer(launched, "trial", "specimen", "0", "--json")["trial"]
    assert told["state"] == "complete"
    assert told["proposal"]["source"]
    assert [attempt["state"] for attempt in told["attempts"]] == ["completed"]
    assert "attempt 1" in bohpo(launched, "trial", "specimen", "0").stdout


def test_trial_tells_the_view_of_the_model_and_what_it_predicted(tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    study = (folder / "study.toml").read_text().replace('method = "random"', "startup_completed = 1")
    (folder / "study.toml").write_text(study)
    assert bohpo(folder, "launch", "study.toml", "--workers", "1").returncode == 0
    first, last = (bohpo(folder, "trial", "specimen", number).stdout for number in ("0", "3"))
    assert "start-up: spread over the space" in first
    assert "predicted" not in first
    proposal = answer(folder, "trial", "specimen", "3", "--json")["trial"]["proposal"]
    assert (proposal["source"], proposal["view"]) == ("model", "trends")
    assert "model, in view of trends: every parameter has an effect of its own" in last
    assert f"{proposal['predicted_mean']:.4g}, standard deviation {proposal['predicted_sd']:.2g}" in last
    assert f"{proposal['seconds']:.3f} s" in last


def test_logs_print_what_the_trainer_printed(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "talkative", trials=1)
    assert bohpo(folder, "launch", "study.toml").returncode == 0
    assert bohpo(folder, "logs", "specimen", "0").stdout == ("x" * 1000 + "\n") * 2000


def test_watch_of_a_finished_campaign_ends_at_once(launched: Path) -> None:
    assert bohpo(launched, "watch", "specimen").returncode == 0


@pytest.mark.parametrize("kind", sorted(READERS))
def test_every_export_holds_the_best_configuration(launched: Path, kind: str) -> None:
    x = answer(launched, "best", "specimen", "--json")["trial"]["configuration"]["x"]
    output = launched / f"best.{kind}"
    assert bohpo(launched, "export", "specimen", "--format", kind, "--output", str(output)).returncode == 0
    assert float(READERS[kind](output.read_text())) == x


def test_an_exported_study_trains_again_to_the_same_score(launched: Path) -> None:
    best = answer(launched, "best", "specimen", "--json")["value"]
    (launched / "again.toml").write_text(bohpo(launched, "export", "specimen").stdout)
    told = answer(launched, "launch", "again.toml", "--name", "again", "--json")
    assert told["best"]["value"] == best


def test_evaluate_is_done_once_unless_asked_again_and_is_recorded(launched: Path) -> None:
    told = answer(launched, "evaluate", "specimen", "--json")
    assert (told["value"], told["evaluations"]) == (0.5, 1)
    refused = bohpo(launched, "evaluate", "specimen")
    assert refused.returncode == 2
    assert "--again" in refused.stderr
    assert answer(launched, "evaluate", "specimen", "--again", "--json")["evaluations"] == 2


def test_evaluate_tells_that_its_score_rests_on_few_lesions(tmp_path: Path) -> None:
    (tmp_path / "few.py").write_text(
        "from bohpo.trainer import Outcome\n\n"
        "def train(config, context):\n"
        "    (context.model / 'weights').write_text('x')\n"
        "    return Outcome(value=config['x'], variance=0.01, metrics={'score': config['x'], 'lesions': 2.0})\n\n"
        "def evaluate(config, model, context):\n"
        "    return Outcome(value=0.5, variance=0.04, metrics={'score': 0.5, 'lesions': 3.0})\n"
    )
    study = STUDY.format(function="train", trials=2).replace("specimens:", "few:")
    (tmp_path / "study.toml").write_text(study)
    assert bohpo(tmp_path, "launch", "study.toml", "--follow").returncode == 0
    told = answer(tmp_path, "status", "specimen", "--json")["notes"]
    assert (
        "2 lesions in the validation cases: the 95% interval is about ±0.2 wide; do not trust smaller differences"
        in told
    )
    [note] = answer(tmp_path, "evaluate", "specimen", "--json")["notes"]
    assert note.startswith("3 lesions in the test cases: the 95% interval is about ±0.39 wide")
    assert not any("too good" in each for each in answer(tmp_path, "status", "specimen", "--json")["notes"])


def test_report_is_one_file_that_others_may_read(launched: Path) -> None:
    path = Path(answer(launched, "report", "specimen", "--json")["path"])
    assert "specimen" in (launched / path).read_text()
    assert (launched / path).stat().st_mode & 0o044 == 0o044 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    told = answer(folder, "launch", "study.toml", "--dry-run", "--json")
    assert (told["trials"], told["jobs"], told["first_configuration"]) == (4, 2, {"x": 0.5})
    assert not (folder / "bohpo.db").exists()
    assert not (folder / "campaigns").exists()


def test_a_name_that_cannot_be_one_is_refused_alike_by_launch_and_dry_run(tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    before = sorted(folder.iterdir())
    refused = [bohpo(folder, "launch", "study.toml", "--name", "a\nb", *more) for more in ((), ("--dry-run",))]
    assert [done.returncode for done in refused] == [2, 2]
    assert refused[0].stderr == refused[1].stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "hangup"])
def test_ctrl_c_and_a_hangup_stop_cleanly_and_resume_finishes(tmp_path: Path, number: signal.Signals) -> None:
    folder = write_study(tmp_path, "stepwise", trials=8)
    driver = subprocess.Popen(
        (sys.executable, "-m", "bohpo", "launch", "study.toml", "--follow"),
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=functools.partial(signal.signal, number, signal.SIG_DFL),  # noqa: PLW1509 - or whoever runs the tests may ignore it
    )
    steps = folder / "campaigns/specimen/trials/0/steps.txt"
    give_up = time.monotonic() + 120
    while not steps.exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    os.killpg(driver.pid, number)
    _, talk = driver.communicate()
    assert driver.returncode == 130, talk
    assert "bohpo resume specimen" in talk
    stopped = answer(folder, "status", "specimen", "--json")
    assert (stopped["state"], stopped["driver"], stopped["trials"]["running"]) == ("stopped", None, 0)
    assert answer(folder, "resume", "specimen", "--json")["trials"]["complete"] == 8
    assert [int(step) for step in steps.read_text().split()] == list(range(20))


def test_stop_from_another_terminal_drains(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "stepwise", trials=50)
    with subprocess.Popen((sys.executable, "-m", "bohpo", "launch", "study.toml"), cwd=folder) as driver:
        give_up = time.monotonic() + 120
        while not (folder / "campaigns/specimen/trials/1/steps.txt").exists():
            assert time.monotonic() < give_up
            time.sleep(0.05)
        assert answer(folder, "stop", "specimen", "--json")["driver"]
        assert driver.wait() == 130
    told = answer(folder, "status", "specimen", "--json")
    assert told["state"] == "stopped"
    assert told["trials"]["running"] == told["trials"]["queued"] == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("launch", "absent.toml"), 3, "bohpo new NAME"),
        (("launch", "broken.toml"), 2, "broken.toml: budget.trails:"),
        (("nonsense",), 2, "nonsense"),
        (("status",), 2, "CAMPAIGN"),
        (("status", "specimne"), 3, "specimen"),
        (("trial", "specimen", "99"), 3, "99"),
        (("logs", "specimen", "0", "--attempt", "9"), 3, "attempt-9"),
        (("export", "specimen", "--format", "xml"), 2, "xml"),
        (("status", "specimen", "--store", "postgresql://nobody:secret@127.0.0.1:1/none"), 5, "127.0.0.1"),
        (("status", "specimen", "--store", "broken.toml"), 5, "broken.toml"),
        (("ls", "--store", "elsewhere.db"), 3, "elsewhere.db"),
        (("launch", "slurm.toml"), 2, "slurm"),
        (("launch", "study.toml", "--workers", "0"), 2, "parallel.jobs"),
        (("resume", "specimen", "--trials", "1"), 2, "--trials 1"),
        (("launch", "study.toml", "--name", "two\nlines"), 2, "name"),
    ],
)
def test_what_goes_wrong_says_so_with_its_exit_code(
    launched: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    text = (launched / "study.toml").read_text()
    (launched / "broken.toml").write_text(text.replace("trials", "trails"))
    (launched / "slurm.toml").write_text(text + '[cluster]\nbackend = "slrum"\n')
    done = bohpo(launched, *words)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_a_campaign_without_a_usable_trial_ends_with_one(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "diverging", trials=2)
    done = bohpo(folder, "launch", "study.toml")
    assert done.returncode == 1
    assert "bohpo trial specimen 0" in done.stderr
    assert bohpo(folder, "best", "specimen").returncode == 1
    assert "reported nan" in bohpo(folder, "trial", "specimen", "0").stdout


def test_an_error_that_all_trainings_share_stops_the_campaign_and_is_told_everywhere(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "returning_text", trials=16)
    done = bohpo(folder, "launch", "study.toml", "--follow")
    assert done.returncode == 1
    said = "5 trials in a row failed alike, the last with raised: bohpo.errors.AttemptError: specimens:returning_text"
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"bohpo: campaign 'specimen' is stopped: {said}")
    assert "then `bohpo resume specimen`" in last
    followed = [line for line in done.stderr.splitlines() if "trials in a row failed alike" in line]
    assert "the driver stops when what runs has ended" in followed[0]

    status = answer(folder, "status", "specimen", "--json")
    assert status["state"] == "stopped"
    assert status["stop_reason"].startswith(said)
    assert status["trials"]["failed"] <= 6
    rows = dict(line.split(maxsplit=1) for line in bohpo(folder, "status", "specimen").stdout.splitlines())
    assert rows["stopped"] == status["stop_reason"]
    assert "specimen\tstopped, all failing\t" in bohpo(folder, "ls").stdout
    [listed] = answer(folder, "ls", "--json")["campaigns"]
    assert listed["stop_reason"] == status["stop_reason"]
    assert bohpo(folder, "report", "specimen").returncode == 0
    assert f"Stopped: {said}" in (folder / "campaigns/specimen/report.html").read_text()
    with opened(folder) as house:
        client = house.client(house.viewer)
        assert f"Stopped: {said}" in client.get("/campaigns/specimen").text
        assert "trials all fail alike" in client.get("/").text
        assert client.get("/api/v1/campaigns/specimen").json()["stop_reason"] == status["stop_reason"]

    text = (folder / "specimens.py").read_text()
    (folder / "specimens.py").write_text(text.replace('return "0.9"', "return 0.9"))
    resumed = answer(folder, "resume", "specimen", "--json")
    assert (resumed["state"], resumed["stop_reason"]) == ("finished", "")
    assert resumed["trials"]["complete"] == 16 - status["trials"]["failed"]


def test_store_and_folder_may_come_from_the_environment(launched: Path, tmp_path: Path) -> None:
    done = bohpo(tmp_path, "best", "specimen", BOHPO_STORE=str(launched / "bohpo.db"))
    assert done.returncode == 0, done.stderr


def test_a_database_can_be_upgraded(launched: Path) -> None:
    assert bohpo(launched, "db", "upgrade").returncode == 0
    assert answer(launched, "status", "specimen", "--json")["trials"]["complete"] == 4


def test_launch_prints_a_line_per_result_on_stderr_and_nothing_of_it_where_told_so(tmp_path: Path) -> None:
    folder = write_study(tmp_path, trials=2)
    told = bohpo(folder, "launch", "study.toml", "--json")
    assert json.loads(told.stdout)["trials"]["complete"] == 2
    assert len(re.findall(r"^\d\d:\d\d:\d\d  trial \d complete", told.stderr, re.MULTILINE)) == 2
    assert "watch it from another terminal: bohpo watch specimen" in told.stderr
    quiet = bohpo(folder, "launch", "study.toml", "--name", "quiet", "--quiet")
    assert quiet.returncode == 0
    assert "complete, " not in quiet.stderr


def test_without_a_result_the_common_reason_is_told(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "diverging", trials=2)
    launched = bohpo(folder, "launch", "study.toml", "--quiet")
    assert launched.returncode == 1
    assert re.search(r"all 2 trials failed: .*nan.*; `bohpo logs specimen \d` shows more", launched.stderr)
    status = bohpo(folder, "status", "specimen")
    assert "all 2 trials failed: " in status.stdout
    failure = answer(folder, "status", "specimen", "--json")["failure"]
    assert (failure["failed"], failure["alike"]) == (2, 2)


@pytest.mark.parametrize(
    ("function", "rest", "is_offered"),
    [("quadratic", "", True), ("stepwise", "", False), ("quadratic", 'evaluator = "specimens:nothing"\n', False)],
)
def test_evaluate_is_offered_where_it_can_run(tmp_path: Path, function: str, rest: str, is_offered: bool) -> None:
    """`stepwise` leaves no model; an evaluator that is not there scores none."""
    folder = write_study(tmp_path, function, trials=2)
    study = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(study.replace("step_seconds = 0.1", "step_seconds = 0.001"))
    assert bohpo(folder, "launch", "study.toml", "--quiet").returncode == 0
    if rest:  # as where the function was removed after the campaign
        (folder / "specimens.py").write_text(SPECIMENS.read_text().replace("def evaluate(", "def nothing_of_it("))
    again = bohpo(folder, "launch", "study.toml")
    assert ("bohpo evaluate specimen" in again.stderr) == is_offered
    for command in ("status", "best"):
        noted = bohpo(folder, command, "specimen").stdout
        assert ("bohpo evaluate specimen" in noted) == is_offered
        assert ("it has no score on test cases: " in noted) != is_offered
    done = bohpo(folder, "evaluate", "specimen")
    assert (done.returncode == 0) == is_offered, done.stderr
    if rest:
        assert done.returncode == 2
        assert "module 'specimens' has no 'evaluate'" in done.stderr
    if is_offered:
        assert "bohpo evaluate" not in bohpo(folder, "launch", "study.toml").stderr, "once is enough"


def test_a_moved_campaign_is_found_by_its_folder(tmp_path: Path) -> None:
    folder = write_study(tmp_path, trials=1)
    assert bohpo(folder, "launch", "study.toml", "--quiet").returncode == 0
    (folder / "archive").mkdir()
    (folder / "campaigns" / "specimen").rename(folder / "archive" / "specimen")
    lost = bohpo(folder, "logs", "specimen", "0")
    assert lost.returncode == 3
    assert "--directory" in lost.stderr
    elsewhere = ("--directory", "archive")
    assert bohpo(folder, "logs", "specimen", "0", *elsewhere).returncode == 0
    assert bohpo(folder, "report", "specimen", *elsewhere).stdout.strip() == str(
        folder / "archive/specimen/report.html"
    )
    assert bohpo(folder, "resume", "specimen", "--trials", "2", *elsewhere).returncode == 0
    assert bohpo(folder, "logs", "specimen", "1").returncode == 0, "resume recorded where it is"
