"""Which end-to-end tests may run side by side, where several processes share them."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep files together, whose tests share servers, and all that takes Podman: two of them wait
    for each other's locks.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            takes_podman = "podman" in getattr(item, "fixturenames", ())
            group = "podman" if takes_podman else item.path.stem
            item.add_marker(pytest.mark.xdist_group(group))
