"""A text of 100 kB takes bounded work to check, whatever it says; more than that is refused where it stands."""

from __future__ import annotations

import os

import pytest

from bohpo.errors import NotFoundError, StudyError
from bohpo.study import Study, check_entry
from bohpo.study.contradictions import MOST_CHOICES, MOST_PARAMETERS
from bohpo.study.toml_reader import LONGEST_TEXT, MOST_DOTS, MOST_NESTED, parse_toml
from tests.study.bounded import Answer, check_bounded

HEAD = 'trainer = "a:b"\n[objective]\ndirection = "maximize"\n[space]\n'
LENGTH = 100_000


def _filled(line: str, length: int = LENGTH) -> str:
    """Repeat a line, numbered, up to a length."""
    lines, size, number = [], 0, 0
    while size < length:
        lines.append(line.replace("@", str(number)))
        size, number = size + len(lines[-1]) + 1, number + 1
    return "\n".join(lines)


def _chain(depth: int, choices: str = '["a", "b", "c", "d"]') -> str:
    conditions = ["", *(f', when = {{ p{at - 1} = ["a", "b"] }}' for at in range(1, depth))]
    lines = (f'p{at} = {{ type = "categorical", choices = {choices}{when} }}' for at, when in enumerate(conditions))
    return HEAD + "\n".join(lines)


def _band(count: int, width: int) -> str:
    lines = (
        f"p{at} = {{ type = 'int', low = 1, high = 3, when = {{ "
        + ", ".join(f"p{parent} = [1, 2]" for parent in range(max(0, at - width), at))
        + " } }"
        for at in range(count)
    )
    return HEAD + "\n".join(lines)


def _entangled(count: int, parents: int) -> str:
    """Make each parameter depend on others that lie far apart, so that no order keeps the tables small."""
    lines = (
        f"p{at} = {{ type = 'int', low = 1, high = 3, when = {{ "
        + ", ".join(
            f"p{parent} = [1, 2]" for parent in sorted({(at * 7919 + 31 * k * k) % 150 for k in range(parents)})
        )
        + " } }"
        if at >= 150
        else f"p{at} = {{ type = 'int', low = 1, high = 3 }}"
        for at in range(count)
    )
    return HEAD + "\n".join(lines)


CHOICES = ", ".join(str(number) for number in range(15_000))

