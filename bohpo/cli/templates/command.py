"""Trainer of the study NAME as an external command: it knows nothing of bohpo, only files and variables.

| variable          | what                                                                               |
| ----------------- | ---------------------------------------------------------------------------------- |
| BOHPO_CONFIG      | JSON file: the parameters that are active in this trial, and the study's fixed ones |
| BOHPO_DIRECTORY   | folder of this attempt; progress.jsonl and outcome.json go there                   |
| BOHPO_MODEL       | folder for what is worth keeping of the best trials                                |
| BOHPO_SEED        | seed of the training                                                               |
| BOHPO_THREADS     | CPU threads to use                                                                 |

It runs as it is. Put your training in place of the loop, or write the same in another language. Exit code 0 says
that outcome.json is there, anything else that the training failed. Run it by hand before you launch the study:

    echo '{"lr": 0.1, "weight_decay": 0.001, "epochs": 10, "optimizer": "sgd", "cases": 400}' > config.json
    BOHPO_CONFIG=config.json BOHPO_DIRECTORY=. python3 MODULE.py
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path


def main() -> None:
    """Train once."""
    config = json.loads(Path(os.environ["BOHPO_CONFIG"]).read_text())
    directory = Path(os.environ["BOHPO_DIRECTORY"])

    log_loss = 1.0
    for epoch in range(config["epochs"]):
        distance = math.log10(config["lr"] / 0.1) ** 2 + math.log10(config["weight_decay"] / 1e-3) ** 2
        speed = 0.1 / (1.0 - config.get("momentum", 0.0))  # momentum is absent where optimizer = "sgd"
        log_loss = 0.3 + 0.05 * distance + 0.4 * math.exp(-speed * (epoch + 1))
        with (directory / "progress.jsonl").open("a") as progress:  # one line a step, shown live
            progress.write(json.dumps({"step": epoch + 1, "value": log_loss}) + "\n")

    outcome = {"value": log_loss, "variance": 1e-4, "metrics": {"log_loss": log_loss}}
    unfinished = directory / "outcome.json.unfinished"  # renamed when whole, so that no one reads half of it
    unfinished.write_text(json.dumps(outcome))
    unfinished.rename(directory / "outcome.json")


if __name__ == "__main__":
    main()
