"""Read a Dockerfile as far as its mistakes can be seen without an engine."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = {
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined.

    Attributes:
        word: Such as RUN.
        rest: What follows.
    """

    word: str
    rest: str

    def paths(self) -> tuple[list[str], str]:
        """Give a COPY's sources and its target, its options left out."""
        *sources, target = [part for part in shlex.split(self.rest) if not part.startswith("--")]
        return sources, target

    def option(self, name: str) -> str | None:
        """Give the value of an option such as --from, or None."""
        found = re.search(rf"--{name}=(\S+)", self.rest)
        return found[1] if found else None

    def program(self) -> list[str]:
        """Give the words of a command in its JSON form.

        Raises:
            ValueError: If it is in the form that a shell would read.
        """
        words: list[str] = json.loads(self.rest)
        return words


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a build.

    Attributes:
        name: What it is called.
        base: What it is built on: an image, or a stage's name.
        instructions: All that follow FROM.
    """

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """Give the instructions of one kind."""
        return [instruction for instruction in self.instructions if instruction.word == word]


def read_dockerfile(text: str) -> tuple[dict[str, str], list[Stage]]:
    """Read a Dockerfile into the arguments before its first stage, and its stages.

    Raises:
        ValueError: If an instruction is unknown.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.word not in INSTRUCTIONS:
            raise ValueError(f"{instruction.word} is no instruction")
        if instruction.word == "FROM":
            base, _, name = instruction.rest.partition(" AS ")
            stages.append(Stage(name, re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], base)))
        elif not stages:
            name, _, value = instruction.rest.partition("=")
            arguments[name] = value
        else:
            stages[-1].instructions.append(instruction)
    return arguments, stages


def _instructions(text: str) -> list[Instruction]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    parts = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [Instruction(word, rest.strip()) for word, _, rest in parts]


def travels(path: Path, ignore: str) -> bool:
    """Say whether a file goes to the builder, as .dockerignore says: the last pattern that matches counts.

    Args:
        path: Relative to the context.
        ignore: Text of .dockerignore.
    """
    goes = True
    for line in ignore.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and _matches(path, pattern.removeprefix("!")):
            goes = pattern.startswith("!")
    return goes


def _matches(path: Path, pattern: str) -> bool:
    """Say whether a pattern matches a path or a folder above it; `**/` stands for any folders, none included."""
    parts = (re.escape(part).replace(r"\*", "[^/]*") for part in pattern.split("**/"))
    expression = re.compile("(?:.*/)?".join(parts))
    return any(expression.fullmatch(str(above)) for above in (path, *path.parents[:-1]))
