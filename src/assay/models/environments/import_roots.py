"""Which of the distributions that a model loaded it needs: a decision over a probe's report.

Libraries try to import many things that they don't need (joblib imports psutil where it is
installed), so being loaded isn't enough. Needed is what can be reached from roots, through
requirements that distributions declare, and was loaded. Roots are the packages of the model's
flavors, what the user's code imported, the types that were named by the files of the model, and
those of its predictions.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Final

import msgspec

from assay.models.environments.import_report import Edge, Report
from assay.models.environments.packages import Distribution, Distributions, pin
from assay.models.environments.requires_dist import needed, parse

_READERS: Final = (
    "_pickle",
    "pickle",
    "copyreg",
    "pydoc",
    "cloudpickle",
    "dill",
    "joblib.numpy_pickle",
    "joblib.numpy_pickle_compat",
    "skops.io",
    "torch.serialization",
    "torch._weights_only_unpickler",
    "torch.package",
    "keras.src.saving",
    "catalogue",
    "spacy.util",
)
"""Modules whose functions import what a model's files name: classes inside pickles and the like."""
_BRANCHES: Final = ("transformers.models",)
"""Packages whose modules are loaded only for models of their kind: what they import is needed,
though the library declares it as an extra at most."""
_BACKENDS: Final = frozenset({"tensorflow", "torch", "jax"})
"""Keras needs one of them, declares none, and imports the one in use below this name of its own."""
_LOADERS: Final = ("assay.models", "assay.flavors")
_OF_LOADERS: Final = frozenset({"assay", "msgspec", "pyyaml"})
"""What loads models, rather than what models need."""
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_ONLY_BY_USERS: Final = frozenset({"assay", "pip", "setuptools"})


class Found(msgspec.Struct, frozen=True):
    """What a model needs."""

    pins: list[str]
    """Exact requirements, sorted."""
    local_modules: list[str]
    """Top-level names of modules that no distribution brought: the user's own code."""
    by_value: bool
    """Whether functions or classes came inside the model's files."""

    @property
    def has_user_code(self) -> bool:
        """Whether code of the user's own took part; it may change where no version tells."""
        return bool(self.local_modules) or self.by_value


def required(report: Report, index: Distributions) -> Found:
    """Decide over what the probe saw, with the distributions of the same interpreter."""
    return _Decision(report, index).found()


class _Decision:
    def __init__(self, report: Report, index: Distributions) -> None:
        self._report, self._index = report, index
        self._by_module = self._owners()
        self._loaded = {owner.name: owner for owner in self._by_module.values() if owner}
        self._needed: dict[str, set[str]] = {}

    def _owners(self) -> dict[str, Distribution | None]:
        """Each loaded module with what brought it; parents come before their submodules."""
        found: dict[str, Distribution | None] = {}
        for name, file in sorted(self._report.files.items()):
            if _is_standard(name) or _is_standard_file(file):
                continue
            parent = name.rpartition(".")[0]
            if not _is_path(file):
                # Made at run time (six.moves, torch.ops): it comes from where its package does.
                known = found.get(parent)
                found[name] = known or self._index.providing(name)
            else:
                found[name] = self._index.providing(name, file)
        return found

    def found(self) -> Found:
        self._add_flavor_packages()
        self._add_roots()
        self._follow()
        pins = [
            pin(owner, extras=extras)
            for name, extras in sorted(self._needed.items())
            if (owner := self._index.get(name)) is not None
        ]
        return Found(pins, sorted(self._local()), self._by_value())

    def _add_flavor_packages(self) -> None:
        wanted = [found for text in self._report.packages if (found := parse(text)) is not None]
        owners = [(self._installed(one.name), one.extras) for one in wanted]
        present = [(owner, extras) for owner, extras in owners if owner is not None]
        loaded = [pair for pair in present if pair[0].name in self._loaded]
        for owner, extras in loaded or present[:1]:
            self._add(owner, extras)

    def _installed(self, name: str) -> Distribution | None:
        # xgboost may be installed as xgboost-cpu: what brings the module of that name counts.
        module = name.replace("-", "_")
        return self._index.get(name) or self._by_module.get(module)

    def _add_roots(self) -> None:
        for edge in self._report.edges:
            user = self._is_user(edge)
            if not user and not _counts(edge):
                continue
            owner = self._owner(edge.imported)
            if owner is None or (not user and owner.name in _OF_LOADERS):
                continue
            if user or owner.name not in _ONLY_BY_USERS:
                self._add(owner)

        for module in self._report.outputs:
            # torch.Tensor.numpy() takes a package that torch doesn't declare.
            if (owner := self._owner(module)) is not None:
                self._add(owner)

    def _owner(self, module: str) -> Distribution | None:
        name = module
        while name:
            owner = self._by_module.get(name)
            if owner is not None:
                return owner
            name = name.rpartition(".")[0]
        return None

    def _is_user(self, edge: Edge) -> bool:
        if _is_standard(edge.importer):
            return edge.importer == "__main__"
        if edge.importer.partition(".")[0] == "assay":
            return False
        # A module whose import failed isn't among the loaded ones.
        file = self._report.files.get(edge.importer, edge.file)
        owner = self._by_module.get(edge.importer) or self._index.providing(edge.importer, file)
        if owner is None:
            return _is_path(file) or edge.importer not in self._report.files
        # The sources of an editable install are the user's code too.
        return _is_path(file) and not str(file).startswith(owner.site + os.sep)

    def _local(self) -> set[str]:
        return {
            name.partition(".")[0]
            for name, owner in self._by_module.items()
            if owner is None and _is_path(self._report.files[name])
        }

    def _by_value(self) -> bool:
        return any(
            self._is_user(edge) and edge.importer not in self._by_module
            for edge in self._report.edges
        )

    def _add(self, owner: Distribution, extras: tuple[str, ...] = ()) -> None:
        self._needed.setdefault(owner.name, set()).update(extras)

    def _follow(self) -> None:
        followed: set[tuple[str, frozenset[str]]] = set()
        waiting = sorted(self._needed)
        while waiting:
            name = waiting.pop()
            extras = frozenset(self._needed[name])
            owner = self._index.get(name)
            if owner is None or (name, extras) in followed:
                continue
            followed.add((name, extras))
            for requirement in owner.requires():
                loaded = requirement.name in self._loaded
                if not loaded or requirement.name in _ONLY_BY_USERS:
                    continue
                if needed(requirement, extras):
                    self._needed.setdefault(requirement.name, set()).update(requirement.extras)
                    waiting.append(requirement.name)


def _is_standard(module: str) -> bool:
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in ("__main__", "__mp_main__")


def _is_standard_file(file: str | None) -> bool:
    # _sysconfigdata_… and the like have names of the platform.
    if file is None or not file.startswith(_STDLIB):
        return False
    return not file[len(_STDLIB) :].startswith(("site-packages", "dist-packages"))


def _is_path(file: str | None) -> bool:
    return file is not None and file.startswith(os.sep)


def _counts(edge: Edge) -> bool:
    """Whether an import by a library stands for a need of the model."""
    top = edge.imported.partition(".")[0]
    if top in _BACKENDS and _below(edge.importer, (f"keras.src.backend.{top}",)):
        return True
    if edge.dynamic and _below(edge.importer, _READERS):
        return True
    return _below(edge.importer, (*_LOADERS, *_BRANCHES))


def _below(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in packages)
