"""Where a study's trainer, and what else it names, is: found without running it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import shutil
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from bohpo.errors import Mistake
from bohpo.space.checks import did_you_mean

if TYPE_CHECKING:
    from bohpo.study.study import Study

_SCRIPTS = (".py", ".sh", ".R", ".jl")


def find_working_directory(
    trainer: str | None, command: Sequence[str] | None, feasible: str | None, places: Sequence[Path]
) -> Path:
    """Give the first of `places` where the trainer's module, or a file that the command names, is found.

    Returns:
        An absolute path. Where the trainer is in none of them, as when it is installed, the first place with the
        module of `feasible`, and without one the last place.
    """
    importlib.invalidate_caches()
    for place in places:
        if trainer and _is_below(trainer, place):
            return place.resolve()
        if any(_is_file(place / word) for word in command or () if not Path(word).is_absolute()):
            return place.resolve()
    beside = [place for place in places if feasible and _is_below(feasible, place)]
    return (beside or places[-1:])[0].resolve()


def check_entry(study: Study) -> tuple[Mistake, ...]:
    """List what is wrong with the trainer and the functions that a study names; nothing of them is run."""
    importlib.invalidate_caches()
    directory = study.working_directory
    mistakes: list[Mistake] = []
    for key, entry in (("trainer", study.trainer), ("evaluator", study.evaluator)):
        if entry:
            mistakes += _entry_mistakes(key, entry, directory, study.directory)
    if study.feasible:  # looked for where the trainer is, wherever the study file may be
        mistakes += _entry_mistakes("feasible", study.feasible, directory, directory)
    for key, command in (("command", study.command), ("evaluate_command", study.evaluate_command)):
        if command:
            mistakes += _command_mistakes(key, command, directory)
    return tuple(mistakes)


def find_evaluation_obstacle(study: Study) -> str | None:
    """Return why a study cannot score a model on test cases, with the remedy; None if it can. Nothing of it is run."""
    importlib.invalidate_caches()
    entry, directory = study.evaluation_entry, study.working_directory
    if not entry and not study.evaluate_command:
        return 'the study names nothing that scores a model; set evaluate_command, or evaluator = "module:function"'
    mistakes = _entry_mistakes("evaluator", entry, directory, study.directory) if entry else []
    if study.evaluate_command:
        mistakes = _command_mistakes("evaluate_command", study.evaluate_command, directory)
    return f"nothing scores a model: {mistakes[0].problem}; {mistakes[0].remedy}" if mistakes else None


def defines(entry: str, directory: Path) -> bool:
    """Check whether a module below a directory, or an installed one, binds a name; it is not imported.

    Args:
        entry: `module:name`.
        directory: Where to look first.
    """
    module, _, name = entry.partition(":")
    spec = _find_below(module, directory) or _find_installed(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return False
    try:
        return name in _names(ast.parse(Path(spec.origin).read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return False


def _entry_mistakes(key: str, entry: str, directory: Path, home: Path) -> list[Mistake]:
    module, _, function = entry.partition(":")
    spec = _find_below(module, directory) or _find_installed(module)
    if spec is None or spec.origin is None:  # a folder without __init__.py has no origin
        known = _modules_in(home) + _modules_in(directory)
        near = did_you_mean(module, known, f"put it into {home}, or install it")
        return [Mistake(key, f"there is no module {module!r}", near)]
    if not spec.origin.endswith(".py"):
        return []
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (SyntaxError, ValueError) as error:
        return [Mistake(key, f"{spec.origin} is not valid Python: {error}".replace("\n", " "), "correct it")]
    names = _names(tree)
    if function in names or "*" in names or "__getattr__" in names:
        return []
    near = did_you_mean(function, sorted(names), f"define it in {spec.origin}")
    return [Mistake(key, f"module {module!r} has no {function!r}", near)]


def _command_mistakes(key: str, command: Sequence[str], directory: Path) -> list[Mistake]:
    program, *arguments = command
    path = str(directory / program) if os.sep in program else program
    if shutil.which(path) is None:
        exists = os.sep in program and _is_file(Path(path))
        remedy = f"chmod +x {path}" if exists else "install it, or write its path"
        return [Mistake(key, f"{program!r} is {'not executable' if exists else 'not found'}", remedy)]
    script = next((word for word in arguments if not word.startswith("-")), "")
    if script.endswith(_SCRIPTS) and not _is_file(directory / script):
        remedy = did_you_mean(script, (path.name for path in directory.iterdir()), f"put it into {directory}")
        return [Mistake(key, f"there is no file {script!r}", remedy)]
    return []


def _is_file(path: Path) -> bool:
    """Return whether there is a file; a path that is too long, or that may not be looked at, is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_below(entry: str, directory: Path) -> bool:
    return _find_below(entry.partition(":")[0], directory) is not None


def _find_below(module: str, directory: Path) -> ModuleSpec | None:
    """Find a module below a directory; unlike `importlib.util.find_spec`, import none of the packages around it."""
    top, _, rest = module.partition(".")
    return _descend(PathFinder.find_spec(top, [str(directory)]), rest)


def _find_installed(module: str) -> ModuleSpec | None:
    top, _, rest = module.partition(".")
    try:
        return _descend(importlib.util.find_spec(top), rest)
    except ValueError:  # a module without a spec, as __main__ is
        return None


def _descend(spec: ModuleSpec | None, rest: str) -> ModuleSpec | None:
    for part in rest.split(".") if rest else ():
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", list(spec.submodule_search_locations))
    return spec


def _modules_in(directory: Path) -> list[str]:
    packages = [path.parent.name for path in directory.glob("*/__init__.py")]
    return packages + [path.stem for path in directory.glob("*.py")]


def _names(tree: ast.Module) -> set[str]:
    """List the names that a module binds at its top, `*` among them where it imports all of another one."""
    return {name for node in _statements(tree.body) for name in _bound(node)}


def _statements(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements(getattr(node, "orelse", []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        case ast.Assign():
            return [name for target in node.targets for name in _stored(target)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _stored(target: ast.expr) -> list[str]:
    """List the names that an assignment binds: of a tuple each, of an attribute or an item none."""
    names = [node for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]
