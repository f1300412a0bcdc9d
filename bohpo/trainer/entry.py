"""The functions that a study names, imported from the study's folder without hiding a module of Python's own.

The module that the study names is looked for in the study's folder first, whatever it is called. What it imports is
looked for in the standard library, then in that folder, then among what is installed. In a driver, which imports much
else, what is installed comes before the folder. So `random.py` or `json.py` beside a study disturbs nobody.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import sysconfig
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from bohpo.errors import UsageError


def load_entry(entry: str, working_directory: str, *, is_guest: bool = False) -> Callable[..., object]:
    """Import the function that `module:function` names, looking in `working_directory` first.

    Args:
        entry: The module and the function.
        working_directory: Folder of the module, and of those that it imports.
        is_guest: Whether this process is not the function's own, so that nothing there may hide what is installed.

    Raises:
        UsageError: If there is no such function in the module.
    """
    module_name, _, function_name = entry.partition(":")
    _add_to_path(working_directory, is_guest=is_guest)
    module = _import_from(working_directory, module_name)
    function: Callable[..., object] | None = getattr(module, function_name, None)
    if not callable(function):
        raise UsageError(f"{entry}: {module_name} has no function {function_name!r}; define it or name another")
    return function


def _add_to_path(directory: str, *, is_guest: bool) -> None:
    """Make modules of a folder importable after the standard library, for a guest also after what is installed."""
    if directory in sys.path:
        return
    if is_guest:
        sys.path.append(directory)
        return
    ours = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    ours |= {str(Path(path) / "lib-dynload") for path in ours}
    last = max((index for index, path in enumerate(sys.path) if path in ours), default=-1)
    sys.path.insert(last + 1, directory)


def _import_from(directory: str, name: str) -> ModuleType:
    """Import a module, its outermost package from a folder if it is there."""
    importlib.invalidate_caches()
    top, _, rest = name.partition(".")
    spec = PathFinder.find_spec(top, [directory])
    if spec is None or spec.origin is None:  # not there, or a folder without __init__.py
        return importlib.import_module(name)
    known = _name_in_use(top, spec, directory)
    if known not in sys.modules:
        _execute(spec, known)
    return importlib.import_module(f"{known}.{rest}" if rest else known)


def _name_in_use(top: str, spec: ModuleSpec, directory: str) -> str:
    """Return what a module is called here: another name where its own is taken by Python or an installed module."""
    taken = sys.modules.get(top)
    origin = getattr(getattr(taken, "__spec__", None), "origin", None)
    if top not in sys.stdlib_module_names and (taken is None or origin == spec.origin):
        return top
    return f"study_{hashlib.sha256(directory.encode()).hexdigest()[:8]}_{top}"


def _execute(found: ModuleSpec, name: str) -> None:
    """Run a module that was found, under a name."""
    places = found.submodule_search_locations
    spec = importlib.util.spec_from_file_location(name, found.origin, submodule_search_locations=places)
    if spec is None or spec.loader is None:
        raise ImportError(f"{found.origin} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
