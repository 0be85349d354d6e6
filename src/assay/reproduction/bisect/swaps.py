"""Swaps: what can be exchanged between two recipes, from whole dimensions to single packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, Literal

import msgspec

from assay.comparison.meaning import meaning
from assay.comparison.packages import role_of
from assay.reproduction.recipe import Dataset, Recipe

Dimension = Literal["code", "data", "parameters", "packages", "python", "environment", "threads"]
DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "code",
    "data",
    "parameters",
    "packages",
    "python",
    "environment",
    "threads",
)
"""The likeliest cause first. Seeds aren't among them: the code or the params that set them are."""
_OWN: Final = "assay"
_CALL: Final = "how it is called"
_COMPUTING_FIRST: Final = {"computing": 0, "other": 1, "tool": 2}
_FAMILIES: Final = (
    (re.compile(r"torch.*|nvidia-.*|triton"), "torch"),
    (re.compile(r"jax.*|flax|optax"), "jax"),
    (re.compile(r"tensorflow.*|keras.*"), "tensorflow"),
)
"""Packages that are released together, and seldom go with others' versions."""


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the two recipes don't have in common."""

    dimension: Dimension
    name: str
    family: str = ""
    """Swaps of one family are tried together before each alone."""
    before: str | None = None
    """Of the good run; ``None``: it hasn't got it."""
    after: str | None = None

    @property
    def label(self) -> str:
        """Its dimension and name."""
        is_whole = self.name == self.dimension
        return self.dimension if is_whole else f"{self.dimension} {self.name}"

    def __str__(self) -> str:
        return f"{self.label} ({_short(self.before)} → {_short(self.after)})"


def swaps_between(
    good: Recipe, bad: Recipe, *, dimensions: Collection[Dimension] = DIMENSIONS
) -> list[Swap]:
    """All that differs and can be exchanged, the likeliest cause first."""
    found = [
        *_code(good, bad),
        *_data(good, bad),
        *_call(good, bad),
        *_packages(good, bad),
        *_of_maps("environment", good.environment, bad.environment),
        *_of_maps("threads", good.threads, bad.threads),
    ]
    if good.python and bad.python and good.python != bad.python:
        found.append(Swap(dimension="python", name="python", before=good.python, after=bad.python))
    chosen = [swap for swap in found if swap.dimension in dimensions]
    return sorted(chosen, key=lambda swap: DIMENSIONS.index(swap.dimension))


def mixed(good: Recipe, bad: Recipe, swaps: Collection[Swap]) -> Recipe:
    """The good recipe with these things taken from the bad one."""
    taken = {(swap.dimension, swap.name) for swap in swaps}
    code = bad.code if ("code", "code") in taken else good.code

    def of_map(dimension: Dimension, part: Callable[[Recipe], dict[str, str]]) -> dict[str, str]:
        names = {name for where, name in taken if where == dimension}
        kept = {key: value for key, value in part(good).items() if key not in names}
        return kept | {key: value for key, value in part(bad).items() if key in names}

    changes: dict[str, Any] = {
        "code": code,
        "packages": of_map("packages", lambda recipe: recipe.packages),
        "environment": of_map("environment", lambda recipe: recipe.environment),
        "threads": of_map("threads", lambda recipe: recipe.threads),
        "python": bad.python if ("python", "python") in taken else good.python,
        "datasets": _mixed_data(good, bad, {name for where, name in taken if where == "data"}),
    }
    if ("parameters", _CALL) in taken:
        changes |= {
            "command": _rooted(bad.command, bad.code.root, code.root),
            "entry_point": bad.entry_point,
            "given": bad.given,
            "run_number": bad.run_number,
        }
    else:
        names = {name for where, name in taken if where == "parameters"}
        changes["command"] = _mixed_command(good, bad, names, code.root)
        changes["given"] = of_map("parameters", lambda recipe: recipe.given)
    return msgspec.structs.replace(good, **changes)


def _code(good: Recipe, bad: Recipe) -> list[Swap]:
    one, other = good.code, bad.code
    same = (one.commit, one.patch, one.directory, one.archive) == (
        other.commit,
        other.patch,
        other.directory,
        other.archive,
    )
    if same:
        return []
    before, after = (
        f"{(code.commit or 'no commit')[:10]}{' with changes' if code.patch else ''}"
        for code in (one, other)
    )
    return [Swap(dimension="code", name="code", before=before, after=after)]


def _data(good: Recipe, bad: Recipe) -> list[Swap]:
    one, other = _digests(good.datasets), _digests(bad.datasets)
    return list(_of_maps("data", one, other)) if one and other else []


