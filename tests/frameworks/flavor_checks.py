"""The contract of flavors: what every one is held to, with the real framework and real MLflow.

A test file lists its cases and inherits the checks::

    CASES = [Case("classifier", "xgboost", model=classifier, data=frame, argument="xgb_model")]

    @pytest.mark.parametrize("case", CASES, ids=str)
    class TestXgboost(FlavorContract):
        pass
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assay.errors import Corrupted, InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import Flavor, flavor_named
from assay.models import golden
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.mlmodel import Model
from assay.models.saving import Extras, save


def plain_predict(native: Any, data: Any) -> Any:
    """What most frameworks call it."""
    return native.predict(data)


@dataclass(frozen=True)
class Case:
    """One kind of model of a flavor, kept in one way."""

    name: str
    flavor: str
    model: Callable[[], Any]
    """Makes a trained model, or gives the one that it made before."""
    data: Callable[[], Any]
    """A few rows for ``predict`` of the face that all models share."""
    native: Callable[[Any, Any], Any] = plain_predict
    """What the framework's own object answers to ``data``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the flavor's ``save``."""
    runs_code: bool = False
    """Whether loading must ask for trust."""
    mlflow_native: bool = True
    """Whether ``mlflow.<flavor>.load_model`` reads our folder."""
    mlflow_pyfunc: bool = True
    """Whether ``mlflow.pyfunc.load_model`` reads it, through Assay or not."""
    mlflow_saves: bool = True
    """Whether ``mlflow.<flavor>.save_model`` keeps such models."""
    mlflow_options: Mapping[str, Any] | None = None
    """Keyword arguments for that; ``None``: as ``options``."""
    same_as_mlflow: bool = True
    """Whether our answers are to the last value those of MLflow's face."""
    golden: bool = True
    """Whether the answer can be kept and replayed."""
    load_options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of ``load`` of the flavor and of MLflow's ``load_model``."""
    damage: str = ""
    """The file that is cut in half; empty: the largest that the flavor wrote."""

    def __str__(self) -> str:
        return self.name

    def save(self, folder: Path, **extras: Any) -> Model:
        """Write it with the input example and golden predictions."""
        given: dict[str, Any] = {"pip_requirements": ["numpy"], "golden": self.golden}
        if self.golden:
            given["input_example"] = self.data()
        given.update(extras)
        return save(
            self.model(),
            flavor_named(self.flavor),
            folder,
            extras=Extras(**given),
            options=self.options,
        )


def assert_same(got: Any, want: Any) -> None:
    """The same values, as golden predictions are compared."""
    expected = golden.Golden(golden.encode(want))
    assert [str(one) for one in golden.compare(expected, got)] == []


def write_files(case: Case, folder: Path) -> tuple[Flavor, dict[str, Any]]:
    """Only what the flavor itself writes; its facts."""
    folder.mkdir(parents=True, exist_ok=True)
    flavor = flavor_named(case.flavor)
    saved = flavor.save(case.model(), folder, **case.options)
    return flavor, {**(saved.python_function or {}), **saved.facts}


def unsigned(folder: Path) -> Path:
    """The model as a stranger would hand it over who made digests of their own."""
    (folder / "digests.json").unlink(missing_ok=True)
    return folder


