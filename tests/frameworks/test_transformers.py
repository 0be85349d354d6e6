"""transformers: pipelines of tiny models that are made from configurations."""

from __future__ import annotations

import importlib
import json
import pickle
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.environments.requirements import infer_requirements
from assay.models.loading import load_native, load_pyfunc
from assay.models.mlmodel import Model
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without, unsigned

transformers = importlib.import_module("transformers")
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_WORDS = [*_SPECIAL, "a", "good", "bad", "day", "night", "in", "paris", "rome", "and", "the", "of"]
_BERT = {
    "vocab_size": len(_WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
}
_CLASSES = {
    "text-classification": "BertForSequenceClassification",
    "token-classification": "BertForTokenClassification",
    "fill-mask": "BertForMaskedLM",
    "feature-extraction": "BertModel",
    "zero-shot-classification": "BertForSequenceClassification",
}
_GREEDY = {"max_new_tokens": 4, "do_sample": False, "suppress_tokens": [0, 1, 2, 3, 4]}
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


@cache
def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = {word: index for index, word in enumerate(_WORDS)}
    made = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )


def bert(task: str) -> Any:
    import torch

    torch.manual_seed(0)
    names = ["contradiction", "neutral", "entailment"]
    labels = {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }
    config = transformers.BertConfig(**_BERT, **(labels if task.startswith("zero") else {}))
    return getattr(transformers, _CLASSES[task])(config).eval()


@cache
def pipeline(task: str) -> Any:
    return transformers.pipeline(task, model=bert(task), tokenizer=tokenizer())


@cache
def generator() -> Any:
    import torch

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(_WORDS),
        n_embd=16,
        n_layer=1,
        n_head=2,
        n_positions=32,
        bos_token_id=2,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    return transformers.pipeline("text-generation", model=model, tokenizer=tokenizer())


def components() -> dict[str, Any]:
    made = pipeline("text-classification")
    return {"model": made.model, "tokenizer": made.tokenizer}


def texts() -> pd.DataFrame:
    return pd.DataFrame({"text": ["a good day", "a bad night in rome"]})


def masked() -> pd.DataFrame:
    return pd.DataFrame({"text": ["a [MASK] day", "[MASK] night"]})


def one_text() -> list[str]:
    return ["a good day in paris"]


def questions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sequences": ["a good day", "a bad night"],
            "candidate_labels": ['["day", "night"]'] * 2,
            "hypothesis_template": ["in {}"] * 2,
        }
    )


def call(made: Any, data: Any, **arguments: Any) -> Any:
    """The plain answer of the pipeline, in values that can be compared."""
    if isinstance(made, dict):
        made = transformers.pipeline("text-classification", **made)
    given = data["text"].tolist() if isinstance(data, pd.DataFrame) else data
    return json.loads(json.dumps(made(given, **arguments), default=float))


def call_zero_shot(made: Any, data: pd.DataFrame) -> Any:
    return made(data["sequences"].tolist(), candidate_labels=["day", "night"])


