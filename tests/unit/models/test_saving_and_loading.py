"""A model's folder: written whole or not at all, read back with the same predictions, and refused
when it isn't what it was.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import py_compile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from assay.errors import (
    AlreadyExists,
    ArtifactNotFound,
    Corrupted,
    InvalidInput,
    InvalidModel,
    SignatureMismatch,
    UnknownFlavor,
    UntrustedModel,
)
from assay.flavors.base import flavor_named
from assay.models import digests, golden, trust
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.mlmodel import Model
from assay.models.saving import Extras, save
from assay.models.signatures.infer import infer_signature

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [3.0, 1.0, 0.0, 2.0]})
LABELS = np.array([0, 0, 1, 1])
PINS = ("scikit-learn",)


def classifier() -> LogisticRegression:
    return LogisticRegression().fit(FRAME, LABELS)


def save_sklearn(
    path: Path, model: Any = None, *, extras: Extras | None = None, **options: Any
) -> Model:
    return save(
        classifier() if model is None else model,
        flavor_named("sklearn"),
        path,
        extras=extras or Extras(input_example=FRAME, pip_requirements=PINS),
        options=options,
    )


def edit(folder: Path, **entries: Any) -> None:
    """Change MLmodel as an attacker would, who can make new digests but not our stamp."""
    file = folder / "MLmodel"
    facts = yaml.safe_load(file.read_text())
    facts["flavors"]["sklearn"].update(entries)
    file.write_text(yaml.safe_dump(facts))
    (folder / digests.FILE).unlink()


def double(rows: Any) -> Any:
    return rows * 2


class Executed:
    """What runs when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_what_was_saved_predicts_the_same(tmp_path: Path) -> None:
    model = classifier()
    meta = save_sklearn(tmp_path / "m", model)
    assert load_native(tmp_path / "m").predict(FRAME).tolist() == model.predict(FRAME).tolist()
    loaded = load_pyfunc(tmp_path / "m", trust=False)
    assert loaded.predict(FRAME).tolist() == model.predict(FRAME).tolist()
    assert loaded.metadata == meta
    assert golden.replay(tmp_path / "m", loaded) == []
    assert meta.flavors["sklearn"]["serialization_format"] == "skops"
    assert hazards_of(tmp_path / "m") == []


def test_the_signature_comes_from_the_example_unless_it_is_given(tmp_path: Path) -> None:
    meta = save_sklearn(tmp_path / "m")
    assert meta.signature is not None
    assert meta.signature == infer_signature(FRAME, classifier().predict(FRAME))
    none = Extras(input_example=FRAME, signature=False, pip_requirements=PINS)
    assert save_sklearn(tmp_path / "n", extras=none).signature is None


