"""What is new of all that a browser shows, in one answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from bohpo.errors import StoreError
from bohpo.service.pages.news import SHARED_S, Newsstand
from bohpo.store import Store
from tests.service.pages import specimen

NEWS = "/campaigns/specimen/news"
SHOWN = ("parts/headline", "parts/provenance", "parts/trials?q=failed", "figures/progress", "figures/parallel?k=2")


@dataclass(frozen=True)
class New:
    """A piece that is new."""

    tag: str
    again: int | None
    text: str


def ask(client: TestClient, tags: dict[str, str]) -> dict[str, New]:
    """Ask as a browser does that has what the tags stand for."""
    answer = client.get(NEWS, params={"piece": [f"{tag} {address}" for address, tag in tags.items()]})
    assert answer.status_code == 200, answer.text
    line, _, rest = answer.content.partition(b"\n")
    told, at = {}, 0
    for head in json.loads(line):
        packed = rest[at : at + head["bytes"]]
        told[head["address"]] = New(head["tag"], head["again"], gzip.decompress(packed).decode() if packed else "")
        at += head["bytes"]
    assert at == len(rest)
    return told


def test_only_what_the_browser_does_not_have_is_sent(client: TestClient, store: Store) -> None:
    told = ask(client, dict.fromkeys(SHOWN, ""))
    assert set(told) == set(SHOWN)
    tags = {address: new.tag for address, new in told.items()}
    assert ask(client, tags) == {}
    lease = store.lease("specimen")
    assert lease is not None
    specimen.end_one(store, store.campaign("specimen"), lease)
    client.app.state.site.desk.poll()  # type: ignore[attr-defined]
    assert {"parts/headline", "figures/progress"} <= set(ask(client, tags)) <= set(SHOWN) - {"parts/provenance"}


@pytest.mark.parametrize("address", SHOWN)
def test_a_piece_is_the_same_by_itself_and_in_the_news(client: TestClient, address: str) -> None:
    alone = client.get(f"/campaigns/specimen/{address}")
    [new] = ask(client, {address: ""}).values()
    assert (new.text, new.tag, new.again) == (alone.text, alone.headers["etag"], None)
    plain = client.get(f"/campaigns/specimen/{address}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == alone.text


def test_what_is_not_drawn_yet_is_to_be_asked_for_again(client: TestClient) -> None:
    assert ask(client, {"figures/importance": ""})["figures/importance"].again == 1


@pytest.mark.parametrize("address", ["parts/nonsense", "figures/nonsense", "nonsense", "", "//host/parts/best", "//["])
def test_a_piece_that_is_none_is_not_found(client: TestClient, address: str) -> None:
    answer = client.get(NEWS, params={"piece": f" {address}"}, headers={"Accept": "*/*"})
    assert answer.status_code == 404
    assert "there is no" in answer.json()["message"]


def test_too_many_pieces_are_refused(client: TestClient) -> None:
    answer = client.get(NEWS, params={"piece": [" parts/best"] * 31}, headers={"Accept": "*/*"})
    assert answer.status_code == 422


def test_who_asks_the_same_at_a_time_gets_one_answer_and_who_asks_later_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []

    async def write() -> bytes:
        await asyncio.sleep(0)
        written.append("an answer")
        return str(len(written)).encode()

    async def asked() -> list[bytes]:
        stand = Newsstand()
        together = await asyncio.gather(stand.issue("this", write), stand.issue("this", write))
        other = await stand.issue("that", write)
        soon = await stand.issue("this", write)
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 2 * SHARED_S)
        return [*together, other, soon, await stand.issue("this", write)]

    assert asyncio.run(asked()) == [b"1", b"1", b"2", b"1", b"3"]


def test_an_answer_that_could_not_be_written_is_an_error_to_all_who_asked() -> None:
    async def write() -> bytes:
        raise StoreError("the database does not answer")

    async def asked() -> list[bytes | BaseException]:
        stand = Newsstand()
        questions = (stand.issue("this", write), stand.issue("this", write))
        return list(await asyncio.gather(*questions, return_exceptions=True))

    assert [type(error) for error in asyncio.run(asked())] == [StoreError, StoreError]
