"""The package's front door stays light, and so does the function that says what is feasible."""

from __future__ import annotations

import json
import subprocess
import sys

from bohpo.trainer import Configuration


def test_asking_what_is_feasible_imports_no_torch(configuration: Configuration) -> None:
    program = (
        "import json, sys, trainers.metastasis as m; print(m.feasible(json.loads(sys.argv[1])), "
        "sorted({'torch', 'scipy', 'SimpleITK', 'monai'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, json.dumps(dict(configuration))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
