"""Functions of sweeps: finding one by its name, checking that it fits the space, and packing it for
the processes that call it.

A function that other programs can import travels as its name; any other, such as one of the
script itself, by value with cloudpickle.
"""

from __future__ import annotations

import importlib
import inspect
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from assay.errors import InvalidInput, MissingExtra

Function = Callable[..., Any]
TRIAL: str = "trial"
"""Name of the argument by which a function asks for its trial."""


class Packed(msgspec.Struct, frozen=True):
    """A function on its way to another process."""

    name: str = ""
    """``module:name``, or empty."""
    content: bytes = b""


def find_function(name: str, path: str = "") -> Function:
    """The function ``module:name``.

    Args:
        name: of module and function.
        path: a folder whose modules come first.

    Raises:
        InvalidInput: there is none, its module fails, or it can't be called.
    """
    module_name, _, words = name.partition(":")
    if module_name == "__main__":
        raise InvalidInput(
            f"The function {words} is of a script, which has to go on with it: assay.sweep(…,"
            " resume=…)."
        )
    if path and path not in sys.path:
        sys.path.insert(0, path)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            where = f" in {path}" if path else ""
            raise InvalidInput(f"There is no module {module_name!r}{where}.") from None
        raise InvalidInput(f"{module_name} needs the module {error.name!r}: {error}") from error
    except Exception as error:
        raise InvalidInput(f"{module_name} fails: {type(error).__name__}: {error}") from error
    for word in words.split("."):
        found = getattr(found, word, None)
    if not callable(found):
        raise InvalidInput(f"{module_name} defines no function {words!r}.")
    return found  # type: ignore[no-any-return]


def name_of(function: Function) -> str | None:
    """``module:name`` if that leads to this very function in another program as well."""
    module_name = getattr(function, "__module__", None)
    words = getattr(function, "__qualname__", "")
    if not module_name or module_name == "__main__" or "<" in words or not words:
        return None
    found: Any = sys.modules.get(module_name)
    if getattr(found, "__file__", None) is None:
        return None  # made by a notebook or by hand
    for word in words.split("."):
        found = getattr(found, word, None)
    return f"{module_name}:{words}" if found is function else None


def takes_trial(function: Function) -> bool:
    """Whether the function asks for its trial."""
    try:
        return TRIAL in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def check_fits(function: Function, names: Iterable[str]) -> None:
    """Whether the function can be called with these arguments.

    Raises:
        InvalidInput: it takes others.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a builtin tells nothing
    arguments = dict.fromkeys(names)
    if takes_trial(function):
        arguments.setdefault(TRIAL)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        shown = getattr(function, "__qualname__", repr(function))
        raise InvalidInput(
            f"The function {shown}{signature} doesn't take the parameters of the sweep"
            f" ({', '.join(arguments)}): {error}."
        ) from None


def pack(function: Function) -> Packed:
    """``function`` for another process.

    Raises:
        InvalidInput: it holds something that can't travel.
        MissingExtra: it can only travel by cloudpickle, which isn't installed.
    """
    name = name_of(function)
    if name is not None:
        return Packed(name=name)
    try:
        import cloudpickle
    except ImportError:
        raise MissingExtra(
            "cloudpickle",
            extra="models",
            purpose="Calling a function of this script in other processes (workers='threads' does"
            " without)",
        ) from None
    try:
        return Packed(content=cloudpickle.dumps(function))
    except Exception as error:
        raise InvalidInput(
            f"The function can't be sent to other processes: {error}. Make what it needs inside"
            " of it, or use workers='threads'."
        ) from error


def unpack(packed: Packed) -> Function:
    """The function again, in the process that got it."""
    if packed.name:
        return find_function(packed.name)
    # From the process that started this one, through a pipe of theirs.
    function: Function = pickle.loads(packed.content)  # noqa: S301
    return function
