"""sentence-transformers: models that turn texts into vectors.

Files as ``mlflow.sentence_transformers`` of MLflow 3 has them: what ``model.save`` writes
(safetensors and JSON), below ``model.sentence_transformer/``. The modules that it is made of are
classes named in ``modules.json``; those that are no part of the library, and settings that reach
further, count as code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.pretrained import needs_code, pretrained_hazards, read_settings
from assay.models.folder import inside

DATA: Final = "model.sentence_transformer"
EMBEDDINGS: Final = "llm/v1/embeddings"
"""The one task there is: an answer in the form of OpenAI's embeddings."""
_PLAIN_MODULE: Final = re.compile(
    r"sentence_transformers\.(models|base\.modules|sentence_transformer\.modules)(\.[a-z_]+)?"
    r"\.(Transformer|Pooling|Normalize|Dense|Dropout|LayerNorm|StaticEmbedding"
    r"|WeightedLayerPooling)"
)
"""Modules whose files are plain data; the others import what their settings name."""
_ACTIVATION: Final = re.compile(r"torch\.nn\.(modules\.[a-z_]+\.)?[A-Z]\w*")
_LOADING: Final = ("model_args", "model_kwargs", "config_args", "config_kwargs")
_HARMLESS: Final = frozenset(
    {"dtype", "torch_dtype", "attn_implementation", "max_length", "output_hidden_states"}
)
"""Arguments of ``from_pretrained`` that a model may bring along; ``weights_only=False`` is none."""


class SentenceTransformersFlavor(Flavor):
    """``sentence_transformers``."""

    name: ClassVar[str] = "sentence_transformers"
    title: ClassVar[str] = "sentence-transformers"
    packages: ClassVar[tuple[str, ...]] = ("sentence-transformers", "transformers", "torch")
    loader_module: ClassVar[str] = "mlflow.sentence_transformers"
    argument: ClassVar[str] = "model"

    def save(self, model: Any, folder: Path, *, task: str | None = None, **options: Any) -> Saved:
        """Write what ``model.save`` does; options beside ``task`` are its own.

        ``task="llm/v1/embeddings"`` makes the pyfunc face answer ``{"input": …}`` in OpenAI's form.
        """
        library = framework("sentence_transformers", flavor=self)
        if not isinstance(model, library.SentenceTransformer):
            raise InvalidInput(
                f"{type(model).__name__} is no SentenceTransformer. Other models of the library can"
                " be kept in an assay.pyfunc.PythonModel."
            )
        if task not in (None, EMBEDDINGS):
            raise InvalidInput(f"task must be {EMBEDDINGS!r} or left out, not {task!r}.")
        config = options.pop("inference_config", None)
        try:
            model.save(str(folder / DATA), **options)
        except TypeError as error:
            raise InvalidInput(f"sentence-transformers can't save so: {error}.") from error
        facts = {
            "sentence_transformers_version": library.__version__,
            **_source(model),
            "code": None,
        }
        face: dict[str, Any] = {"data": DATA}
        config = {**(config or {}), **({"task": task} if task else {})}
        if config:
            face["config"] = config
        return Saved(facts, face)

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The ``SentenceTransformer``; options are its own, such as ``device``."""
        library = framework("sentence_transformers", flavor=self, facts=facts)
        data = inside(folder, DATA)
        # Without this file the library would make up a model of its own from what is there.
        inside(folder, f"{DATA}/modules.json")
        arguments = {
            "trust_remote_code": needs_code(data) or bool(list(_foreign_modules(data))),
            "local_files_only": True,
            **options,
        }
        try:
            return library.SentenceTransformer(str(data), **arguments)
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(
                str(folder), f"sentence-transformers can't read {DATA}: {error}"
            ) from error

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Modules of others, code that configurations map to, and pickled weights."""
        data = inside(folder, DATA)
        try:
            found = [f"its module {name!r} may run code" for name in _foreign_modules(data)]
            found += _setting_hazards(data)
        except InvalidModel as error:
            found = [error.why]
        return found + pretrained_hazards(data, below=folder)

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``encode``; its parameters may be given as params."""
        config = dict(facts.get("config") or {})
        return _Encoder(model, config.pop("task", None), config)

    def accepts(self, model: Any) -> bool:
        """Whether it is a ``SentenceTransformer``."""
        return any(
            base.__module__.startswith("sentence_transformers.")
            and base.__name__ == "SentenceTransformer"
            for base in type(model).__mro__
        )


class _Encoder:
    def __init__(self, model: Any, task: str | None, defaults: Mapping[str, Any]) -> None:
        self._model, self._task, self._defaults = model, task, defaults

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Vectors: float32, one a text; shape (n, dimension), (dimension,) for a single text."""
        texts, named_input = _texts(data)
        arguments = {"show_progress_bar": False, **self._defaults, **(params or {})}
        try:
            vectors = self._model.encode(texts, **arguments)
        except TypeError as error:
            raise InvalidInput(f"The params don't fit encode: {error}.") from error
        if not (self._task and named_input):
            return vectors
        texts = [texts] if isinstance(texts, str) else texts
        tokens = sum(len(self._model.tokenizer(text)["input_ids"]) for text in texts)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def _texts(data: Any) -> tuple[Any, bool]:
    """The text or list of texts, and whether it came under the name ``input``."""
    if isinstance(data, Mapping) and len(data) == 1:
        name, texts = next(iter(data.items()))
        return texts, name == "input"
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        if not len(data.columns):
            raise InvalidInput("The frame of texts has no column.")
        texts = data.iloc[:, 0].tolist()
        if texts and isinstance(texts[0], list):
            texts = texts[0]
        return texts, data.columns[0] == "input"
    return (data.tolist() if hasattr(data, "tolist") else data), False


def _source(model: Any) -> dict[str, str]:
    """Where the weights came from, as MLflow notes it."""
    for module in model.modules():
        inner = getattr(module, "auto_model", None)
        if inner is not None and hasattr(inner, "name_or_path"):
            return {
                "source_model_name": str(inner.name_or_path),
                "pipeline_model_type": type(inner).__name__,
            }
    return {}


def _foreign_modules(data: Path) -> Iterator[str]:
    listed = read_settings(inside(data, "modules.json"), data)
    if not isinstance(listed, list):
        raise InvalidModel(str(data), "modules.json holds no list")
    for one in listed:
        name = one.get("type") if isinstance(one, dict) else one
        if not isinstance(name, str) or not _PLAIN_MODULE.fullmatch(name):
            yield str(name)


def _setting_hazards(data: Path) -> list[str]:
    found: list[str] = []
    for path in sorted(data.rglob("*config*.json")):
        settings = read_settings(path, data)
        if not isinstance(settings, dict):
            continue
        name = path.relative_to(data.parent).as_posix()
        activation = settings.get("activation_function")
        if (
            isinstance(activation, str)
            and "." in activation
            and not _ACTIVATION.fullmatch(activation)
        ):
            found.append(f"{name} calls {activation}")
        if path.name.startswith("sentence_"):
            given = {key for part in _LOADING for key in (settings.get(part) or {})}
            extra = sorted(given - _HARMLESS)
            if extra:
                found.append(f"{name} passes {', '.join(extra)} to from_pretrained")
    return found