REFUSED = {
    "dots in a key": ("a" + ".a" * LENGTH + " = 1", "line 1: a key has more than"),
    "dots in a header": (HEAD + "[a" + ".a" * LENGTH + "]", "line 5: a key has more than"),
    "dots between strings": ('"a"' + ' . "a"' * (LENGTH // 6) + " = 1", "line 1: a key has more than"),
    "dots of a header over many lines": (f"[a{'.a' * 500}]\n" + _filled("k@ = 1"), "line 1: a key has more than"),
    "brackets": ("a = " + "[" * LENGTH, "line 1: there are more than"),
    "braces": ("a = " + "{a=" * (LENGTH // 3), "line 1: there are more than"),
    "brackets after a string": ('a = ["""x"""", ' + "[" * LENGTH, "line 1: there are more than"),
    "digits": ("a = " + "9" * LENGTH, "line 1: a number has more than"),
    "digits in hexadecimal": (
        HEAD + "x = { type = 'int', low = 0, high = 0x" + "f" * LENGTH + " }",
        "space.x.high: a whole number needs more than 64 bits",
    ),
    "a float beyond all": (HEAD + "x = { type = 'float', low = 0.0, high = 1e400 }", "space.x.high: high = inf is out"),
    "a step too fine": (HEAD + "x = { type = 'float', low = 0.0, high = 1e18, step = 1e-9 }", "space.x.step: step"),
    "many parameters": (HEAD + _filled("p@ = { type = 'int', low = 1, high = 2 }"), "space: there are"),
    "many choices": (HEAD + f"x = {{ type = 'categorical', choices = [{CHOICES}] }}", "space.x.choices: there are"),
    "many values of a condition": (
        HEAD + f"y = {{ type = 'int', low = 1, high = 2, when = {{ x = [{CHOICES}] }} }}\nx = {{ type = 'int' }}",
        "space.y.when.x: there are",
    ),
    "one choice again and again": (
        HEAD + f"x = {{ type = 'categorical', choices = [{', '.join(['1'] * MOST_CHOICES)}] }}",
        "space.x.choices: 1 is the same choice as 1",
    ),
    "many unknown keys": (_filled("trainerr@ = 1"), "objective.direction: is missing"),
    "many unknown parents": (
        HEAD + _filled("parameter@ = { type = 'int', low = 1, high = 2, when = { parametre@ = [1] } }", 60_000),
        "space.parameter0.when.parametre0: there is no parameter",
    ),
    "a circle of all": (
        HEAD
        + "\n".join(
            f"p{at} = {{ type = 'int', low = 1, high = 2, when = {{ p{(at + 1) % 1500} = [1] }} }}"
            for at in range(1500)
        ),
        "space.p0.when: the conditions go in a circle",
    ),
    "values that a parent never has": (
        HEAD
        + f"x = {{ type = 'categorical', choices = [{', '.join(f'{n}.5' for n in range(900))}] }}\n"
        + _filled(f"y@ = {{ type = 'int', low = 1, high = 2, when = {{ x = [{', '.join(map(str, range(900)))}] }} }}"),
        "space.y0.when.x: 'x' is never 0",
    ),
    "a long key": ("trainer" * (LENGTH // 7) + " = 1", "objective.direction: is missing"),
    "a long name": ("name = " + '"' + "n" * LENGTH + '"', "name:"),
    "a long module": (f"trainer = '{'a' * LENGTH}:b'", "objective.direction: is missing"),
    "an open string": ('a = """' + "\\\n" * (LENGTH // 2), "end of document: "),
}
"""Texts, and how the first mistake begins."""

COUNTED = {
    "12 deep": (_chain(12), f"12 parameters, {3 * 2**12 - 2:,} configurations"),
    "40 deep": (_chain(40), f"40 parameters, {3 * 2**40 - 2:,} configurations"),
    "400 deep": (_chain(400), "400 parameters, more than 1e+100 configurations"),
    "wide": (_band(1000, 3), "1,000 parameters, more than 1e+100 configurations"),
    "on five each": (_band(900, 5), "900 parameters, more than 1e+100 configurations"),
    "entangled": (_entangled(1000, 5), "1,000 parameters, perhaps more than 1e+100 configurations"),
    "constants on many": (
        HEAD
        + "".join(f"p{at} = {{ type = 'int', low = 1, high = 2 }}\n" for at in range(20))
        + _filled(
            f"c@ = {{ type = 'constant', value = 1, when = {{ {', '.join(f'p{at} = 1' for at in range(20))} }} }}",
            90_000,
        ),
        "1,048,576 configurations",
    ),
}


@pytest.fixture(scope="module")
def refused() -> dict[str, Answer]:
    """Check all texts that are refused, in processes that are bounded."""
    return dict(zip(REFUSED, check_bounded([text for text, _ in REFUSED.values()]), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_a_text_of_100_kb_is_refused_in_bounded_work(refused: dict[str, Answer], name: str) -> None:
    code, said = refused[name]
    assert (code, said[:200]) == (0, said[:200])
    assert said.startswith(REFUSED[name][1])


@pytest.fixture(scope="module")
def counted() -> dict[str, Answer]:
    """Check all spaces that are deep, wide or entangled, in processes that are bounded."""
    return dict(zip(COUNTED, check_bounded([text for text, _ in COUNTED.values()]), strict=True))


@pytest.mark.parametrize("name", COUNTED)
def test_conditions_of_any_depth_are_counted_in_bounded_work(counted: dict[str, Answer], name: str) -> None:
    code, said = counted[name]
    assert (code, said[:200]) == (0, said[:200])
    assert said.endswith(COUNTED[name][1])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = [" + "0.25, " * 1000 + "]", {"a": [0.25] * 1000}),
        (f"a = '{'.' * 1000}'  # {'.' * 1000}", {"a": "." * 1000}),
        (f'a = """{"[" * 100}\n{"." * 100}"""""\nb = 1', {"a": "[" * 100 + "\n" + "." * 100 + '""', "b": 1}),
        (f"a = '''{'[' * 100}'\n''{'.' * 100}'''\nb = '[['", {"a": "[" * 100 + "'\n''" + "." * 100, "b": "[["}),
        (f'a = "\\"{"[" * 100}"', {"a": '"' + "[" * 100}),
        (f"a{'.a' * 3} = {'[' * MOST_NESTED}{']' * MOST_NESTED}", None),
        ("a = 9223372036854775807", {"a": 2**63 - 1}),
    ],
    ids=["floats", "dots in text", "basic lines", "literal lines", "escapes", "as deep as allowed", "64 bits"],
)
def test_what_looks_like_too_much_and_is_not_is_read(text: str, value: object) -> None:
    assert parse_toml(text) == (value if value is not None else parse_toml(text))


def test_the_limits_are_where_they_are_said_to_be() -> None:
    assert parse_toml("a" + ".a" * MOST_DOTS + " = 1")
    with pytest.raises(ValueError, match="line 3: a key has more than 32 dots; write tables"):
        parse_toml("x = '''\n.'''\na" + ".a" * (MOST_DOTS + 1) + " = 1")
    with pytest.raises(ValueError, match="file: is longer than 1,000,000 bytes; shorten it"):
        parse_toml("#" * (LONGEST_TEXT + 1))
    most = HEAD + "".join(f"p{at} = {{ type = 'int', low = 1, high = 2 }}\n" for at in range(MOST_PARAMETERS))
    assert len(Study.parse(most).space) == MOST_PARAMETERS


def test_a_study_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(StudyError, match="file: is longer than"):
        Study.load("/dev/zero")


@pytest.mark.parametrize("key", ["command", "evaluate_command"])
@pytest.mark.parametrize("word", ["{" * LENGTH, "./" + "a/" * 5000 + "train.py", "a" * 300 + ".py"])
def test_a_command_whose_words_are_too_long_for_paths_is_a_mistake(key: str, word: str) -> None:
    head = HEAD.partition("\n")[2]
    first = "" if key == "command" else 'command = ["true"]\n'
    study = Study.parse(f'{first}{key} = ["{word}"]\n{head}x = {{ type = "int", low = 1, high = 2 }}')
    [mistake] = check_entry(study)
    assert (mistake.key, mistake.problem[-12:]) == (key, "is not found")


def test_a_script_whose_name_is_too_long_is_a_mistake() -> None:
    head = HEAD.partition("\n")[2]
    study = Study.parse(f'command = ["true", "{"a" * 300}.py"]\n{head}x = {{ type = "int", low = 1, high = 2 }}')
    [mistake] = check_entry(study)
    assert mistake.problem.startswith("there is no file 'aaa")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse_toml("\ufeffa = 1") == {"a": 1}
    with pytest.raises(ValueError, match="line 1: a key has more than 32 dots"):
        parse_toml("\ufeffa" + ".a" * (MOST_DOTS + 1) + " = 1")


def test_a_folder_is_no_study(tmp_path: os.PathLike[str]) -> None:
    with pytest.raises(NotFoundError, match="Is a directory"):
        Study.load(str(tmp_path))
