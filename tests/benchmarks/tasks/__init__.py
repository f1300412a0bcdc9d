"""Tuning tasks that ship, and those of a folder outside the project.

Every task is maximised. Its regret is noise-free: 0 is the best known configuration, 1 the median random one.
"""

from tests.benchmarks.tasks.registry import PUBLIC, load_task, task_names
from tests.benchmarks.tasks.task import FAILED_REGRET, SyntheticTask, Task

__all__ = ["FAILED_REGRET", "PUBLIC", "SyntheticTask", "Task", "load_task", "task_names"]
