"""The package's front door stays light."""

from __future__ import annotations

import subprocess
import sys


def test_asking_what_is_feasible_imports_no_torch() -> None:
    program = (
        "import sys, trainers.head_ct_anomaly as trainer; trainer.feasible({'patch_edge': 16, 'levels': 2});"
        "print(sorted({'torch', 'scipy', 'SimpleITK', 'monai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
