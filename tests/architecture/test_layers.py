"""The layer rule: a module imports from lines below its own or from its own room, nowhere else.

The imports are read from the source, those inside functions and under ``TYPE_CHECKING`` included.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "assay"

LINES: list[list[str]] = [
    ["cli"],
    ["server", "serving", "deployments", "importers", "faces", "testing"],
    ["reproduction", "sweeps"],
    ["autolog", "integrations", "projects"],
    ["registry", "comparison"],
    ["fluent", "archive", "containers"],
    ["client", "models", "context", "data", "evaluation"],
    ["store.sql", "store.rest", "artifacts", "http"],
    ["store.base", "artifacts.base"],
    ["metrics", "search", "policies", "webhooks"],
    ["entities"],
    ["errors"],
]
"""Top to bottom; rooms on one line don't know each other."""

ROOM_OF: dict[str, str] = {
    "assay.store": "store.base",
    "assay.store.uri": "store.base",
    "assay.store.base": "store.base",
    "assay.store.query": "store.base",
    "assay.store.jobs": "store.base",
    "assay.store.importing": "store.base",
    "assay.store.run_views": "store.base",
    "assay.store.registry": "store.base",
    "assay.store.user": "store.base",
    "assay.artifacts.base": "artifacts.base",
    "assay.artifacts.digests": "artifacts.base",
    "assay.errors": "errors",
    "assay.version": "errors",
    "assay.__main__": "cli",
    "assay.flavors": "models",
    # The front of the room: it loads names lazily, some of them from above.
    "assay.models": "faces",
}
"""Modules whose room is not simply their folder."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    "sqlalchemy": ("store.sql",),
    "alembic": ("store.sql",),
    "psycopg": ("store.sql",),
    "starlette": ("server", "serving"),
    "uvicorn": ("server", "serving", "http"),
    "obstore": ("artifacts",),
    "click": ("cli",),
}
"""Third-party packages that one room hides from the others."""

MAX_LINES = 600


def modules() -> list[str]:
    return sorted(_name(path) for path in SOURCE.rglob("*.py"))


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(module: str) -> Path:
    base = SOURCE.parent.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@cache
def room(module: str) -> str:
    if module in ROOM_OF:
        return ROOM_OF[module]
    parts = module.split(".")[1:]
    if len(parts) >= 2 and parts[0] == "store" and parts[1] in ("sql", "rest"):
        return f"store.{parts[1]}"
    known = {name for line in LINES for name in line}
    if parts and parts[0] == "flavors":
        return "models"
    return parts[0] if parts and parts[0] in known else "faces"


def line(of: str) -> int:
    return next(i for i, rooms in enumerate(LINES) if of in rooms)


@cache
def imports(module: str) -> frozenset[str]:
    """Absolute names of the modules that this one imports, its own package's submodules
    resolved.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(_path(module).read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide where they point"
            assert node.module
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(
                    full if full.startswith("assay.") and _path(full).exists() else node.module
                )
    return frozenset(found)


@pytest.mark.parametrize("module", modules())
def test_module_imports_only_from_below_or_its_own_room(module: str) -> None:
    own = room(module)

    upward = {
        target
        for target in imports(module)
        if target.split(".")[0] == "assay"
        and room(target) != own
        and line(room(target)) <= line(own)
    }

    assert not upward, f"{module} (room {own}) may not import {sorted(upward)}"


@pytest.mark.parametrize("module", modules())
def test_third_party_package_stays_in_the_room_that_hides_it(module: str) -> None:
    own = room(module)

    strangers = {
        target for target in imports(module) if own not in ONLY_IN.get(target.split(".")[0], (own,))
    }

    assert not strangers, f"{module} (room {own}) may not import {sorted(strangers)}"


def test_no_import_cycle_between_modules() -> None:
    known = set(modules())
    graph = {m: (imports(m) & known) - {m} for m in known}
    state: dict[str, int] = {}
    trail: list[str] = []

    def visit(module: str) -> None:
        state[module] = 1
        trail.append(module)
        for target in sorted(graph[module]):
            cycle = trail[trail.index(target) :] if state.get(target) == 1 else []
            assert not cycle, " -> ".join([*cycle, target])
            if target not in state:
                visit(target)
        trail.pop()
        state[module] = 2

    sys.setrecursionlimit(10_000)
    for module in sorted(graph):
        if module not in state:
            visit(module)


@pytest.mark.parametrize("module", modules())
def test_module_says_what_it_is_for_and_stays_small(module: str) -> None:
    text = _path(module).read_text()
    generated = ".migrations.versions" in module

    assert ast.get_docstring(ast.parse(text)), f"{module} has no docstring"
    assert generated or text.count("\n") <= MAX_LINES, f"{module} has over {MAX_LINES} lines"
