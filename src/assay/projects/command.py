"""Command: an entry point's template becomes an argument list; values are never code.

A template of plain words runs without a shell: values are put into its words. One that uses a shell
(``&&``, ``|``, ``$X``, globs …) runs as ``bash -c SCRIPT bash VALUE…``, where each ``{name}`` has
become a reference to its value that is right for the quotes around it. So a value arrives as the
one argument it is, whatever it holds and wherever its placeholder stands.

Braces are MLflow's, hence Python's ``str.format``: ``{name}`` is a parameter and ``{{`` a brace.
"""

from __future__ import annotations

import re
import shlex
import shutil
import string
from collections.abc import Mapping
from typing import Final

from assay.errors import InvalidInput

MAX_TEMPLATE: Final = 20_000
_NAME = re.compile(r"[A-Za-z_][\w-]*\Z", re.ASCII)
_SHELL = re.compile(r"[$`|&;<>()*?\[\]~#!{}\n\\]")
"""What means something to a shell outside of single quotes."""
_ASSIGNMENT = re.compile(r"\w+=", re.ASCII)
_BUILTINS: Final = frozenset(
    {"cd", "exec", "export", "source", ".", "set", "unset", "eval", "trap", "if", "for", "while"}
    | {"until", "case", "ulimit", "umask", "time", "wait", "shopt", "read"}
)
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the number of a placeholder, while a template is taken apart: of the private use area."""
_HOLE = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def arguments(
    template: str, values: Mapping[str, str], extras: Mapping[str, str] | None = None
) -> list[str]:
    """The argument list of a command.

    Args:
        template: the entry point's command.
        values: of the parameters that it may name. A name that is declared and has no value must be
            missing here: a word that consists of its placeholder vanishes, with the option
            (``--name``) before it.
        extras: added at the end as ``--name value``.

    Raises:
        InvalidInput: the template can't be understood.
    """
    text, names = parsed(template)
    more = [word for name, value in (extras or {}).items() for word in (f"--{name}", value)]
    if is_plain(text):
        return [*_plain(text, names, values), *more]
    return _shell(text, names, values, more)


def placeholders(template: str) -> list[str]:
    """Names of the parameters that a template names.

    Raises:
        InvalidInput: the template can't be understood.
    """
    return parsed(template)[1]


def parsed(template: str) -> tuple[str, list[str]]:
    """The template with each placeholder replaced by the mark of its number, and their names.

    Raises:
        InvalidInput: it can't be understood.
    """
    shown = template if len(template) <= 120 else template[:117] + "..."
    if len(template) > MAX_TEMPLATE:
        raise InvalidInput(f"A command is limited to {MAX_TEMPLATE} characters: {shown!r}.")
    if _OPEN in template or _CLOSE in template or "\0" in template:
        raise InvalidInput(f"The command {shown!r} holds a character that no command can.")
    text, names = "", []
    try:
        parts = list(string.Formatter().parse(template.strip()))
    except ValueError as error:
        raise InvalidInput(
            f"The braces of the command {shown!r} don't fit: {error}. Write {{{{ and }}}} for"
            " braces that stand for themselves."
        ) from None
    for literal, name, form, conversion in parts:
        text += literal
        if name is None:
            continue
        if form or conversion or not _NAME.match(name):
            raise InvalidInput(
                f"The command {shown!r} has the placeholder {{{name}}}: only the name of a"
                " parameter may stand in braces. Write {{ and }} for braces that stand for"
                " themselves."
            )
        if name not in names:
            names.append(name)
        text += f"{_OPEN}{names.index(name)}{_CLOSE}"
    if not text.strip():
        raise InvalidInput("An entry point has an empty command.")
    return text, names


def is_plain(text: str) -> bool:
    """Whether a parsed template needs no shell."""
    if _SHELL.search(text):
        return False
    first = text.split(maxsplit=1)[0]
    return not (first in _BUILTINS or _ASSIGNMENT.match(first))


def _plain(text: str, names: list[str], values: Mapping[str, str]) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        shown = _HOLE.sub(lambda hole: "{" + names[int(hole[1])] + "}", text)
        raise InvalidInput(f"The quotes of the command {shown!r} don't fit: {error}.") from None
    said: list[str] = []
    for word in words:
        whole = _HOLE.fullmatch(word)
        if whole and names[int(whole[1])] not in values:
            if said and said[-1].startswith("-"):
                said.pop()
            continue
        said.append(_HOLE.sub(lambda hole: values.get(names[int(hole[1])], ""), word))
    return said


def _shell(text: str, names: list[str], values: Mapping[str, str], more: list[str]) -> list[str]:
    script = _Script(text)
    given = [values.get(name, "") for name in names]
    added = "".join(f' "${{{len(given) + 1 + at}}}"' for at in range(len(more)))
    shell = shutil.which("bash") or shutil.which("sh") or "bash"
    return [shell, "-c", script.text + added, "bash", *given, *more]


class _Script:
    """A shell script in which placeholders have become references.

    Follows the quotes of the POSIX shell language (XCU 2.2) with bash's ``$'…'`` and ``$"…"``;
    substitutions nest.
    """

    def __init__(self, template: str) -> None:
        self._left = template
        self._at = 0
        self._out: list[str] = []
        # One of: plain, double, single, ansi, paren (within $( )), tick (within ` `)
        self._state = ["plain"]
        while self._at < len(template):
            self._step()

    @property
    def text(self) -> str:
        return "".join(self._out)

    def _take(self, count: int) -> None:
        self._out.append(self._left[self._at : self._at + count])
        self._at += count

    def _step(self) -> None:
        hole = _HOLE.match(self._left, self._at)
        if hole:
            self._out.append(_reference(int(hole[1]) + 1, self._state[-1]))
            self._at = hole.end()
            return
        rest = self._left[self._at : self._at + 3]
        state = self._state[-1]
        if state == "single":
            self._take_in_single(rest)
        elif state == "ansi":
            self._take_in_ansi(rest)
        elif rest.startswith("\\"):
            self._refuse_escaped_hole()
            self._take(2)
        elif rest.startswith("$(("):
            self._take_arithmetic()
        elif rest.startswith("$("):
            self._state.append("paren")
            self._take(2)
        elif rest.startswith("`"):
            self._toggle("tick")
        elif rest.startswith('"'):
            self._toggle("double")
        elif state == "double":
            self._take(1)
        else:
            self._take_unquoted(rest)

    def _toggle(self, state: str) -> None:
        if self._state[-1] == state:
            self._state.pop()
        else:
            self._state.append(state)
        self._take(1)

    def _take_in_single(self, rest: str) -> None:
        if rest.startswith("'"):
            self._state.pop()
        self._take(1)

    def _take_in_ansi(self, rest: str) -> None:
        if rest.startswith("\\"):
            self._refuse_escaped_hole()
            self._take(2)
            return
        self._take_in_single(rest)

    def _refuse_escaped_hole(self) -> None:
        if _HOLE.match(self._left, self._at + 1):
            raise InvalidInput("A command has a backslash before a placeholder: leave it out.")

    def _take_unquoted(self, rest: str) -> None:
        if rest.startswith("$'"):
            self._state.append("ansi")
            self._take(2)
        elif rest.startswith("'"):
            self._state.append("single")
            self._take(1)
        elif rest.startswith("<<") and rest != "<<<":
            raise InvalidInput(
                "A command has a here-document (<<), in which a value can't be kept apart from the"
                " text. Put the lines into a script of the project."
            )
        elif rest == "<<<":
            self._take(3)
        elif rest.startswith("(("):
            self._take_arithmetic()
        elif rest.startswith("("):
            self._state.append("paren")
            self._take(1)
        elif rest.startswith(")") and self._state[-1] == "paren":
            self._state.pop()
            self._take(1)
        elif rest.startswith("#") and (self._at == 0 or self._left[self._at - 1] in " \t\n;&|("):
            end = self._left.find("\n", self._at)
            # A comment is for people; a placeholder in it is none.
            self._at = len(self._left) if end < 0 else end
        else:
            self._take(1)

    def _take_arithmetic(self) -> None:
        """Bash evaluates what stands here: a value in it would be code."""
        depth, end = 0, self._at
        while end < len(self._left):
            depth += {"(": 1, ")": -1}.get(self._left[end], 0)
            end += 1
            if depth == 0 and self._left[end - 1] == ")":
                break
        if _HOLE.search(self._left[self._at : end]):
            raise InvalidInput(
                "A command has a placeholder within (( )), where a shell runs what stands there."
                " Compute it in the program."
            )
        self._take(end - self._at)


def _reference(number: int, state: str) -> str:
    match state:
        case "double":
            return f"${{{number}}}"
        case "single":
            return f"'\"${{{number}}}\"'"
        case "ansi":
            return f"'\"${{{number}}}\"$'"
        case _:
            return f'"${{{number}}}"'
