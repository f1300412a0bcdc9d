"""The study file: what is searched, with which trainer, for which score, at which price."""

from bohpo.study.cluster import Cluster
from bohpo.study.entry import check_entry, find_evaluation_obstacle
from bohpo.study.feasibility import Feasibility, Tried, feasible_configuration, load_feasibility, try_feasibility
from bohpo.study.importing import Imported, import_entries, why_not_imported
from bohpo.study.site import Settled, settle
from bohpo.study.study import NAME_PATTERN, Study
from bohpo.study.tables import Budget, Objective, OptimizerTable, Parallel, Training

__all__ = [
    "NAME_PATTERN",
    "Budget",
    "Cluster",
    "Feasibility",
    "Imported",
    "Objective",
    "OptimizerTable",
    "Parallel",
    "Settled",
    "Study",
    "Training",
    "Tried",
    "check_entry",
    "feasible_configuration",
    "find_evaluation_obstacle",
    "import_entries",
    "load_feasibility",
    "settle",
    "try_feasibility",
    "why_not_imported",
]
