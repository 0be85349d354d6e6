"""Settings of a deployment: ``name=value`` pairs of a command line, or a dict, as a typed struct.

Each target declares one frozen struct; its fields are the settings, with their docstrings in
``target_help``. A field that is a dict of texts is given as ``field.key=value``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, TypeVar, get_origin, get_type_hints

import msgspec

from assay.errors import InvalidInput

Config = TypeVar("Config", bound=msgspec.Struct)
_MAX_VALUE = 2_000
_MAX_SETTINGS = 100


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """``name=value`` texts as a dict; a value may hold further ``=``.

    Raises:
        InvalidInput: one has no ``=``, or a name is there twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(f"The setting {text[:80]!r} must be name=value.")
        if name in found:
            raise InvalidInput(f"The setting {name!r} is there more than once.")
        found[name] = value
    return found


def as_texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Settings as texts, as they are kept: ``True`` as ``true``, ``None`` as the empty text, which
    means the default.

    Raises:
        InvalidInput: it isn't a mapping of names to plain values, or too large.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > _MAX_SETTINGS:
        raise InvalidInput(f"The config must be a dict of at most {_MAX_SETTINGS} settings.")
    found: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str):
            raise InvalidInput(f"The setting {name!r} must be a text.")
        if isinstance(value, Mapping):
            inner = as_texts(value)
            found.update({f"{name}.{key}": text for key, text in inner.items()})
            continue
        found[name] = _text(name, value)
    return found


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidInput(
            f"The setting {name!r} must be a text, a number or a boolean, not"
            f" {type(value).__name__}."
        )
    text = str(value)
    if len(text) > _MAX_VALUE or not text.isprintable():
        raise InvalidInput(
            f"The setting {name!r} has control characters, or more than {_MAX_VALUE} characters."
        )
    return text


def merged(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Settings after an update: new ones win, and an empty one is the default again."""
    return {name: text for name, text in {**old, **new}.items() if text != ""}


def read_config(kind: type[Config], texts: Mapping[str, str], *, target: str) -> Config:
    """Settings as the target's struct. Empty texts are left out.

    Raises:
        InvalidInput: a name is unknown, or a value doesn't fit; the message lists what fits.
    """
    values: dict[str, Any] = {}
    tables = _tables(kind)
    for name, text in texts.items():
        if text == "":
            continue
        field, dot, key = name.partition(".")
        if field not in kind.__struct_fields__ or bool(dot) != (field in tables):
            raise InvalidInput(_unknown(kind, name, target))
        if dot:
            values.setdefault(field, {})[key] = text
        else:
            values[field] = text
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`").partition("[")[0] or "config"
        shown = values.get(name)
        raise InvalidInput(
            f"The setting {name!r} of the target {target} can't be {shown!r}: {what}."
        ) from None


def _tables(kind: type[msgspec.Struct]) -> set[str]:
    hints = get_type_hints(kind)
    return {name for name in kind.__struct_fields__ if get_origin(hints[name]) is dict}


def _unknown(kind: type[msgspec.Struct], name: str, target: str) -> str:
    tables = _tables(kind)
    known = [f"{field}.<name>" if field in tables else field for field in kind.__struct_fields__]
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"The target {target} has no setting {name!r}.{hint} It has: {', '.join(known)}."


def described(kind: type[msgspec.Struct]) -> str:
    """The settings for a person: name, default and meaning, a line each."""
    told = _docs(kind)
    lines = []
    for field in msgspec.structs.fields(kind):
        default = field.default
        shown = "" if default in (None, "", msgspec.NODEFAULT) else f" [{_text('', default)}]"
        name = f"{field.name}.<name>" if field.name in _tables(kind) else field.name
        lines.append(f"  {name}{shown if name == field.name else ''}: {told.get(field.name, '')}")
    return "\n".join(lines)


def _docs(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The docstring below each field of a struct."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for line, after in pairwise(tree.body):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[line.target.id] = " ".join(str(after.value.value).split())
    return found
