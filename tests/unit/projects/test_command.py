from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.projects.command import arguments, is_plain, parsed

PRINT = "import json, sys; print(json.dumps(sys.argv[1:]))"
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "a b",
    "",
    "*",
    "~",
    "a\nb",
    "\\",
    "\\'",
    "${1}",
    "{x} {{y}}",
    "-n",
    "--",
    "# no comment",
    "&& touch pwned",
    "> pwned",
    "!!",
    "é😀",
    "%s",
    "\t",
]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that prints its arguments, by a path that is safe in any template."""
    file = tmp_path_factory.mktemp("bin") / "show"
    # A tenth of what starting Python takes; test_extra_parameters… has a Python program.
    file.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    file.chmod(0o700)
    return file


def ran(template: str, values: dict[str, str], folder: Path) -> list[str]:
    done = subprocess.run(arguments(template, values), cwd=folder, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


@pytest.mark.parametrize(
    "template",
    [
        "{show} {x}",
        "{show} '{x}'",
        '{show} "{x}"',
        "true && {show} {x}",
        "true && {show} '{x}'",
        'true && {show} "{x}"',
        "echo $(echo one) >/dev/null; {show} {x} | cat",
        "true; {show} $'{x}'",
        'true; {show} "$(printf %s "{x}"; printf .)"',
        'true; {show} "`printf %s {x}; printf .`"',
        "( {show} {x} )",
        "# it's about {x}\n{show} {x}",
        "true &&\\\n {show} {x}",
    ],
)
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_value_arrives_as_the_one_argument_it_is(
    template: str, value: str, show: Path, tmp_path: Path
) -> None:
    said = ran(template.replace("{show}", str(show)), {"x": value}, tmp_path)

    nested = "printf ." in template
    assert said == [value + ("." if nested else "")]
    assert not (tmp_path / "pwned").exists()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
        min_size=3,
        max_size=3,
    )
)
def test_any_values_arrive_whole_whatever_quotes_are_around_them(
    values: list[str], show: Path, tmp_path: Path
) -> None:
    named = dict(zip("abc", values, strict=True))

    template = f"true; {show} pre{{a}} '{{b}}' \"{{c}}\" {{a}}{{b}}"

    assert ran(template, named, tmp_path) == [
        f"pre{values[0]}",
        values[1],
        values[2],
        values[0] + values[1],
    ]


def test_plain_words_need_no_shell() -> None:
    said = arguments("python train.py --alpha {alpha} 'two words'", {"alpha": "a b"}, {"k": "v w"})

    assert said == ["python", "train.py", "--alpha", "a b", "two words", "--k", "v w"]


def test_parameters_reach_a_python_program_through_a_shell_whole(tmp_path: Path) -> None:
    program = tmp_path / "show.py"
    program.write_text(PRINT)
    made = arguments(f"true && {sys.executable} {program}", {}, {"k": "a 'b' $(id)"})

    done = subprocess.run(made, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == ["--k", "a 'b' $(id)"]


def test_optional_parameter_without_a_value_vanishes_with_its_option() -> None:
    assert arguments("python x.py --note {note} --a {a} {b}", {"a": "1"}) == [
        "python",
        "x.py",
        "--a",
        "1",
    ]


def test_doubled_braces_are_braces() -> None:
    made = arguments("""python x.py '{{"lr": 1}}' {a}""", {"a": "1"})

    assert made[:2] == [made[0], "-c"]
    assert '{"lr": 1}' in made[2]


@pytest.mark.parametrize(
    "template", ["cd sub", "FOO=1 python x.py", "python $X", "a | b", "ls *.py", "a; b", "x > y"]
)
def test_what_means_something_to_a_shell_gets_one(template: str) -> None:
    assert not is_plain(parsed(template)[0])


@pytest.mark.parametrize(
    "template",
    [
        "python {a.__class__}",
        "python {a[0]}",
        "python {}",
        "python {0}",
        "python {a!r}",
        "python {a:>10}",
        "python {a",
        "python a}",
        "",
        "python '{a}",
        "cat <<EOF\n{a}\nEOF",
        "echo $(( {a} + 1 ))",
        "if (( {a} > 1 )); then echo; fi",
        "true; echo \\{a}",
        "x" * 20_001,
        "a\ue000b",
    ],
)
def test_template_that_cannot_be_understood_is_refused(template: str) -> None:
    with pytest.raises(InvalidInput):
        arguments(template, {"a": "1"})
