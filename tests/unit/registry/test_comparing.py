"""Comparing versions: everything that differs, and what couldn't be looked at."""

from __future__ import annotations

import math
import shutil

import pytest

from assay.errors import ModelVersionNotFound
from assay.registry.comparing import compare
from tests.unit.registry.conftest import FRAME, LABELS, Registry


def test_differences_are_told_by_part(registry: Registry) -> None:
    registry.register(acc=0.5, same=1.0, params={"lr": "0.1", "seed": "1"})
    registry.register(
        acc=0.7,
        same=1.0,
        params={"lr": "0.2", "seed": "1", "depth": "3"},
        labels=1 - LABELS,
        extras={"input_example": FRAME.assign(b=1)},
    )
    registry.client.set_model_version_tag("digits", 2, "team", "vision")

    found = compare("digits", 1, 2)

    assert (found.a, found.b) == ("models:/digits/1", "models:/digits/2")
    assert [(one.name, one.before, one.after) for one in found.metrics] == [("acc", 0.5, 0.7)]
    assert [(one.name, one.before, one.after) for one in found.params] == [
        ("depth", None, "3"),
        ("lr", "0.1", "0.2"),
    ]
    assert [(one.name, one.after) for one in found.tags] == [("team", "vision")]
    assert [one.name for one in found.signature] == ["inputs"]
    assert "MLmodel" in {one.name for one in found.files}
    assert found.environment == []
    assert found.notes == []
    assert found.to_dict()["metrics"] == [{"name": "acc", "before": 0.5, "after": 0.7}]


def test_version_does_not_differ_from_itself(registry: Registry) -> None:
    registry.register(acc=math.nan)

    found = compare("digits", 1, 1)

    assert not any(
        (found.metrics, found.params, found.tags, found.signature, found.environment, found.files)
    )


def test_versions_of_two_models_are_compared(registry: Registry) -> None:
    registry.register(acc=0.5)
    registry.register("others", acc=0.6)

    found = compare("digits", 1, 1, other_name="others")

    assert found.b == "models:/others/1"
    assert len(found.metrics) == 1


def test_missing_files_are_a_note_and_the_rest_is_compared(registry: Registry) -> None:
    registry.register(acc=0.5)
    second = registry.register(acc=0.6)
    shutil.rmtree(registry.files(second))

    found = compare("digits", 1, 2)

    assert [one.name for one in found.metrics] == ["acc"]
    assert any("models:/digits/2" in note for note in found.notes)


def test_missing_version_is_told(registry: Registry) -> None:
    registry.register()

    with pytest.raises(ModelVersionNotFound):
        compare("digits", 1, 2)
