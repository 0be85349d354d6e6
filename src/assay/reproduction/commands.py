"""Commands: the words of a captured command line, as they are said in the fresh folder.

The interpreter is another one, programs of the old environment are those of the new one, and paths
below the old working tree lead into the checkout.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Final

from assay.reproduction.recipe import Recipe

_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?\Z")
_BIN: Final = ("bin", "Scripts")


def here(recipe: Recipe, *, python: Path, code: Path) -> list[str]:
    """The command to run.

    Args:
        recipe: whose command.
        python: the interpreter that stands in for the old one.
        code: root of the checkout.
    """
    if not recipe.command:
        return []
    first, *rest = recipe.command
    words = [_within(word, recipe.code.root, code) for word in rest]
    if not _INTERPRETER.match(PurePosixPath(first).name):
        return [str(python), _program(first, python), *words]
    return [str(python), *(_program(word, python) for word in words)]


def _program(word: str, python: Path) -> str:
    """A console script of an environment, as it is in the new one."""
    path = PurePosixPath(word)
    if path.is_absolute() and path.parent.name in _BIN:
        other = python.parent / path.name
        if other.exists():
            return str(other)
    return word


def _within(word: str, root: str, code: Path) -> str:
    """A word with the path of the old working tree in it, leading into the checkout."""
    if not root:
        return word
    option, equals, value = word.partition("=")
    if equals and option.startswith("-"):
        return f"{option}={_moved(value, root, code)}"
    return _moved(word, root, code)


def _moved(path: str, root: str, code: Path) -> str:
    if path == root:
        return str(code)
    # An environment often lies within the working tree, but is in no commit.
    inner = path.removeprefix(f"{root}/")
    return str(code / inner) if inner != path and (code / inner).exists() else path