class FlavorContract:
    """Checks of every case; a subclass parametrizes ``case``."""

    def test_flavor_knows_its_models_without_importing_the_framework(self, case: Case) -> None:
        assert flavor_named(case.flavor).accepts(case.model())
        assert not flavor_named(case.flavor).accepts({"no": "model"})

    def test_loaded_model_predicts_the_same(self, case: Case, tmp_path: Path) -> None:
        want = case.native(case.model(), case.data())
        case.save(tmp_path / "m")

        native = load_native(tmp_path / "m", trust=case.runs_code, options=case.load_options)

        assert_same(case.native(native, case.data()), want)

    def test_face_of_all_models_predicts_the_same(self, case: Case, tmp_path: Path) -> None:
        flavor, facts = write_files(case, tmp_path / "files")
        want = flavor.predictor(case.model(), facts).predict(case.data())
        case.save(tmp_path / "m")

        loaded = load_pyfunc(tmp_path / "m", trust=case.runs_code)

        assert_same(loaded.predict(case.data()), want)

    def test_golden_predictions_replay_without_difference(self, case: Case, tmp_path: Path) -> None:
        case.save(tmp_path / "m")
        if not case.golden:
            with pytest.raises(InvalidInput, match="golden"):
                golden.replay(tmp_path / "m", load_pyfunc(tmp_path / "m", trust=True))
            return
        assert golden.read(tmp_path / "m") is not None

        loaded = load_pyfunc(tmp_path / "m", trust=case.runs_code)

        assert [str(one) for one in golden.replay(tmp_path / "m", loaded)] == []

    def test_saving_changes_nothing_of_the_model(self, case: Case, tmp_path: Path) -> None:
        want = case.native(case.model(), case.data())

        write_files(case, tmp_path / "files")

        assert_same(case.native(case.model(), case.data()), want)

    def test_mlflow_loads_it_natively_if_it_knows_the_format(
        self, case: Case, tmp_path: Path
    ) -> None:
        case.save(tmp_path / "m")
        if not case.mlflow_native:
            with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it says of an unknown format
                mlflow_module(case).load_model(str(tmp_path / "m"), **case.load_options)
            return

        native = mlflow_module(case).load_model(str(tmp_path / "m"), **case.load_options)

        assert_same(case.native(native, case.data()), case.native(case.model(), case.data()))

    def test_mlflow_loads_it_as_pyfunc_if_it_can(self, case: Case, tmp_path: Path) -> None:
        import mlflow

        case.save(tmp_path / "m")
        if not case.mlflow_pyfunc:
            with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it says of an unknown format
                mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(case.data())
            return
        ours = load_pyfunc(tmp_path / "m", trust=True)

        theirs = mlflow.pyfunc.load_model(str(tmp_path / "m"))

        if case.same_as_mlflow:
            assert_same(ours.predict(case.data()), theirs.predict(case.data()))
        else:
            assert theirs.predict(case.data()) is not None

    def test_model_saved_by_mlflow_loads_if_it_keeps_such(self, case: Case, tmp_path: Path) -> None:
        import mlflow

        options = case.options if case.mlflow_options is None else case.mlflow_options
        if not case.mlflow_saves:
            with pytest.raises(Exception):  # noqa: B017, PT011, PT012 - no module, or it can't read it
                module = mlflow_module(case)
                module.save_model(
                    case.model(), str(tmp_path / "m"), pip_requirements=["numpy"], **options
                )
                module.load_model(str(tmp_path / "m"))
            return
        mlflow_module(case).save_model(
            case.model(), str(tmp_path / "m"), pip_requirements=["numpy"], **options
        )

        native = load_native(tmp_path / "m", trust=True, options=case.load_options)
        face = load_pyfunc(tmp_path / "m", trust=True)

        assert_same(case.native(native, case.data()), case.native(case.model(), case.data()))
        if case.same_as_mlflow:
            theirs = mlflow.pyfunc.load_model(str(tmp_path / "m"))
            assert_same(face.predict(case.data()), theirs.predict(case.data()))

    def test_trust_is_asked_exactly_where_loading_runs_code(
        self, case: Case, tmp_path: Path
    ) -> None:
        case.save(tmp_path / "m")

        assert bool(hazards_of(tmp_path / "m")) is case.runs_code
        for load in (load_native, load_pyfunc):
            if case.runs_code:
                with pytest.raises(UntrustedModel):
                    load(tmp_path / "m", trust=False)
            else:
                load(tmp_path / "m", trust=False)
            assert load(tmp_path / "m", trust=True) is not None

    def test_altered_file_is_refused_by_its_digest(self, case: Case, tmp_path: Path) -> None:
        case.save(tmp_path / "m")
        damage(case, tmp_path / "m")

        with pytest.raises(Corrupted):
            load_native(tmp_path / "m", trust=True)

    def test_damaged_file_is_told_in_our_words(self, case: Case, tmp_path: Path) -> None:
        case.save(tmp_path / "m")
        damage(case, unsigned(tmp_path / "m"))

        with pytest.raises(InvalidModel):
            load_native(tmp_path / "m", trust=True, options=case.load_options)

    def test_missing_file_is_told_in_our_words(self, case: Case, tmp_path: Path) -> None:
        case.save(tmp_path / "m")
        damaged_file(case, unsigned(tmp_path / "m")).unlink()

        with pytest.raises(InvalidModel):
            load_native(tmp_path / "m", trust=True, options=case.load_options)

    def test_unknown_option_is_refused(self, case: Case, tmp_path: Path) -> None:
        flavor = flavor_named(case.flavor)

        with pytest.raises(InvalidInput, match="no_such_option"):
            flavor.save(case.model(), tmp_path, **{**case.options, "no_such_option": 1})


def mlflow_module(case: Case) -> Any:
    """MLflow's module of the flavor."""
    return importlib.import_module(f"mlflow.{case.flavor}")


def damaged_file(case: Case, folder: Path) -> Path:
    """The file of a saved model that ``damage`` cuts."""
    if case.damage:
        return folder / case.damage
    common = {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "digests.json"}
    common |= {"README.md", "MODEL_CARD.md", "golden.json", "checks.json", "environment.json"}
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in common and "input_example" not in path.name
    ]
    return max(files, key=lambda path: path.stat().st_size)


def damage(case: Case, folder: Path) -> None:
    """Cut a file of the model in half, as an interrupted copy does."""
    path = damaged_file(case, folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


_BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from assay.errors import MissingFramework
from assay.models.loading import load_native, load_pyfunc
for load in (load_native, load_pyfunc):
    try:
        load({folder!r}, trust=True)
    except MissingFramework as error:
        print(error)
"""


def told_without(blocked: set[str], folder: Path) -> list[str]:
    """What loading a model says where some packages aren't installed: natively, as pyfunc.

    A process of its own refuses to import them, as an environment without them would.
    """
    script = _BLOCKER.format(blocked=blocked, folder=str(folder))
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
