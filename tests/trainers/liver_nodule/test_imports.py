"""The package's front door stays light."""

from __future__ import annotations

import subprocess
import sys


def test_naming_the_trainer_imports_no_torch() -> None:
    program = (
        "import sys, trainers.liver_nodule as trainer; "
        "trainer.feasible({'patch_edge': 16}); print(sorted({'torch', 'SimpleITK', 'monai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
