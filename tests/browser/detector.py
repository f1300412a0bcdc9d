"""A trainer of seconds: a curve, a picture, a few lines of log, and a wait for a file where a test asks for one."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

from bohpo.trainer import Context, Outcome, Stopped
from bohpo.trial import Curve
from tests.service.pages.specimen import write_picture


def train(config: dict[str, Any], context: Context) -> Outcome:
    """Train nothing, and tell of it."""
    gate = Path(config["gate"])
    area = 0.6 - 0.1 * (math.log10(config["lr"]) + 2) ** 2 - 0.01 * config["depth"]
    for step in range(1, 4):
        sys.stdout.write(f"epoch {step} of a training with lr {config['lr']:.4g}\n")
        context.report(step, area * step / 3)
    sys.stdout.flush()
    number = int(context.directory.parent.name)
    while number >= int(gate.read_text()):
        if context.should_stop:
            context.checkpoint.save(3, b"")
            raise Stopped
        time.sleep(0.05)
    write_picture(context.directory / "projection.png")
    curve = Curve(
        (0.0, 1.0, 4.0), (0.0, area, 0.9), (0.0, area - 0.1, 0.8), (0.0, area + 0.1, 1.0), "FPs", "sensitivity"
    )
    return Outcome(max(area, 0.0), 0.0004, {"partial_auc": max(area, 0.0)}, {"froc": curve})