_classification = partial(pipeline, "text-classification")
CASES = [
    Case("classification", "transformers", _classification, texts, call),
    Case(
        "components",
        "transformers",
        components,
        texts,
        call,
        mlflow_options={"task": "text-classification"},
    ),
    Case("tokens", "transformers", partial(pipeline, "token-classification"), texts, call),
    Case("mask", "transformers", partial(pipeline, "fill-mask"), masked, call),
    Case("features", "transformers", partial(pipeline, "feature-extraction"), one_text, call),
    Case(
        "generation",
        "transformers",
        generator,
        texts,
        partial(call, **_GREEDY),
        options={"model_config": _GREEDY},
    ),
    Case(
        "zero-shot",
        "transformers",
        partial(pipeline, "zero-shot-classification"),
        questions,
        call_zero_shot,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestTransformers(FlavorContract):
    pass


def save(folder: Path, case: Case = CASES[0], **extras: Any) -> Path:
    case.save(folder, **extras)
    return folder


def test_every_weight_is_kept_as_safetensors(tmp_path: Path) -> None:
    save(tmp_path / "m")

    files = {path.name for path in (tmp_path / "m").rglob("*") if path.is_file()}

    assert "model.safetensors" in files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]


def test_components_come_back_as_a_dict(tmp_path: Path) -> None:
    save(tmp_path / "m")

    parts = load_native(tmp_path / "m", options={"return_type": "components"})

    assert parts["task"] == "text-classification"
    assert type(parts["model"]).__name__ == "BertForSequenceClassification"
    assert parts["tokenizer"]("a good day")["input_ids"] == tokenizer()("a good day")["input_ids"]


@pytest.mark.parametrize("data", ["a good day", ["a good day"], {"text": "a good day"}], ids=str)
def test_text_goes_in_as_text_list_or_dict(data: Any, tmp_path: Path) -> None:
    save(tmp_path / "m", golden=False, input_example=None)
    want = pipeline("text-classification")(["a good day"])

    frame = load_pyfunc(tmp_path / "m").predict(data)

    assert frame.to_dict(orient="records") == want


def test_many_texts_give_features_of_each(tmp_path: Path) -> None:
    save(tmp_path / "m", CASES[4], golden=False, input_example=None)
    given = ["a good day", "a bad night in rome"]

    found = load_pyfunc(tmp_path / "m").predict(given)

    assert [one.shape for one in found] == [(5, 16), (7, 16)]
    assert_same(found[1].tolist(), pipeline("feature-extraction")(given)[1][0])


def test_params_are_arguments_of_the_pipeline() -> None:
    flavor = flavor_named("transformers")
    predictor = flavor.predictor(generator(), {"config": _GREEDY})

    whole = predictor.predict(["a good day"])
    answer = predictor.predict(["a good day"], {"return_full_text": False})

    assert whole[0].startswith("a good day")
    assert whole[0].endswith(answer[0])
    assert not answer[0].startswith("a good day")


def test_params_that_the_pipeline_does_not_know_are_refused() -> None:
    predictor = flavor_named("transformers").predictor(generator(), {"config": _GREEDY})

    with pytest.raises(InvalidInput, match="no_such"):
        predictor.predict(["a good day"], {"no_such": 1})


def test_prompts_are_put_into_the_template_by_both(tmp_path: Path) -> None:
    import mlflow

    case = Case(
        "template",
        "transformers",
        generator,
        texts,
        options={"model_config": _GREEDY, "prompt_template": "in {prompt} and"},
    )
    want = generator()(["in a good day and"], return_full_text=False, **_GREEDY)
    save(tmp_path / "m", case, input_example=None)

    ours = load_pyfunc(tmp_path / "m").predict(["a good day"])
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(["a good day"])

    assert ours == [want[0][0]["generated_text"].strip()]
    assert theirs == ours


def test_template_that_mlflow_keeps_is_used(tmp_path: Path) -> None:
    import mlflow

    mlflow.transformers.save_model(
        generator(),
        str(tmp_path / "m"),
        prompt_template="in {prompt} and",
        model_config=dict(_GREEDY),
        pip_requirements=["transformers"],
    )

    ours = load_pyfunc(tmp_path / "m").predict(["a good day"])

    assert ours == mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(["a good day"])


@pytest.mark.parametrize("template", ["none", "{prompt} {prompt}", "{prompt.__class__}", "{"])
def test_template_without_one_prompt_is_refused(template: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="prompt_template"):
        flavor_named("transformers").save(generator(), tmp_path, prompt_template=template)


def test_checkpoint_on_disk_is_kept_whole(tmp_path: Path) -> None:
    made = pipeline("text-classification")
    made.model.save_pretrained(tmp_path / "checkpoint")
    made.tokenizer.save_pretrained(tmp_path / "checkpoint")
    case = Case(
        "checkpoint",
        "transformers",
        lambda: str(tmp_path / "checkpoint"),
        texts,
        options={"task": "text-classification"},
    )

    loaded = load_native(save(tmp_path / "m", case))

    assert_same(call(loaded, texts()), call(made, texts()))


def test_precision_is_kept(tmp_path: Path) -> None:
    made = transformers.pipeline(
        "text-classification", model=bert("text-classification").half(), tokenizer=tokenizer()
    )
    case = Case("half", "transformers", lambda: made, texts)

    loaded = load_native(save(tmp_path / "m", case, golden=False))
    wide = load_native(tmp_path / "m", options={"torch_dtype": "float32"})

    assert str(loaded.model.dtype) == "torch.float16"
    assert str(wide.model.dtype) == "torch.float32"


def test_model_of_the_hub_is_read_from_there_with_trust_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = "0123456789abcdef0123456789abcdef01234567"
    hub = tmp_path / "hub"
    snapshot = hub / "models--me--tiny" / "snapshots" / revision
    made = pipeline("text-classification")
    made.model.save_pretrained(snapshot)
    made.tokenizer.save_pretrained(snapshot)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    facts = {
        "task": "text-classification",
        "pipeline_model_type": "BertForSequenceClassification",
        "source_model_name": "me/tiny",
        "source_model_revision": revision,
        "components": ["tokenizer"],
        "tokenizer_type": type(made.tokenizer).__name__,
        "tokenizer_name": "me/tiny",
        "tokenizer_revision": revision,
    }
    Model(flavors={"transformers": facts}).save(_folder(tmp_path / "m"))

    with pytest.raises(UntrustedModel, match="me/tiny"):
        load_native(tmp_path / "m", trust=False)
    loaded = load_native(tmp_path / "m", trust=True)

    assert_same(call(loaded, texts()), call(made, texts()))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_pickled_weights_ask_for_trust(tmp_path: Path) -> None:
    import torch

    save(tmp_path / "m")
    folder = unsigned(tmp_path / "m") / "model"
    torch.save(pipeline("text-classification").model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()

    with pytest.raises(UntrustedModel, match=r"pytorch_model\.bin"):
        load_native(tmp_path / "m", trust=False)
    loaded = load_native(tmp_path / "m", trust=True)

    assert_same(call(loaded, texts()), call(pipeline("text-classification"), texts()))


def test_pickles_beside_safetensors_are_never_opened(tmp_path: Path) -> None:
    save(tmp_path / "m")
    folder = unsigned(tmp_path / "m") / "model"
    for name in ("pytorch_model.bin", "training_args.bin"):
        (folder / name).write_bytes(pickle.dumps(_Bomb(str(tmp_path / "ran"))))

    load_native(tmp_path / "m", trust=False)

    assert not (tmp_path / "ran").exists()


class _Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.place),)