def _digests(datasets: Sequence[Dataset]) -> dict[str, str]:
    found: dict[str, str] = {}
    for dataset in datasets:
        known = {*found.get(dataset.name, "").split(), dataset.digest}
        found[dataset.name] = " ".join(sorted(known))
    return found


def _mixed_data(good: Recipe, bad: Recipe, names: Collection[str]) -> list[Dataset]:
    kept = [dataset for dataset in good.datasets if dataset.name not in names]
    return kept + [dataset for dataset in bad.datasets if dataset.name in names]


def _call(good: Recipe, bad: Recipe) -> list[Swap]:
    """Params of a project, or words of a command, one by one where they stand side by side."""
    if good.entry_point is not None and good.entry_point == bad.entry_point:
        return _of_maps("parameters", good.given, bad.given, same=_mean_the_same)
    if good.entry_point is None and bad.entry_point is None:
        one = _rooted(good.command, good.code.root, "")
        other = _rooted(bad.command, bad.code.root, "")
        places = _places(one, other)
        if places is not None:
            return [
                Swap(
                    dimension="parameters",
                    name=_word_name(one, place),
                    before=one[place],
                    after=other[place],
                )
                for place in places
            ]
    before, after = (recipe.entry_point or " ".join(recipe.command) for recipe in (good, bad))
    return [Swap(dimension="parameters", name=_CALL, before=before, after=after)]


def _places(one: Sequence[str], other: Sequence[str]) -> list[int] | None:
    """Where two commands of one form have different words; ``None``: their forms differ."""
    if len(one) != len(other):
        return None
    # The first word is the interpreter, which the environment decides.
    places = [place for place in range(1, len(one)) if one[place] != other[place]]
    names = [_word_name(one, place) for place in places]
    same_options = all(
        one[place].partition("=")[0] == other[place].partition("=")[0]
        for place in places
        if one[place].startswith("-") and other[place].startswith("-")
    )
    alike = all(one[place][:1] != "-" or other[place][:1] == "-" for place in places)
    return places if same_options and alike and len(set(names)) == len(names) else None


def _word_name(words: Sequence[str], place: int) -> str:
    """What a word of a command is called: by its option, else by its place."""
    word, before = words[place], words[place - 1]
    if word.startswith("-"):
        return word.partition("=")[0].lstrip("-")
    if before.startswith("--") and "=" not in before:
        return before.lstrip("-")
    if "=" in word:
        return word.partition("=")[0]
    return f"word {place}"


def _mixed_command(good: Recipe, bad: Recipe, names: Collection[str], root: str) -> list[str]:
    words = _rooted(good.command, good.code.root, root)
    if len(good.command) == len(bad.command):
        others = _rooted(bad.command, bad.code.root, root)
        for place in range(1, len(words)):
            if _word_name(good.command, place) in names:
                words[place] = others[place]
    return words


def _rooted(words: Sequence[str], old: str, new: str) -> list[str]:
    """Words whose paths below one working tree are paths below another."""
    if not old or old == new:
        return list(words)
    found = []
    for word in words:
        option, equals, value = word.rpartition("=")
        place = PurePosixPath(value)
        if place.is_absolute() and place.is_relative_to(old):
            # Without a new root, the path within the tree is what there is to compare.
            value = str(PurePosixPath(new, place.relative_to(old)))
        found.append(f"{option}{equals}{value}")
    return found


def _packages(good: Recipe, bad: Recipe) -> list[Swap]:
    if not good.packages or not bad.packages:
        return []
    found = [
        msgspec.structs.replace(swap, family=_family(swap.name))
        for swap in _of_maps("packages", good.packages, bad.packages)
        # Assay itself is always the one that is here.
        if swap.name != _OWN
    ]
    return sorted(
        found, key=lambda swap: (_COMPUTING_FIRST[role_of(swap.name)], swap.family, swap.name)
    )


def _family(package: str) -> str:
    for names, family in _FAMILIES:
        if names.fullmatch(package):
            return family
    return package.partition("-")[0]


def _of_maps(
    dimension: Dimension,
    good: dict[str, str],
    bad: dict[str, str],
    *,
    same: Callable[[str | None, str | None], bool] = lambda one, other: one == other,
) -> list[Swap]:
    return [
        Swap(dimension=dimension, name=name, before=good.get(name), after=bad.get(name))
        for name in sorted(good.keys() | bad.keys())
        if not same(good.get(name), bad.get(name))
    ]


def _mean_the_same(one: str | None, other: str | None) -> bool:
    return meaning(one) == meaning(other)


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    text = " ".join(value.split())
    return text if len(text) <= 60 else text[:57] + "…"
