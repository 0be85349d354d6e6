"""Packages of a run, as its ``assay/requirements.txt`` lists them, and how far two versions lie
apart.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final, Literal

import msgspec

Bump = Literal["major", "minor", "patch"]
"""Which part of the version changed; ``patch`` is everything behind the second."""
Role = Literal["computing", "other", "unused", "tool"]
"""``unused``: neither computing nor a tool, and neither run had imported it."""

_PYTHON: Final = re.compile(r"# Python (\S+)")
_PINNED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:==\s*([^\s;#]+)|@\s*(\S+))")
_NAMES: Final = {"beautifulsoup4": "bs4", "attrs": "attr", "protobuf": "google"}
"""Names that resemble their packages' in no word."""
_SEPARATORS: Final = re.compile(r"[-_.]+")
_RELEASE: Final = re.compile(r"(?:\d+!)?(\d+(?:\.\d+)*)")

_COMPUTING: Final = re.compile(
    r"numpy|scipy|pandas|polars(?:-.+)?|pyarrow|scikit-learn|statsmodels|numba|numexpr|pillow"
    r"|opencv-.+|torch(?:vision|audio|data|metrics|text)?|triton|tensorflow(?:-.+)?|keras(?:-.+)?"
    r"|jax(?:lib)?(?:-.+)?|flax|optax|xgboost(?:-.+)?|lightgbm|catboost|transformers|tokenizers"
    r"|sentence-transformers|accelerate|datasets|lightning|pytorch-lightning|fastai|spacy|thinc"
    r"|prophet|pmdarima|cupy(?:-.+)?|nvidia-.+|mkl(?:-.+)?|intel-openmp|onnx(?:runtime.*)?|h2o"
    r"|paddlepaddle(?:-.+)?|imbalanced-learn|gensim|nltk|librosa|albumentations|timm|peft|dask"
)
"""Packages whose arithmetic, random numbers or reading of data go into results."""
_TOOL: Final = re.compile(
    r"pip|setuptools|wheel|uv|build|hatch(?:ling)?|poetry(?:-core)?|twine|virtualenv|tox|nox"
    r"|pytest(?:-.+)?|coverage|hypothesis|mypy(?:-extensions)?|ruff|black|isort|flake8|pylint"
    r"|pre-commit|types-.+|.+-stubs|sphinx(?:-.+)?|mkdocs(?:-.+)?|ipython|ipykernel|jupyter.*"
    r"|notebook|debugpy|pip-tools|pyright"
)
"""Packages that make, test and document programs, and are not part of what they compute."""


class PackageList(msgspec.Struct, frozen=True):
    """What was installed."""

    pins: dict[str, str]
    """Version, or address, by normalized name."""
    python: str = ""
    """``3.11.7``; empty if the list doesn't say."""


def packages_of(requirements: str) -> PackageList:
    """The packages of a requirements file as ``assay.context`` writes it; other lines are left
    out.
    """
    pins: dict[str, str] = {}
    python = ""
    for line in requirements.splitlines():
        named = _PYTHON.match(line)
        if named:
            python = named[1]
            continue
        found = _PINNED.match(line)
        if found:
            pins[_SEPARATORS.sub("-", found[1]).lower()] = found[2] or found[3]
    return PackageList(pins, python)


def bump_of(before: str, after: str) -> Bump:
    """How far two different versions lie apart; addresses and odd versions count as ``minor``."""
    one, other = _release(before), _release(after)
    if one is None or other is None:
        return "minor"
    if one[0] != other[0]:
        return "major"
    return "minor" if one[1:2] != other[1:2] else "patch"


def role_of(name: str, imported: Set[str] | None = None) -> Role:
    """What a package (by its normalized name) has to do with the results of a run.

    ``imported`` are the top-level names that were, if that is known. Nothing tells for sure which
    package a name is of, so one that may be of it counts. Packages that compute are believed to be
    used: compiled libraries among them have no names.
    """
    if _COMPUTING.fullmatch(name):
        return "computing"
    if _TOOL.fullmatch(name):
        return "tool"
    return "other" if imported is None or _may_be_of(name, imported) else "unused"


def _may_be_of(name: str, imported: Set[str]) -> bool:
    words = name.split("-")
    bare = [word.removeprefix("py").removesuffix("py") for word in words]
    whole = "-".join(words)
    asked = {whole, "-".join(bare), *words, *bare, _NAMES.get(whole, "")}
    return not asked.isdisjoint(_SEPARATORS.sub("-", one).lower() for one in imported)


def _release(version: str) -> list[int] | None:
    found = _RELEASE.match(version)
    if found is None:
        return None
    # 2.0 and 2 are one release.
    return ([int(part[:9]) for part in found[1].split(".")] + [0, 0])[:3]
