"""The classes and pipelines of transformers that a model names or is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assay.errors import InvalidInput, InvalidModel

PARTS: Final = ("feature_extractor", "tokenizer", "image_processor")
"""What a pipeline has beside its model, in the order in which MLflow lists them."""
_BASES: Final = {
    "model": "PreTrainedModel",
    "tokenizer": "PreTrainedTokenizerBase",
    "feature_extractor": "FeatureExtractionMixin",
    "image_processor": "ImageProcessingMixin",
    "processor": "ProcessorMixin",
}
_AUTO: Final = {
    "tokenizer": "AutoTokenizer",
    "feature_extractor": "AutoFeatureExtractor",
    "image_processor": "AutoImageProcessor",
    "processor": "AutoProcessor",
}
_TASKS: Final = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForImageClassification": "image-classification",
    "ForAudioClassification": "audio-classification",
    "Model": "feature-extraction",
}
"""Task by the end of a model's class, longest first where one ends another."""


def pipeline_of(model: Any, task: str | None, library: Any) -> Any:
    """The pipeline that a model is, or is made into.

    Raises:
        InvalidInput: it is none, and no dict or checkpoint of one.
    """
    if isinstance(model, library.Pipeline):
        return model
    if isinstance(model, Mapping):
        parts = {name: part for name, part in model.items() if name != "task"}
        unknown = sorted(set(parts) - {"model", "torch_dtype", "dtype", "device", *PARTS})
        if unknown or "model" not in parts:
            raise InvalidInput(
                f"The dict of components must have 'model', and beside it {', '.join(PARTS)} or"
                f" torch_dtype{f', not {unknown[0]}' if unknown else ''}."
            )
        task = task or model.get("task") or _task_of(parts["model"])
        if "torch_dtype" in parts:
            parts.setdefault("dtype", parts.pop("torch_dtype"))
    elif isinstance(model, str):
        if task is None or not Path(model).is_dir():
            raise InvalidInput(
                f"{model!r} must be the folder of a checkpoint, given with its task:"
                " task='text-classification'."
            )
        parts = {"model": model}
    else:
        raise InvalidInput(
            f"{type(model).__name__} is no pipeline of transformers. Give a pipeline, or a dict"
            " with 'model' and 'tokenizer'."
        )
    try:
        return library.pipeline(task=task, trust_remote_code=False, **parts)
    except Exception as error:
        raise InvalidInput(f"No pipeline for {task!r} can be made of it: {error}") from error


def class_named(library: Any, name: str, role: str, *, custom: bool) -> tuple[Any, bool]:
    """The class that a model names for one of its parts, and whether reading it runs its code.

    Args:
        library: the module ``transformers``.
        name: as the entry of the model has it.
        role: ``model``, ``tokenizer`` and so on.
        custom: whether the part's configuration maps to code.

    Raises:
        InvalidModel: there is no such class, or it is none for this role.
    """
    found = getattr(library, name, None)
    base = getattr(library, _BASES[role], None)
    if base is None:
        # Not exported by every version.
        base = _import_base(_BASES[role])
    if isinstance(found, type) and issubclass(found, base):
        return found, False
    if found is None and custom:
        auto = _AUTO.get(role)
        return getattr(library, auto or _auto_model(name)), True
    raise InvalidModel(name, f"transformers has no {role} class of that name")


def _import_base(name: str) -> Any:
    import importlib

    module = {
        "ImageProcessingMixin": "transformers.image_processing_base",
        "FeatureExtractionMixin": "transformers.feature_extraction_utils",
        "ProcessorMixin": "transformers.processing_utils",
    }.get(name, "transformers.tokenization_utils_base")
    return getattr(importlib.import_module(module), name)


def _auto_model(name: str) -> str:
    for end in _TASKS:
        if name.endswith(end) and end.startswith("For"):
            return f"AutoModel{end}"
    return "AutoModelForCausalLM" if name.endswith("LMHeadModel") else "AutoModel"


def _task_of(model: Any) -> str:
    name = type(model).__name__
    for end, task in _TASKS.items():
        if name.endswith(end):
            return task
    raise InvalidInput(f"The task of {name} is not plain from its name: give task=.")
