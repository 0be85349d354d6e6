"""spaCy pipelines: text categories, entities, and what counts as somebody's code."""

from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.environments.requirements import infer_requirements
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.mlmodel import Model
from tests.frameworks.flavor_checks import (
    Case,
    FlavorContract,
    mlflow_module,
    told_without,
    unsigned,
)

spacy = importlib.import_module("spacy")
_TEXTS = ["a good day in Paris", "a bad night in Rome", "good and bad"]
_BAG_OF_WORDS = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "ngram_size": 1,
    "no_output_layer": False,
    "length": 4096,
}
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::UserWarning:spacy",
    "ignore:.*W[0-9]+",
)


@cache
def categorizer() -> Any:
    from spacy.training import Example

    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    parts = nlp.add_pipe("textcat", config={"model": _BAG_OF_WORDS})
    for label in ("GOOD", "BAD"):
        parts.add_label(label)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"GOOD": good, "BAD": 1.0 - good}})
        for text, good in (("a good day", 1.0), ("a bad day", 0.0))
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    return nlp


@cache
def recognizer() -> Any:
    from spacy.training import Example

    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("PLACE")
    example = Example.from_dict(nlp.make_doc("in Paris now"), {"entities": [(3, 8, "PLACE")]})
    optimizer = nlp.initialize(lambda: [example])
    for _ in range(15):
        nlp.update([example], sgd=optimizer)
    return nlp


@cache
def ruled() -> Any:
    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PLACE", "pattern": "Paris"}])
    return nlp


def texts() -> pd.DataFrame:
    return pd.DataFrame({"text": _TEXTS})


def cats(nlp: Any, data: pd.DataFrame) -> list[dict[str, float]]:
    return [nlp(text).cats for text in data["text"]]


def entities(nlp: Any, data: pd.DataFrame) -> list[list[str]]:
    return [[str(one) for one in nlp(text).ents] for text in data["text"]]


CASES = [
    Case("categories", "spacy", categorizer, texts, cats, damage="model.spacy/textcat/model"),
    Case(
        "entities",
        "spacy",
        recognizer,
        texts,
        entities,
        mlflow_saves=False,
        damage="model.spacy/ner/model",
    ),
    Case(
        "rules",
        "spacy",
        ruled,
        texts,
        entities,
        mlflow_saves=False,
        damage="model.spacy/config.cfg",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestSpacy(FlavorContract):
    def test_model_saved_by_mlflow_loads_if_it_keeps_such(self, case: Case, tmp_path: Path) -> None:
        if case.mlflow_saves:
            super().test_model_saved_by_mlflow_loads_if_it_keeps_such(case, tmp_path)
            return
        # MLflow gives pipelines without categories no face, and keeps them all the same.
        mlflow_module(case).save_model(case.model(), str(tmp_path / "m"), pip_requirements=["x"])

        nlp = load_native(tmp_path / "m", trust=False)

        assert case.native(nlp, case.data()) == case.native(case.model(), case.data())


def test_predictions_are_categories_of_each_text(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")

    frame = load_pyfunc(tmp_path / "m").predict(texts())

    assert list(frame.columns) == ["predictions"]
    assert [set(one) for one in frame["predictions"]] == [{"GOOD", "BAD"}] * 3


def test_predictions_are_entities_with_their_places(tmp_path: Path) -> None:
    CASES[2].save(tmp_path / "m")

    frame = load_pyfunc(tmp_path / "m").predict(texts())

    found = {"text": "Paris", "label": "PLACE", "start": 14, "end": 19}
    assert frame["predictions"].tolist() == [[found], [], []]


def test_pipeline_that_predicts_nothing_is_kept_without_a_face(tmp_path: Path) -> None:
    blank = spacy.blank("en")
    blank.add_pipe("sentencizer")

    saved = flavor_named("spacy").save(blank, tmp_path)

    assert saved.python_function is None


def test_what_is_no_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no spaCy pipeline"):
        flavor_named("spacy").save("en_core_web_sm", tmp_path)


def test_frame_of_two_columns_is_refused() -> None:
    predictor = flavor_named("spacy").predictor(categorizer(), {})

    with pytest.raises(InvalidInput, match="one column"):
        predictor.predict(texts().assign(other=1))


_CODE = [
    ('factory = "textcat"', 'factory = "my_factory"', "my_factory"),
    ('factory = "textcat"', 'factory = "textcat"\nsource = "some_package"', "some_package"),
    ('"spacy.TextCatBOW.v3"', '"my.Model.v1"', "my.Model.v1"),
    ('"spacy.TextCatBOW.v3"', '"spacy.TorchBiLSTMEncoder.v1"', "Torch"),
    ('"spacy.Tokenizer.v1"', '"my.Tokenizer.v1"', "my.Tokenizer.v1"),
    ('lang = "en"', 'lang = "custom_package"', "custom_package"),
    ("[paths]\ntrain = null", '[paths]\ntrain = "my.Model.v1"', "my.Model.v1"),
    (
        "before_creation = null",
        "\n[nlp.before_creation]\n@callbacks = "
        '"spacy.copy_from_base_model.v1"\ntokenizer = "some_package"\n\n[nlp]',
        "copy_from_base_model",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "named"), _CODE, ids=[one[2] + str(i) for i, one in enumerate(_CODE)]
)
def test_code_that_the_configuration_names_asks_for_trust(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    CASES[0].save(tmp_path / "m")
    config = unsigned(tmp_path / "m") / "model.spacy" / "config.cfg"
    text = config.read_text()
    if new.startswith("[paths]"):
        # A variable can't hide what is named.
        text = text.replace('"spacy.TextCatBOW.v3"', "${paths.train}")
    elif new.startswith("\n[nlp.before"):
        text = text.replace("before_creation = null\n", "")
        section = new.removesuffix("\n[nlp]").strip()
        old, new = "[nlp.tokenizer]", f"{section}\n\n[nlp.tokenizer]"
    assert old in text
    config.write_text(text.replace(old, new))

    with pytest.raises(UntrustedModel, match=named):
        load_native(tmp_path / "m", trust=False)


def test_data_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")
    model = Model.load(unsigned(tmp_path / "m"))
    model.flavors["spacy"]["data"] = "../elsewhere"
    model.save(tmp_path / "m")

    with pytest.raises(InvalidModel, match="stay inside"):
        load_native(tmp_path / "m", trust=True)


def test_without_spacy_it_says_what_to_install(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")

    said = told_without({"spacy", "confection"}, tmp_path / "m")

    assert len(said) == 2
    assert all("pip install 'spacy" in one for one in said)


def test_inferred_requirements_name_spacy(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")

    found = infer_requirements(tmp_path / "m", fallback=("spacy",))

    assert any(one.startswith("spacy==") for one in found)


def test_hazards_of_a_plain_pipeline_are_none(tmp_path: Path) -> None:
    CASES[1].save(tmp_path / "m")

    assert hazards_of(tmp_path / "m") == []
    assert json.loads((tmp_path / "m" / "model.spacy" / "meta.json").read_text())["lang"] == "en"
