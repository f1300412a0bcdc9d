"""A campaign whose trainer prints, names and raises text of every kind, from its worker to pages and terminal."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bohpo.clean_text import is_clean
from bohpo.service.app import create_app
from bohpo.service.security.tokens import Scope, Tokens
from bohpo.service.settings import ServeTable, Settings
from tests.service.served import environment_of

TRAINER = r"""
import sys
from bohpo.trainer import Outcome
from bohpo.trial import Curve


def train(config, context):
    print("printed 損失 \ud800")
    sys.stdout.buffer.write("損失 ± 0.1 \N{BRAIN}\n".encode() + b"\xff\xfe\x00 Stra\xdfe\n")
    sys.stdout.flush()
    (context.directory / "\udcff\udcfe.png").write_bytes(b"no picture")
    context.report(1, 0.5)
    if config["fails"]:
        raise RuntimeError("損失 caf\udce9 \ud800 \x00 broke")
    curve = Curve((0.0, 1.0), (0.0, 1.0), x_label="横 \ud800\x00", y_label="縦")
    return Outcome(0.5, 0.01, {"score": 0.5, "caf\udce9 \ud800": 1.0, "損失": 2.0}, {"froc": curve, "\udfff": curve})
"""
STUDY = """\
name = "any-text"
trainer = "odd:train"
[objective]
metric = "score"
direction = "maximize"
[budget]
trials = 4
[optimizer]
method = "random"
[space]
fails = { type = "categorical", choices = [false, true] }
choice = { type = "categorical", choices = ["損失 ±", "é"] }
x = { type = "float", low = 0.0, high = 1.0 }
[fixed]
data = "頭部 \U0001f9e0"
"""
PLAIN = {"LANG": "C", "LC_ALL": "C"}
ASCII = {**PLAIN, "PYTHONIOENCODING": "ascii"}
COMMANDS = (
    "ls",
    "ls --json",
    "status any-text",
    "best any-text",
    "best any-text --json",
    "trial any-text 0",
    "trial any-text 0 --json",
    "trial any-text 1",
    "logs any-text 0",
    "logs any-text 1",
    "export any-text --format toml",
    "export any-text --format json",
    "export any-text --format csv",
    "report any-text --output report.html",
    "check study.toml",
    "check study.toml --json",
)
FIGURES = ("progress", "froc", "roc", "parallel", "slices", "timeline", "learning")
FORMATS = ("toml", "yaml", "json", "csv", "hydra", "optuna")
BODIES = ({"study": "name = '\ud800'"}, {"\ud800": 1}, {"study": "x = 1", "name": "\ud800"}, {"file": "\ud800"})


def run(
    folder: Path, store: str, *words: str, terminal: Mapping[str, str] = ASCII
) -> subprocess.CompletedProcess[bytes]:
    """Run a command on a terminal that knows ASCII only, or on another one."""
    environment = {**environment_of(folder), **terminal, "BOHPO_STORE": store}
    return subprocess.run(
        [sys.executable, "-m", "bohpo", *words], cwd=folder, env=environment, capture_output=True, check=False
    )


@pytest.fixture
def campaign(tmp_path: Path, database_url: str) -> tuple[Path, str]:
    """Run the campaign."""
    (tmp_path / "odd.py").write_text(TRAINER, encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    done = run(tmp_path, database_url, "launch", "study.toml")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    return tmp_path, database_url


def test_any_text_reaches_terminal_pages_and_files(campaign: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, url = campaign
    for words in COMMANDS:
        done = run(folder, url, *words.split())
        assert (words, done.returncode, done.stderr) == (words, 0, done.stderr)
        assert b"Traceback" not in done.stderr
        done.stdout.decode("ascii")
    log = run(folder, url, "logs", "any-text", "0").stdout.decode("ascii")
    assert r"\u640d\u5931 \xb1 0.1 \U0001f9e0" in log
    assert "損失" in (folder / "report.html").read_text(encoding="utf-8")
    told = json.loads(run(folder, url, "best", "any-text", "--json").stdout)
    assert told["trial"]["metrics"] == {"score": 0.5, "caf? ?": 1.0, "損失": 2.0}
    monkeypatch.chdir(folder)
    check_pages(folder, url)


def check_pages(folder: Path, url: str) -> None:
    """Ask the service for all that shows text."""
    settings = Settings(url, folder / "campaigns", ServeTable.model_validate({"port": 8765}), folder)
    _, secret = Tokens(settings.tokens).add("an operator", Scope.OPERATE)
    app = create_app(settings)
    client = TestClient(app, base_url="http://127.0.0.1:8765", headers={"Authorization": f"Bearer {secret}"})
    site = app.state.site
    with contextlib.closing(app.state.figures), contextlib.closing(site.desk), contextlib.closing(site.store):
        trials = client.get("/api/v1/campaigns/any-text/trials").json()["trials"]
        reasons = [trial["reason"] for trial in trials if trial["state"] == "failed"]
        assert reasons
        assert all("損失 caf" in reason and is_clean(reason) for reason in reasons), reasons
        numbers = [trial["number"] for trial in trials]
        api, pages = "/api/v1/campaigns/any-text", "/campaigns/any-text"
        asked = [api, f"{api}/best", f"{api}/events", f"{api}/report", "/", "/compare?campaign=any-text"]
        asked += [pages, f"{pages}/export"]
        asked += [f"{api}/figures/{name}" for name in FIGURES] + [f"{api}/export?format={name}" for name in FORMATS]
        for number in numbers:
            asked += [f"{api}/trials/{number}{rest}" for rest in ("", "/log", "/pictures")]
            asked += [f"{pages}/trials/{number}"]
        for address in asked:
            answer = client.get(address)
            assert (address, answer.status_code) == (address, 200), answer.text[:500]
        assert client.get(f"{api}/trials/{numbers[0]}/pictures").json()["pictures"] == []
        assert "損失 ± 0.1 \U0001f9e0" in client.get(f"{api}/trials/{numbers[0]}/log").text
        for body in BODIES:
            sent = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
            refused = client.post("/api/v1/check", **sent)  # type: ignore[arg-type]
            assert refused.status_code in (200, 404, 422), refused.text
            assert refused.status_code != 200 or refused.json()["mistakes"]
        assert client.get(f"{pages}?q=%ff%fe%00").status_code == 200
        assert client.get("/campaigns/%ff%fe").status_code in (404, 422)


def test_a_folder_whose_path_is_not_utf_8_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    (folder / "odd.py").write_text(TRAINER, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    done = run(folder, str(tmp_path / "bohpo.db"), "launch", "study.toml")
    assert done.returncode == 2, done.stderr
    assert b"the path is not UTF-8; rename the folder" in done.stderr
    assert b"Traceback" not in done.stderr
    assert json.loads(run(tmp_path, str(tmp_path / "bohpo.db"), "ls", "--json").stdout)["campaigns"] == []
