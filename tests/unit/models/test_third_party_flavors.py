"""Flavors of other packages: found by their entry point, and as good as those that are built in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import InvalidInput, UnknownFlavor
from assay.flavors.base import flavor_named, flavor_names
from assay.models.loading import load_native, load_pyfunc
from assay.models.saving import Extras, save

MODULE = """
import json

from assay.flavors.base import FOREIGN_LOADER, Flavor, Saved
from assay.models.folder import inside


class Constant:
    def __init__(self, value):
        self.value = value

    def predict(self, data, params=None):
        return [self.value] * len(data)


class ConstantFlavor(Flavor):
    name = "constant"
    title = "Constant"
    packages = ("constant-models",)
    loader_module = FOREIGN_LOADER

    def save(self, model, folder, **options):
        (folder / "constant.json").write_text(json.dumps(model.value))
        return Saved({"file": "constant.json"}, {})

    def load(self, folder, facts, **options):
        return Constant(json.loads(inside(folder, facts["file"]).read_text()))

    def hazards(self, folder, facts):
        return []

    def predictor(self, model, facts):
        return model
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that registers two flavors, one of which is none."""
    site = tmp_path / "site"
    info = site / "constant_models-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "constant_models.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: constant-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[assay.flavor]\n"
        "constant = constant_models:ConstantFlavor\n"
        "broken = constant_models:Constant\n"
    )
    monkeypatch.syspath_prepend(str(site))
    flavor_named.cache_clear()
    yield site
    sys.modules.pop("constant_models", None)
    flavor_named.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_registered_flavor_saves_loads_and_predicts(tmp_path: Path) -> None:
    flavor = flavor_named("constant")
    import constant_models  # type: ignore[import-not-found]

    model = constant_models.Constant(7)
    assert flavor.accepts(model)
    extras = Extras(input_example=[1, 2], pip_requirements=["constant-models"])
    save(model, flavor, tmp_path / "m", extras=extras)
    assert load_native(tmp_path / "m", trust=False).value == 7
    assert load_pyfunc(tmp_path / "m", trust=False).predict([1, 2, 3]) == [7, 7, 7]
    assert "constant" in flavor_names()


@pytest.mark.usefixtures("installed")
def test_an_entry_point_that_is_no_flavor_is_told() -> None:
    with pytest.raises(InvalidInput, match="is no assay Flavor"):
        flavor_named("broken")


def test_without_the_package_the_flavor_is_unknown() -> None:
    with pytest.raises(UnknownFlavor, match="constant"):
        flavor_named("constant")
