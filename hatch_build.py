"""The hook of the package's build: the web UI is built with it, by ``web/bundle.py``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "web"))

import bundle as web  # type: ignore[import-not-found, unused-ignore]


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg, unused-ignore]
    """Hatchling's hook: runs before the files are gathered."""

    def _skips(self) -> bool:
        return os.environ.get("ASSAY_SKIP_UI", "0") not in ("", "0") or web.is_current()

    def dependencies(self) -> list[str]:
        """Node as a package, only when something is to be built and the machine has none."""
        return [] if self._skips() or web.node_of_the_machine() else [web.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing or out of date."""
        del version, build_data
        if not self._skips():
            web.build()
