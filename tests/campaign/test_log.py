"""What a log says of the end of a process: the error that ended it, else its last line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bohpo.campaign.log import CappedLog, last_line_of

TRACEBACK = """epoch 1
Traceback (most recent call last):
  File "train.py", line 3, in train
    step()
    ~~~~^^
{}
"""


def last_words(path: Path, text: str) -> str:
    log = CappedLog(path / "log.txt", 2**20)
    log.write(text.encode())
    log.close()
    return log.last_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("epoch 1\nepoch 2\n\n", "epoch 2"),
        (TRACEBACK.format("ValueError: no such layer"), "ValueError: no such layer"),
        (
            TRACEBACK.format(
                "RuntimeError: CUDA error: an illegal memory access was encountered\n"
                "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
                "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
            ),
            "RuntimeError: CUDA error: an illegal memory access was encountered",
        ),
        (
            TRACEBACK.format("KeyError: 'lr'") + "sys:1: RuntimeWarning: coroutine 'train' was never awaited\n",
            "KeyError: 'lr'",
        ),
        (
            TRACEBACK.format("KeyError: 'lr'")
            + "\nDuring handling of the above exception, another exception occurred:\n\n"
            + TRACEBACK.format("OSError: no disk"),
            "OSError: no disk",
        ),
        (
            '[rank1]: Traceback (most recent call last):\n[rank1]:   File "t.py", line 1\n'
            "[rank1]: torch.DistBackendError: NCCL error\n[rank1]:[W1130] destroy_process_group() was not called\n",
            "torch.DistBackendError: NCCL error",
        ),
        (TRACEBACK.format("OSError: once") + "".join(f"epoch {n}\n" for n in range(20)) + "no data\n", "no data"),
        ('Traceback (most recent call last):\n  File "train.py", line 3\n', 'File "train.py", line 3'),
        (TRACEBACK.format("ValueError: " + "x" * 1000), ("ValueError: " + "x" * 1000)[:300]),
    ],
)
def test_the_reason_is_the_error_that_ended_a_process_else_its_last_line(tmp_path: Path, text: str, words: str) -> None:
    assert last_words(tmp_path, text) == words


def test_the_error_is_found_behind_a_long_traceback(tmp_path: Path) -> None:
    frames = "".join(f'  File "/opt/lib/python3.11/site-packages/torch/nn/module.py", line {n}\n' for n in range(100))
    text = f"Traceback (most recent call last):\n{frames}ValueError: too deep\n" + "warning at exit\n" * 3
    assert last_words(tmp_path, text) == "ValueError: too deep"


def test_the_last_line_of_a_jobs_log_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "worker.log").write_text(TRACEBACK.format("OSError: no disk") + "slurmstepd: error: cancelled\n")
    assert last_line_of(tmp_path / "worker.log") == "slurmstepd: error: cancelled"