_CODE = [
    ("config.json", {"auto_map": {"AutoModel": "modeling_x.Model"}}, "auto_map"),
    ("config.json", {"attn_implementation": "somebody/kernel"}, "somebody/kernel"),
    ("config.json", {"text_config": {"_attn_implementation": "a/b:c"}}, "a/b:c"),
    ("config.json", {"custom_pipelines": {"mine": {"impl": "x.Mine"}}}, "custom_pipelines"),
    ("adapter_config.json", {"base_model_name_or_path": "/elsewhere"}, "base model"),
    (
        "model.safetensors.index.json",
        {"weight_map": {"a": "evil.bin"}},
        "no safetensors",
    ),
]


@pytest.mark.parametrize(("file", "entries", "named"), _CODE, ids=[one[2] for one in _CODE])
def test_code_that_a_configuration_names_asks_for_trust(
    file: str, entries: dict[str, Any], named: str, tmp_path: Path
) -> None:
    save(tmp_path / "m")
    path = unsigned(tmp_path / "m") / "model" / file
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, **entries}))

    with pytest.raises(UntrustedModel, match=named):
        load_native(tmp_path / "m", trust=False)


def test_code_beside_the_model_runs_with_trust_only(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    save(tmp_path / "m")
    folder = unsigned(tmp_path / "m") / "model"
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {
        "AutoModelForSequenceClassification": "modeling_mine.MineForSequenceClassification"
    }
    config["architectures"] = ["MineForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_mine.py").write_text(
        f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n"
        "from transformers import BertConfig, BertForSequenceClassification\n"
        "class MineForSequenceClassification(BertForSequenceClassification):\n"
        "    config_class = BertConfig\n"
    )
    model = Model.load(tmp_path / "m")
    model.flavors["transformers"]["pipeline_model_type"] = "MineForSequenceClassification"
    model.save(tmp_path / "m")

    with pytest.raises(UntrustedModel, match="auto_map"):
        load_native(tmp_path / "m", trust=False)
    assert not ran.exists()
    loaded = load_native(tmp_path / "m", trust=True)

    assert ran.exists()
    assert_same(call(loaded, texts()), call(pipeline("text-classification"), texts()))


_ENTRIES = [
    ({"pipeline_model_type": "AutoModel"}, "AutoModel"),
    ({"pipeline_model_type": "pipeline"}, "pipeline"),
    ({"tokenizer_type": "BertModel"}, "BertModel"),
    ({"components": ["../tokenizer"]}, "tokenizer"),
    ({"model_binary": "../model"}, "inside"),
    ({"local_base_model_path": "/elsewhere"}, "outside"),
    ({"task": "no-such-task"}, "no-such-task"),
]


@pytest.mark.parametrize(("entry", "named"), _ENTRIES, ids=[str(one[0]) for one in _ENTRIES])
def test_entry_that_names_what_is_no_part_of_a_model_is_refused(
    entry: dict[str, Any], named: str, tmp_path: Path
) -> None:
    save(tmp_path / "m")
    model = Model.load(unsigned(tmp_path / "m"))
    model.flavors["transformers"].update(entry)
    model.save(tmp_path / "m")

    with pytest.raises(InvalidModel, match=named):
        load_native(tmp_path / "m", trust=True)


@pytest.mark.parametrize(
    "given",
    [
        "a text",
        {"tokenizer": None},
        {"model": object(), "tokenizer": None},
        3,
    ],
    ids=["text", "no model", "no task", "number"],
)
def test_what_is_no_pipeline_is_refused(given: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        flavor_named("transformers").save(given, tmp_path)


def test_without_transformers_it_says_what_to_install(tmp_path: Path) -> None:
    save(tmp_path / "m")

    said = told_without({"transformers"}, tmp_path / "m")

    assert len(said) == 2
    assert all(f"pip install 'transformers=={transformers.__version__}'" in one for one in said)


def test_inferred_requirements_name_transformers_and_torch(tmp_path: Path) -> None:
    save(tmp_path / "m")

    found = infer_requirements(tmp_path / "m", fallback=("transformers", "torch"))

    assert {one.split("==")[0] for one in found} >= {"torch", "transformers"}
