"""The Python interpreter of jobs: the driver's, unless the study names one of the nodes' own."""

from __future__ import annotations

import sys

from bohpo.study import Cluster


def with_node_interpreter(command: tuple[str, ...], settings: Cluster) -> tuple[str, ...]:
    """Return a job's command with `cluster.python` in place of the driver's interpreter, if the study names one."""
    program, *arguments = command
    is_replaced = settings.python is not None and program == sys.executable
    return (str(settings.python) if is_replaced else program, *arguments)
