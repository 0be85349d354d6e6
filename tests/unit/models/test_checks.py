"""Declared checks: a model that keeps them passes, one that breaks them is told where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import flavor_named
from assay.models import checks
from assay.models.checks import Budget, Checks, Monotonic, Range, Symmetric
from assay.models.input_example import Example
from assay.models.saving import Extras, save
from assay.models.verification import verify

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [2.0, 1.0, 0.0]})


class Predictor:
    """A plain formula as a model."""

    def __init__(self, formula: Any) -> None:
        self._formula = formula

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._formula(data)


def outcome(check: Any, formula: Any) -> checks.Outcome:
    (found,) = checks.run(Checks([check]), Predictor(formula), Example(FRAME))
    return found


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (Range(0, 4), lambda f: f.a + f.b, lambda f: f.a * 3),
        (Range(low=0), lambda f: f.a, lambda f: f.a - 1),
        (
            Range(0, 2, output="p"),
            lambda f: pd.DataFrame({"p": f.a, "q": f.a * 9}),
            lambda f: pd.DataFrame({"p": f.a * 9}),
        ),
        (Monotonic("a"), lambda f: f.a * f.a, lambda f: (f.a - 1) ** 2),
        (Monotonic("a", "decreasing"), lambda f: -f.a, lambda f: f.a),
        (Symmetric(("a", "b")), lambda f: f.a * f.b, lambda f: f.a - f.b),
    ],
)
def test_invariants_tell_good_from_bad(check: Any, good: Any, bad: Any) -> None:
    assert outcome(check, good).ok
    found = outcome(check, bad)
    assert not found.ok
    assert found.detail


def test_a_budget_is_a_limit() -> None:
    declared = Checks(budget=Budget(latency_ms=1e-9, memory_mb=10))
    slow, large = checks.run(declared, Predictor(lambda f: f.a), Example(FRAME), memory_mb=11)
    assert (slow.check, slow.ok) == ("latency", False)
    assert (large.check, large.ok) == ("memory", False)


def test_an_input_that_the_example_lacks_is_told() -> None:
    with pytest.raises(InvalidInput, match="'c'"):
        outcome(Monotonic("c"), lambda f: f.a)


def test_checks_are_kept_with_the_model_and_run_when_it_is_verified(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(FRAME, [0.0, 1.0, 2.0])
    extras = Extras(
        input_example=FRAME,
        invariants=[Monotonic("a"), Range(0, 1)],
        budget=Budget(latency_ms=10_000),
        pip_requirements=["scikit-learn"],
    )
    save(model, flavor_named("sklearn"), tmp_path / "m", extras=extras)
    assert checks.read(tmp_path / "m") == Checks(list(extras.invariants), extras.budget)
    found = verify(tmp_path / "m")
    assert not found.ok
    assert [(one.check, one.ok) for one in found.outcomes] == [
        ("digests", True),
        ("load", True),
        ("golden predictions", True),
        ("increasing in a", True),
        ("range of predictions", False),
        ("latency", True),
    ]


def test_invariants_need_an_example(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(FRAME, [0.0, 1.0, 2.0])
    extras = Extras(invariants=[Range(0, 1)], pip_requirements=["scikit-learn"])
    with pytest.raises(InvalidInput, match="input_example"):
        save(model, flavor_named("sklearn"), tmp_path / "m", extras=extras)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / checks.FILE).write_text('{"invariants": [{"type": "magic"}]}')
    with pytest.raises(InvalidModel, match="can't be read"):
        checks.read(tmp_path)


def test_a_model_that_changed_its_mind_does_not_verify(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    from assay.models import digests, golden

    model = LinearRegression().fit(FRAME, [0.0, 1.0, 2.0])
    extras = Extras(input_example=FRAME, pip_requirements=["scikit-learn"])
    save(model, flavor_named("sklearn"), tmp_path / "m", extras=extras)
    golden.write(tmp_path / "m", model.predict(FRAME) + 1)
    assert [one.check for one in verify(tmp_path / "m").outcomes if not one.ok] == ["digests"]
    digests.write(tmp_path / "m")
    (wrong,) = [one for one in verify(tmp_path / "m").outcomes if not one.ok]
    assert wrong.check == "golden predictions"
    assert "output[0]" in wrong.detail
