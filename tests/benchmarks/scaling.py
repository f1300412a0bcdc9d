"""Time how much faster several processes train: strong scaling, each step's batch shared among them.

    python -m tests.benchmarks.scaling --processes 1,2

The aneurysm's 3D U-Net is trained by the loop that `tests.benchmarks.training` times, started by torchrun, one GPU each
where there are GPUs. Processes that share the CPUs of one machine scale up to its idle cores only. The source report
trained on 64 and 128 GPUs of a cluster, and was 1.77 times as fast on twice as many.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from bohpo.errors import UsageError
from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, talk
from tests.benchmarks.report import columns
from tests.benchmarks.training import ROOT
from tests.benchmarks.trainings import BOHPO, Task, Throughput

REPORT_SPEED_UP = 1.77
"""From 64 to 128 GPUs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print patches per second of each number of processes, with speed-up and efficiency.

    Args:
        arguments: The words after the command; the process's own by default.
    """
    parser = parser_of("scaling", __doc__)
    parser.add_argument(
        "--processes", default="1,2", help="numbers of processes, comma-separated; the first counts as 1"
    )
    parser.add_argument("--preset", default="tiny", help="phantoms: tiny (default), small or full")
    parser.add_argument("--edge", type=positive, default=32, help="edge of a patch, voxels")
    parser.add_argument("--batch", type=positive, default=32, help="patches of a step, of all processes together")
    parser.add_argument("--cases", type=positive, default=8, help="training cases")
    parser.add_argument("--steps", type=positive, default=20, help="steps that are timed, after five that are not")
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads of each process")
    options = parser.parse_args(arguments)
    given = (options.preset, options.edge, options.batch, options.cases, options.steps, options.threads)
    return exit_code_of(lambda: answer("\n".join(_table(_counts(options.processes), Task(*given)))))


def _counts(text: str) -> list[int]:
    try:
        counts = [positive(count) for count in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--processes {text}: write numbers such as 1,2,4") from error
    return counts


def _table(counts: Sequence[int], task: Task) -> Iterator[str]:
    rows = [("processes", "patches/s", "speed-up", "efficiency")]
    first = None
    for count in counts:
        found = _run(count, task)
        first = first or found
        talk(f"{count} processes: {found.patches_per_s:.1f} patches/s")
        speed_up = found.patches_per_s / first.patches_per_s
        efficiency = speed_up * counts[0] / count
        rows.append((str(count), f"{found.patches_per_s:.1f}", f"{speed_up:.2f}", f"{efficiency:.2f}"))
    yield columns(rows)
    yield f"the source report, 64 to 128 GPUs: {REPORT_SPEED_UP}, {REPORT_SPEED_UP / 2:.2f} of twice as fast"


def _run(count: int, task: Task) -> Throughput:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    trained = ["-m", "tests.benchmarks.trainings", BOHPO, json.dumps(dataclasses.asdict(task))]
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher, *trained, folder]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Throughput(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
