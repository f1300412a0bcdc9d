"""Time how fast a detector is trained, by our loop and by MONAI's standard pipeline, the same network side by side.

    python -m tests.benchmarks.training

Both train the aneurysm's 3D U-Net (8, 16, 32 feature maps) by the same loss and optimizer on the same phantoms, half of
the patches around aneurysms, turned, scaled, flipped, with noise and contrast; the second pair bends them as well. Of
MONAI: CacheDataset, RandCropByPosNegLabeld, RandAffined (and Rand3DElasticd), DataLoader. Each training has a process
of its own; they take turns, and the best of each counts, since others may use the machine. CPU seconds are those of all
threads and processes of a training, and do not suffer from others. On a GPU both use it, with bfloat16.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, talk
from tests.benchmarks.report import columns
from tests.benchmarks.trainings import BOHPO, MONAI, Task, Throughput

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print patches per second and memory, with the ratio.

    Args:
        arguments: The words after the command; the process's own by default.
    """
    parser = parser_of("training", __doc__)
    parser.add_argument("--preset", default="tiny", help="phantoms: tiny (default), small or full")
    parser.add_argument("--edge", type=positive, default=24, help="edge of a patch, voxels")
    parser.add_argument("--batch", type=positive, default=16, help="patches of a step")
    parser.add_argument("--cases", type=positive, default=8, help="training cases")
    parser.add_argument("--steps", type=positive, default=30, help="steps that are timed, after five that are not")
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads of a training")
    parser.add_argument("--repeats", type=positive, default=3, help="turns of each")
    options = parser.parse_args(arguments)
    given = (options.preset, options.edge, options.batch, options.cases, options.steps, options.threads)
    return exit_code_of(lambda: answer("\n".join(_table(Task(*given), options.repeats))))


def _table(task: Task, repeats: int) -> Iterator[str]:
    rows = [("patches", "loop", "patches/s", "ratio", "patches/CPU s", "ratio", "memory MiB", "GPU MiB")]
    for elastic in (0.0, 1.0):
        best = _race(dataclasses.replace(task, elastic=elastic), repeats)
        kind = "turned" if elastic == 0 else "turned and bent"
        for name, found in best.items():
            rates = _with_ratio(found.patches_per_s, best[MONAI].patches_per_s)
            cpu_rates = _with_ratio(found.patches_per_cpu_s, best[MONAI].patches_per_cpu_s)
            memory = (f"{found.peak_mib:.0f}", f"{found.peak_gpu_mib:.0f}" if found.peak_gpu_mib else "-")
            rows.append((kind, name, *rates, *cpu_rates, *memory))
    yield f"{task.batch} patches of {task.edge}^3 a step, {task.threads} thread(s), {best[BOHPO].device}"
    yield columns(rows)


def _with_ratio(rate: float, reference: float) -> tuple[str, str]:
    return f"{rate:.1f}", f"{rate / reference:.2f}"


def _race(task: Task, repeats: int) -> dict[str, Throughput]:
    runs: dict[str, list[Throughput]] = {BOHPO: [], MONAI: []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats):
            for name, found in runs.items():
                found.append(_run(name, task, Path(folder)))
                talk(f"turn {turn + 1}/{repeats}: {name} {found[-1].patches_per_s:.1f} patches/s")
    return {name: max(found, key=lambda each: each.patches_per_s) for name, found in runs.items()}


def _run(name: str, task: Task, folder: Path) -> Throughput:
    """Train in a process of its own; what it reads is made before, by the first that needs it."""
    command = [sys.executable, "-m", "tests.benchmarks.trainings", name, json.dumps(dataclasses.asdict(task))]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Throughput(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