def test_an_example_that_the_signature_refuses_is_a_mistake_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    wrong = Extras(
        input_example=FRAME.rename(columns={"a": "x"}),
        signature=infer_signature(FRAME),
        pip_requirements=PINS,
    )
    with pytest.raises(SignatureMismatch, match="a"):
        save_sklearn(tmp_path / "m", extras=wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_predict_its_example_is_kept_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    extras = Extras(input_example=FRAME[["a"]], pip_requirements=PINS)
    meta = save_sklearn(tmp_path / "m", extras=extras)
    assert meta.signature is None
    assert "can't predict its input example" in caplog.text
    assert load_native(tmp_path / "m").predict(FRAME).shape == (4,)


def test_a_folder_with_something_in_it_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").write_text("x")
    with pytest.raises(AlreadyExists):
        save_sklearn(tmp_path / "m")
    assert (tmp_path / "m" / "mine").read_text() == "x"


def test_what_skops_does_not_know_is_pickled_and_then_needs_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_pipeline(FunctionTransformer(double), StandardScaler()).fit(FRAME)
    model = make_pipeline(FunctionTransformer(double), LinearRegression()).fit(FRAME, LABELS)
    meta = save_sklearn(tmp_path / "m", model)
    assert meta.flavors["sklearn"]["serialization_format"] == "cloudpickle"
    assert load_pyfunc(tmp_path / "m").predict(FRAME).shape == (4,), "made by this user"
    monkeypatch.setenv("ASSAY_ORIGIN_KEY", str(tmp_path / "another user"))
    with pytest.raises(UntrustedModel, match=r"model.pkl is a pickle"):
        load_pyfunc(tmp_path / "m")
    assert load_pyfunc(tmp_path / "m", trust=True).predict(FRAME).shape == (4,)


def test_trust_withheld_holds_for_ones_own_pickles_too(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m", serialization_format="pickle")
    with pytest.raises(UntrustedModel):
        load_native(tmp_path / "m", trust=False)


def test_a_listed_origin_is_trusted_and_its_neighbour_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sklearn(tmp_path / "m", serialization_format="joblib")
    monkeypatch.setenv("ASSAY_ORIGIN_KEY", str(tmp_path / "another user"))
    monkeypatch.setenv("ASSAY_TRUSTED_ORIGINS", "s3://team/models, https://models.example")
    assert load_native(tmp_path / "m", origin="s3://team/models/a") is not None
    for origin in ("s3://team/models2/a", "s3://team", "https://models.example.evil/a", None):
        with pytest.raises(UntrustedModel):
            load_native(tmp_path / "m", origin=origin)


def test_a_hostile_pickle_is_named_and_not_run(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m", serialization_format="pickle")
    marker = tmp_path / "ran"
    (tmp_path / "m" / "model.pkl").write_bytes(pickle.dumps(Executed(marker)))
    with pytest.raises(Corrupted, match=r"model.pkl was altered"):
        load_native(tmp_path / "m", trust=True)
    (tmp_path / "m" / digests.FILE).unlink()
    with pytest.raises(UntrustedModel, match="mkdir"):
        load_native(tmp_path / "m")
    assert not marker.exists()


def test_a_scan_names_what_pickles_call_under_any_name_and_reads_no_text(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m", serialization_format="pickle")
    (tmp_path / "m" / "notes").write_bytes(pickle.dumps(Executed(tmp_path / "ran")))
    (tmp_path / "m" / "empty.pkl").write_bytes(b"")
    (tmp_path / "m" / "cut.pkl").write_bytes(b"\x80\x04")
    found = trust.scan(tmp_path / "m")
    assert ("notes", "dangerous") in {(one.file, one.severity) for one in found}
    assert {one.file for one in found} <= {"notes", "model.pkl", "cut.pkl"}
    assert not (tmp_path / "ran").exists()


def test_a_pickle_that_calls_itself_skops_is_not_run(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    marker = tmp_path / "ran"
    (tmp_path / "m" / "model.skops").write_bytes(pickle.dumps(Executed(marker)))
    (tmp_path / "m" / digests.FILE).unlink()
    with pytest.raises(InvalidModel, match="can't be read as skops"):
        load_native(tmp_path / "m")
    assert not marker.exists()


def test_a_skops_file_that_brings_its_own_list_of_types_needs_trust(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    edit(tmp_path / "m", skops_trusted_types=["os.system"])
    with pytest.raises(UntrustedModel, match=r"os\.system"):
        load_native(tmp_path / "m")


def test_altered_missing_and_added_files_are_named(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    (tmp_path / "m" / "requirements.txt").write_text("evil\n")
    (tmp_path / "m" / "golden.json").unlink()
    (tmp_path / "m" / "extra.py").write_text("")
    with pytest.raises(Corrupted) as caught:
        load_pyfunc(tmp_path / "m")
    for part in ("requirements.txt was altered", "golden.json is missing", "extra.py was added"):
        assert part in caught.value.message


def test_a_truncated_model_file_is_one_clear_error(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    file = tmp_path / "m" / "model.skops"
    file.write_bytes(file.read_bytes()[:100])
    (tmp_path / "m" / digests.FILE).unlink()
    with pytest.raises(InvalidModel, match="can't be read as skops"):
        load_native(tmp_path / "m")


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../secret", "..%2fsecret", "", 5, None, "no such"]
)
def test_a_path_that_leaves_the_folder_or_is_none_is_refused(tmp_path: Path, path: Any) -> None:
    (tmp_path / "secret").write_text("x")
    save_sklearn(tmp_path / "m")
    edit(tmp_path / "m", pickled_model=path)
    with pytest.raises(InvalidModel):
        load_native(tmp_path / "m")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    (tmp_path / "outside.skops").write_bytes((tmp_path / "m" / "model.skops").read_bytes())
    (tmp_path / "m" / "model.skops").unlink()
    (tmp_path / "m" / "model.skops").symlink_to(tmp_path / "outside.skops")
    with pytest.raises(InvalidModel, match="by a link"):
        load_native(tmp_path / "m")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no entries"),
        (b"[]", "no entries"),
        (b"a: [", "no YAML"),
        (b"\xff\xfe\x00", "no YAML"),
        (b"flavors: 5", "malformed"),
        (b'flavors: {}\nsignature: {inputs: \'[{"type": "colour"}]\'}', "malformed"),
        (b"!!python/object/apply:os.mkdir ['/tmp/never']", "no YAML"),
        (b"x: " + b"[" * 5000, "no YAML"),
    ],
)
def test_an_mlmodel_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, text: bytes, why: str
) -> None:
    (tmp_path / "MLmodel").write_bytes(text)
    with pytest.raises(InvalidModel, match=why):
        load_pyfunc(tmp_path)


def test_newer_formats_say_that_an_update_is_needed(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    file = tmp_path / "m" / digests.FILE
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(InvalidModel, match="update Assay"):
        load_native(tmp_path / "m")


def test_an_unknown_flavor_is_told_with_those_that_are_known(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    with pytest.raises(UnknownFlavor, match="sklearn"):
        load_native(tmp_path / "m", "pytorch")
    file = tmp_path / "m" / "MLmodel"
    file.write_text(file.read_text().replace("mlflow.sklearn", "mlflow.langchain"))
    (tmp_path / "m" / digests.FILE).unlink()
    with pytest.raises(UnknownFlavor, match="langchain"):
        load_pyfunc(tmp_path / "m")


def test_a_loader_module_of_others_is_code(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    file = tmp_path / "m" / "MLmodel"
    file.write_text(file.read_text().replace("mlflow.sklearn", "antigravity"))
    (tmp_path / "m" / digests.FILE).unlink()
    with pytest.raises(UntrustedModel, match="antigravity"):
        load_pyfunc(tmp_path / "m")


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFound):
        load_pyfunc(tmp_path)


def test_code_paths_come_along_and_are_code(tmp_path: Path) -> None:
    package = tmp_path / "src" / "helper_of_model"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def triple(rows):\n    return rows * 3\n")
    extras = Extras(code_paths=[package], pip_requirements=PINS)
    save_sklearn(tmp_path / "m", extras=extras)
    with pytest.raises(UntrustedModel, match="holds code"):
        load_native(tmp_path / "m", trust=False)
    load_native(tmp_path / "m")
    import helper_of_model  # type: ignore[import-not-found]

    assert Path(helper_of_model.__file__).is_relative_to(tmp_path / "m")


def plant(source: Path, marker: Path) -> None:
    """Put a compiled file beside ``source`` that Python takes without a look at the source."""
    evil = marker.with_suffix(".py")
    evil.write_text(f"import os; os.mkdir({str(marker)!r})")
    py_compile.compile(
        str(evil),
        cfile=importlib.util.cache_from_source(str(source)),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def test_compiled_files_that_were_slipped_beside_code_are_not_run(tmp_path: Path) -> None:
    package = tmp_path / "src" / "helper_with_cache"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("VALUE = 1\n")
    save_sklearn(tmp_path / "m", extras=Extras(code_paths=[package], pip_requirements=PINS))
    plant(tmp_path / "m" / "code" / "helper_with_cache" / "__init__.py", tmp_path / "ran")
    load_native(tmp_path / "m")
    import helper_with_cache  # type: ignore[import-not-found]

    assert helper_with_cache.VALUE == 1
    assert not (tmp_path / "ran").exists()


def test_a_linked_folder_is_no_part_of_a_model(tmp_path: Path) -> None:
    save_sklearn(tmp_path / "m")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "m" / "code").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Corrupted, match="code is a link to a folder"):
        load_native(tmp_path / "m", trust=True)


def test_a_compiled_file_beside_a_model_that_is_a_file_is_not_run(tmp_path: Path) -> None:
    script = tmp_path / "net.py"
    script.write_text("import assay.models\nassay.models.set_model(lambda rows: rows)\n")
    extras = Extras(pip_requirements=["cloudpickle"])
    save(script, flavor_named("python_function"), tmp_path / "m", extras=extras)
    plant(tmp_path / "m" / "net.py", tmp_path / "ran")
    assert load_pyfunc(tmp_path / "m").predict([1]) == [1]
    assert not (tmp_path / "ran").exists()


def test_the_predict_method_can_be_chosen(tmp_path: Path) -> None:
    model = classifier()
    save_sklearn(tmp_path / "m", model, pyfunc_predict_fn="predict_proba")
    got = load_pyfunc(tmp_path / "m").predict(FRAME)
    assert np.allclose(got, model.predict_proba(FRAME))
    with pytest.raises(InvalidInput, match="pyfunc_predict_fn"):
        save_sklearn(tmp_path / "n", model, pyfunc_predict_fn="__class__")


def test_options_that_a_flavor_does_not_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'compress'"):
        save_sklearn(tmp_path / "m", compress=True)


def test_the_card_tells_facts_and_escapes_what_users_wrote(tmp_path: Path) -> None:
    extras = Extras(
        input_example=FRAME,
        pip_requirements=PINS,
        metadata={"note": "<script>|"},
        model_card="Tells *late* payers.",
    )
    save_sklearn(tmp_path / "m", extras=extras)
    card = (tmp_path / "m" / "MODEL_CARD.md").read_text()
    assert "Tells *late* payers." in card
    assert "<script>" not in card
    assert "&lt;script&gt;\\|" in card
    assert "scikit-learn" in card
