"""A short soak measures both processes and draws them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from tests.benchmarks import soak
from tests.benchmarks.resources import Sample, Usage, read_usage


def test_a_soak_samples_driver_and_service_until_the_campaign_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"--trials 10 --minutes 0.3 --jobs 2 --viewers 2 --every 1 --out {tmp_path / 'soak'}"
    assert soak.main(words.split()) == 0
    with (tmp_path / "soak.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["process"] for row in rows} == {"driver", "service"}
    assert all(float(row["rss_mib"]) > 10 and int(float(row["threads"])) >= 1 for row in rows)
    assert int(rows[-1]["finished"]) <= 10
    assert "Resident memory" in (tmp_path / "soak.html").read_text()
    assert "10 trials" in capsys.readouterr().out


def test_memory_that_grows_is_told_per_trial() -> None:
    samples = [
        Sample(
            process, float(i), 10 * i, Usage(rss_mib=100 + i, descriptors=9, threads=3, processor_s=1.0, log_kib=0.0)
        )
        for i in range(20)
        for process in soak.LOGGED
    ]
    row = next(line for line in soak.summarize(samples).splitlines() if line.startswith("driver, rss_mib"))
    assert row.split()[-5:] == ["104.5", "114.5", "119.0", "102.40", "KiB"]


def test_usage_counts_descriptors_that_are_opened(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(2048))
    before = read_usage(os.getpid(), log)
    with log.open():
        after = read_usage(os.getpid(), log)
    assert after.descriptors == before.descriptors + 1
    assert after.log_kib == 2.0
