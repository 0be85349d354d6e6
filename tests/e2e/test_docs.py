"""The Python examples of the README and the guides run, in order, page by page, in an empty
folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.environment import clean_environment
from tests.services.forks import Forks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text())


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    strict = ("-W", "error::DeprecationWarning:__main__")
    libraries = ("numpy", "pandas", "sklearn.linear_model", "assay.pyfunc", "assay.sklearn")
    with Forks(*libraries, options=strict, **clean_environment()) as made:
        yield made


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_python_examples_run(page: Path, forks: Forks, tmp_path: Path) -> None:
    for code in blocks(page):
        done = forks.run(code, folder=tmp_path, environment=clean_environment())
        assert done.returncode == 0, f"{code}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text())

    missing = [target for target in targets if not (page.parent / target).exists()]

    assert not missing
