"""Run a real queue by hand: `python -m tests.services slurm` or `grid-engine`, until Ctrl-C."""

from __future__ import annotations

import signal
import sys

from tests.services.grid_engine import start_grid_engine
from tests.services.slurm import start_slurm


def main() -> None:
    """Start the service that the first argument names, print how to reach it, and wait for a signal."""
    service = start_grid_engine() if sys.argv[1:] == ["grid-engine"] else start_slurm()
    for name, value in service.environment.items():
        sys.stdout.write(f"export {name}={value}\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        service.remove()


if __name__ == "__main__":
    main()
