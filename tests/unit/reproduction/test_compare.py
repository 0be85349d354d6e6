"""Two runs' results set against each other."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from assay.models import golden
from assay.reproduction.compare import Side, compare
from assay.reproduction.report import Finding, Tolerance, verdict_of
from assay.reproduction.results import FileFacts, ModelFacts, Results, Series

EXACT = Tolerance()


def series(*values: float, steps: list[int] | None = None) -> Series:
    where = list(range(len(values))) if steps is None else steps
    return Series(np.array(where, "<i8").tobytes(), np.array(values, "<f8").tobytes())


def side(
    files: dict[str, bytes] | None = None,
    *,
    metrics: dict[str, Series] | None = None,
    params: dict[str, str] | None = None,
    models: dict[str, ModelFacts] | None = None,
) -> Side:
    import hashlib

    contents = files or {}
    facts = {
        name: FileFacts(len(content), hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    }
    results = Results(
        metrics=metrics or {}, params=params or {}, models=models or {}, artifacts=facts
    )
    return Side(results, contents.get)


def one(before: Side, after: Side, tolerance: Tolerance = EXACT) -> Finding:
    (found,) = compare(before, after, tolerance=tolerance)
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (series(1.0, 2.0), series(1.0, 2.0)),
        (series(math.nan, math.inf), series(-math.nan, math.inf)),
        (series(0.0), series(-0.0)),
        (series(), series()),
    ],
)
def test_equal_values_are_identical(before: Series, after: Series) -> None:
    assert one(side(metrics={"m": before}), side(metrics={"m": after})).verdict == "identical"


def test_last_digit_is_different_unless_the_tolerance_covers_it() -> None:
    before, after = (
        side(metrics={"m": series(1.0, 2.0)}),
        side(metrics={"m": series(1.0, np.nextafter(2.0, 3.0))}),
    )
    exact = one(before, after)
    assert exact.verdict == "different"
    assert exact.detail.startswith("from step 1 on: 2 instead of 2; 1 of 2 values differ")
    assert one(before, after, Tolerance(1e-12)).verdict == "within tolerance"
    assert one(before, after, Tolerance(0, 1e-12)).verdict == "within tolerance"


@pytest.mark.parametrize(
    ("after", "detail"),
    [
        (series(1.0), "1 points instead of 2"),
        (series(1.0, 2.0, steps=[0, 5]), "point 2 is at step 5 instead of 1"),
        (series(1.0, math.nan), "from step 1 on: nan instead of 2"),
    ],
)
def test_other_points_are_different_whatever_the_tolerance(after: Series, detail: str) -> None:
    found = one(side(metrics={"m": series(1.0, 2.0)}), side(metrics={"m": after}), Tolerance(1, 1))
    assert found.verdict == "different"
    assert found.detail.startswith(detail)


def test_missing_and_new_things_are_different_and_ignored_ones_are_left_out() -> None:
    before = side({"a.txt": b"x"}, params={"lr": "0.1"}, metrics={"time/epoch": series(1.0)})
    after = side({"b.txt": b"x"}, params={"lr": "0.2"}, metrics={"time/epoch": series(2.0)})
    found = compare(before, after, tolerance=EXACT, ignore=["time/*"])
    assert [(it.name, it.verdict) for it in found] == [
        ("a.txt", "different"),
        ("b.txt", "different"),
        ("lr", "different"),
    ]
    assert verdict_of(found) == "different"
    assert verdict_of([]) == "identical"


def _png(**notes: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in notes.items():
        info.add_text(key, value)
    target = io.BytesIO()
    Image.new("RGB", (3, 3), (1, 2, 3)).save(target, "PNG", pnginfo=info)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "before", "after", "verdict"),
    [
        ("a.json", b'{"a": 1, "b": 2}', b'{"b":2,"a":1}', "identical"),
        ("a.json", b'{"a": 1}', b'{"a": 2}', "different"),
        ("a.json", b"{", b"{ ", "different"),
        ("a.csv", b"a,b\r\n1,2\r\n", b'a,b\n1,"2"\n', "identical"),
        ("a.csv", b"a\n1\n", b"a\n2\n", "different"),
        ("a.png", _png(Date="1"), _png(Date="2"), "identical"),
        ("a.png", _png(), b"\x89PNG broken", "different"),
        ("a.pkl", b"1", b"2", "different"),
    ],
)
def test_files_of_some_formats_are_compared_by_content(
    name: str, before: bytes, after: bytes, verdict: str
) -> None:
    assert one(side({name: before}), side({name: after})).verdict == verdict


def _model(*predictions: float) -> ModelFacts:
    output = golden.encode(np.array(predictions))
    return ModelFacts({"model.bin": str(predictions)}, msgspec.json.encode(golden.Golden(output)))


def test_models_are_compared_by_what_they_predict() -> None:
    before = side(models={"m": _model(0.5, 0.25)})
    same = side(models={"m": msgspec.structs.replace(_model(0.5, 0.25), files={})})
    near = side(models={"m": _model(0.5, 0.2500001)})
    assert one(before, same).verdict == "identical"
    # Exactly, and not within what loading a model allows for.
    assert one(before, near).verdict == "different"
    assert "[1]" in one(before, near).detail
    assert one(before, near, Tolerance(1e-3)).verdict == "within tolerance"


def test_model_without_an_example_is_compared_by_its_files_or_not_at_all() -> None:
    plain = ModelFacts({"model.bin": "1"})
    before = side(models={"m": plain})
    assert one(before, side(models={"m": plain})).verdict == "identical"
    other = one(before, side(models={"m": ModelFacts({"model.bin": "2"})}))
    assert other.verdict == "not compared"
    assert "input_example" in other.detail
    assert verdict_of([other]) == "identical"


def test_predictions_that_can_not_be_read_are_different(tmp_path: Path) -> None:
    bad = ModelFacts({}, json.dumps({"output": {"$array": {}}}).encode())
    found = one(side(models={"m": _model(1.0)}), side(models={"m": bad}))
    assert found.verdict == "different"
