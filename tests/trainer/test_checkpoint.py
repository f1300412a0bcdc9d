"""A checkpoint is whole or it is not there, whatever kills the process that saves it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bohpo.trainer import Checkpoint
from tests.unreadable import DamagedFiles

KILLS = 20

SAVE_FOREVER = """
import hashlib, itertools, sys
from pathlib import Path
from bohpo.trainer import Checkpoint

checkpoint = Checkpoint(Path(sys.argv[1]))
resumed = checkpoint.load()
for step in itertools.count(1 if resumed is None else resumed[0] + 1):
    checkpoint.save(step, hashlib.sha256(str(step).encode()).digest() * 20_000)
    print(step, flush=True)
"""


def test_nothing_to_resume_from_is_none(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "absent").load() is None


def test_the_latest_checkpoint_is_loaded(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for step in (1, 2, 10):
        checkpoint.save(step, b"state %d" % step)
    assert checkpoint.load() == (10, b"state 10")


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for step in range(5):
        checkpoint.save(step, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000000003.ckpt", "step-000000000004.ckpt"]


def test_an_earlier_attempt_is_resumed_but_never_written(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "1").save(7, b"first")
    second = Checkpoint(tmp_path / "2", earlier=(tmp_path / "1",))
    assert second.load() == (7, b"first")
    second.save(8, b"second")
    assert second.load() == (8, b"second")
    assert Checkpoint(tmp_path / "1").load() == (7, b"first")


def test_of_all_attempts_the_one_that_got_furthest_is_resumed(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "1").save(9, b"furthest")
    Checkpoint(tmp_path / "2").save(3, b"")
    assert Checkpoint(tmp_path / "3", (tmp_path / "2", tmp_path / "1")).load() == (9, b"furthest")


def test_a_checkpoint_torn_at_any_byte_gives_way_to_the_previous(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(1, b"whole\nstate")
    checkpoint.save(2, b"torn\nstate")
    torn = tmp_path / "step-000000000002.ckpt"
    content = torn.read_bytes()
    for length in range(len(content)):
        torn.write_bytes(content[:length])
        assert checkpoint.load() == (1, b"whole\nstate")


def test_a_flipped_bit_of_the_payload_gives_way_to_the_previous(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(1, b"whole")
    checkpoint.save(2, b"state")
    damaged = tmp_path / "step-000000000002.ckpt"
    content = damaged.read_bytes()
    for bit in range(8 * len(b"state")):
        flipped = bytearray(content)
        flipped[-1 - bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(flipped)
        assert checkpoint.load() == (1, b"whole")


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_damaged_checkpoints_above_never_push_out_a_new_one(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for step in (100, 101):
        checkpoint.save(step, b"state")
        damage(tmp_path / f"step-{step:012d}.ckpt")
    assert checkpoint.load() is None
    for step in (5, 6, 7):
        checkpoint.save(step, b"new %d" % step)
        assert checkpoint.load() == (step, b"new %d" % step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000000006.ckpt", "step-000000000007.ckpt"]


def test_the_last_two_that_are_intact_are_kept(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for step in (1, 2, 3):
        checkpoint.save(step, b"state %d" % step)
    damage(tmp_path / "step-000000000003.ckpt")
    checkpoint.save(4, b"state 4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000000002.ckpt", "step-000000000004.ckpt"]
    damage(tmp_path / "step-000000000004.ckpt")
    assert checkpoint.load() == (2, b"state 2")


def test_a_training_that_begins_anew_below_intact_checkpoints_keeps_what_it_saves(tmp_path: Path) -> None:
    for step in (100, 101):
        Checkpoint(tmp_path).save(step, b"old")
    Checkpoint(tmp_path).save(1, b"new")
    assert len(list(tmp_path.iterdir())) == 3
    Checkpoint(tmp_path).save(2, b"new")
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "step-000000000002.ckpt"


def test_checkpoints_that_this_process_wrote_are_not_read_at_each_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr("bohpo.trainer.checkpoint.open_regular", refuse)
    for step in range(4):
        Checkpoint(tmp_path).save(step, b"state")


def test_a_checkpoint_that_cannot_be_read_now_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (1, 2, 3):
        Checkpoint(tmp_path).save(step, b"state")
    (tmp_path / "step-000000000003.ckpt").touch()  # as another process would have left it
    damaged = DamagedFiles(monkeypatch)
    damaged.paths.add(tmp_path / "step-000000000003.ckpt")
    Checkpoint(tmp_path).save(4, b"state")
    damaged.paths.clear()
    assert (tmp_path / "step-000000000003.ckpt").exists()
    assert (tmp_path / "step-000000000002.ckpt").exists()


def test_pipes_and_links_in_a_checkpoints_place_are_passed_over(tmp_path: Path) -> None:
    Checkpoint(tmp_path).save(1, b"whole")
    os.mkfifo(tmp_path / "step-000000000008.ckpt")
    (tmp_path / "step-000000000009.ckpt").symlink_to("step-000000000009.ckpt")
    with (tmp_path / "step-000000000010.ckpt").open("wb") as file:
        file.truncate(2**40)
    assert Checkpoint(tmp_path).load() == (1, b"whole")
    Checkpoint(tmp_path).save(2, b"next")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000000001.ckpt", "step-000000000002.ckpt"]


def make_file(path: Path) -> None:
    path.touch()


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("put", [make_file, link_to_itself, os.mkfifo])
def test_an_earlier_attempt_whose_folder_is_none_is_passed_over(tmp_path: Path, put: Callable[[Path], None]) -> None:
    put(tmp_path / "1")
    checkpoint = Checkpoint(tmp_path / "2", earlier=(tmp_path / "1",))
    assert checkpoint.load() is None
    checkpoint.save(1, b"state")
    assert checkpoint.load() == (1, b"state")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    garbage=st.one_of(
        st.binary(), st.sampled_from([b"[]\n", b"null\n", b'{"bytes": 0}\n', b'{"bytes": "x"}\n', b"3\n"])
    )
)
def test_garbage_in_a_checkpoints_place_is_passed_over(tmp_path: Path, garbage: bytes) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(1, b"whole")
    (tmp_path / "step-000000000009.ckpt").write_bytes(garbage)
    (tmp_path / "step-9.ckpt").write_bytes(garbage)
    (tmp_path / "notes.txt").write_bytes(garbage)
    assert checkpoint.load() == (1, b"whole")


def test_a_folder_in_a_checkpoints_place_is_passed_over(tmp_path: Path) -> None:
    Checkpoint(tmp_path).save(1, b"whole")
    (tmp_path / "step-000000000009.ckpt").mkdir()
    assert Checkpoint(tmp_path).load() == (1, b"whole")


@pytest.mark.kills
def test_twenty_kills_at_any_moment_lose_nothing_that_was_saved(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    said = 0
    for kill in range(KILLS):
        saver = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert saver.stdout is not None
        for _ in range(1 + kill % 4):
            said = int(saver.stdout.readline())
        saver.kill()
        said = max([said, *(int(line) for line in saver.communicate()[0].splitlines())])
        loaded = checkpoint.load()
        assert loaded is not None
        step, payload = loaded
        assert step in (said, said + 1)
        assert payload == hashlib.sha256(str(step).encode()).digest() * 20_000
        assert len(list(tmp_path.glob("step-*.ckpt"))) <= 3
