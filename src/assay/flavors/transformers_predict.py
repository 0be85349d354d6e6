"""Predictions of transformers pipelines: what goes in, and the form of what comes out.

Both are MLflow 3's for each task: a column of texts, a frame with the pipeline's argument names, a
list, or one text in; a frame, a list of texts or an array out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from assay.errors import InvalidInput

NOT_PREDICTED: Final = frozenset(
    {
        "DepthEstimationPipeline",
        "DocumentQuestionAnsweringPipeline",
        "ImageSegmentationPipeline",
        "ImageToTextPipeline",
        "ObjectDetectionPipeline",
        "VideoClassificationPipeline",
        "VisualQuestionAnsweringPipeline",
        "ZeroShotAudioClassificationPipeline",
        "ZeroShotImageClassificationPipeline",
        "ZeroShotObjectDetectionPipeline",
    }
)
"""Pipelines that MLflow gives no pyfunc face."""
TEMPLATED_TASKS: Final = frozenset(
    {"feature-extraction", "fill-mask", "summarization", "text2text-generation", "text-generation"}
)
"""Tasks whose prompts may be put into a template."""
_RECORDS: Final = frozenset({"question-answering", "table-question-answering"})
_ANSWERS: Final = {
    "summarization": "summary_text",
    "text-generation": "generated_text",
    "text2text-generation": "generated_text",
    "question-answering": "answer",
    "table-question-answering": "answer",
    "automatic-speech-recognition": "text",
}
"""Key of the text among what the pipeline answers."""
_FRAMES: Final = frozenset(
    {"text-classification", "sentiment-analysis", "image-classification", "audio-classification"}
)


def check_template(template: str) -> str:
    """The template itself.

    Raises:
        InvalidInput: it doesn't hold ``{prompt}`` once and nothing else to be filled in.
    """
    try:
        fields = [parts[1:] for parts in Formatter().parse(template) if parts[1] is not None]
    except ValueError as error:
        raise InvalidInput(f"prompt_template is malformed: {error}.") from None
    if fields != [("prompt", "", None)]:
        raise InvalidInput("prompt_template must hold {prompt} once, and nothing else in braces.")
    return template


class PipelinePredictor:
    """The pyfunc face of a pipeline."""

    def __init__(
        self,
        pipeline: Any,
        *,
        config: Mapping[str, Any],
        template: str | None = None,
        inference_task: str | None = None,
    ) -> None:
        self._pipeline, self._config, self._template = pipeline, dict(config), template
        self._inference_task = inference_task
        self._task = str(pipeline.task)
        if self._task.startswith("translation"):
            self._task = "translation"

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """The answers; ``params`` and the model's config are arguments of the pipeline's call."""
        if self._inference_task:
            raise InvalidInput(
                f"Models saved for the task {self._inference_task!r} are not predicted by Assay:"
                " load the pipeline itself with assay.transformers.load_model."
            )
        arguments = {**self._config, **(params or {})}
        # Of MLflow's custom pipelines only; the others don't know it.
        arguments.pop("include_prompt", None)
        collapse = arguments.pop("collapse_whitespace", False)
        given = self._templated(_inputs(data, self._task))
        try:
            raw = self._call(given, arguments)
        except (TypeError, ValueError) as error:
            unused = "`model_kwargs` are not used" in str(error)
            if unused or "unexpected keyword" in str(error):
                raise InvalidInput(f"The params don't fit the pipeline: {error}") from error
            raise
        return _outputs(raw, self._task, arguments, collapse=bool(collapse))

    def _call(self, given: Any, arguments: dict[str, Any]) -> Any:
        if self._task == "question-answering" and isinstance(given, list):
            # Newer pipelines take these by name only.
            names = given[0].keys() if given else ()
            given = {name: [one[name] for one in given] for name in names}
        if isinstance(given, dict) and self._task not in _FRAMES:
            return self._pipeline(**given, **arguments)
        return self._pipeline(given, **arguments)

    def _templated(self, given: Any) -> Any:
        if not self._template or self._task not in TEMPLATED_TASKS:
            return given
        texts = [given] if isinstance(given, str) else given
        if not all(isinstance(text, str) for text in texts):
            raise InvalidInput("The model's prompt template takes texts only.")
        filled = [self._template.format(prompt=text) for text in texts]
        return filled[0] if isinstance(given, str) else filled


def _inputs(data: Any, task: str) -> Any:
    """What the pipeline is called with, from what the signature allows."""
    if task == "zero-shot-classification":
        return _zero_shot(data)
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        data = data.to_dict(orient="records")
    elif hasattr(data, "tolist") and not task.startswith(("audio", "automatic", "image")):
        data = data.tolist()
    if task in _RECORDS:
        return _parsed_tables(data) if task.startswith("table") else data
    if isinstance(data, list):
        return [_single(one, task) for one in data]
    return _single(data, task) if isinstance(data, dict) else data


def _single(one: Any, task: str) -> Any:
    """The value of a row with one column; pairs of texts stay together."""
    if not isinstance(one, dict):
        return one
    if task in ("text-classification", "sentiment-analysis") and one.keys() <= {
        "text",
        "text_pair",
    }:
        return one
    if task == "text2text-generation" and not any(isinstance(key, int) for key in one):
        return " ".join(f"{key}: {value}" for key, value in one.items())
    if len(one) != 1:
        raise InvalidInput(f"Pipelines for {task} take one column, not {', '.join(map(str, one))}.")
    return _decoded(next(iter(one.values())), task)


def _decoded(value: Any, task: str) -> Any:
    if task.startswith("image") and isinstance(value, bytes):
        import io

        from PIL import Image

        return Image.open(io.BytesIO(value))
    return value


def _zero_shot(data: Any) -> dict[str, Any]:
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        columns = data.to_dict(orient="list")
        data = {name: _distinct(values) for name, values in columns.items()}
    if not isinstance(data, Mapping):
        raise InvalidInput("Give a frame or dict with sequences and candidate_labels.")
    given = dict(data)
    labels = given.get("candidate_labels")
    if isinstance(labels, str) and labels.startswith("["):
        given["candidate_labels"] = json.loads(labels)
    return given


def _distinct(values: list[Any]) -> Any:
    """Frames repeat what is the same for all rows."""
    kept: list[Any] = []
    for value in values:
        plain = value.tolist() if hasattr(value, "tolist") else value
        if plain not in kept:
            kept.append(plain)
    return kept if len(kept) > 1 else kept[0]


def _parsed_tables(data: Any) -> Any:
    if isinstance(data, list):
        return [_parsed_tables(one) for one in data]
    table = data.get("table")
    return {**data, "table": json.loads(table) if isinstance(table, str) else table}


def _outputs(raw: Any, task: str, arguments: Mapping[str, Any], *, collapse: bool) -> Any:
    if task in _FRAMES:
        import pandas as pd

        return pd.DataFrame([raw] if isinstance(raw, dict) else raw)
    if task == "zero-shot-classification":
        return _scores(raw)
    if task == "feature-extraction":
        return _features(raw)
    if task == "token-classification":
        many = bool(raw) and isinstance(raw[0], list)
        return [_entities(one) for one in (raw if many else [raw])]
    if task == "fill-mask":
        many = bool(raw) and isinstance(raw[0], list)
        return [_best_token(one) for one in (raw if many else [raw])]
    if task.startswith("automatic") and arguments.get("return_timestamps") in ("word", "char"):
        return [json.dumps(raw)]
    key = _ANSWERS.get(task) or ("translation_text" if task == "translation" else None)
    if key is None:
        raise InvalidInput(
            f"Pipelines for {task} have no pyfunc face: load the pipeline itself and call it."
        )
    texts = [str(text).strip() for text in _found(raw, key)]
    return [re.sub(r"\s+", " ", text) for text in texts] if collapse else texts


def _found(raw: Any, key: str) -> list[Any]:
    """All values of ``key``, in order, however the answer is nested."""
    if isinstance(raw, dict):
        return [raw[key]]
    return [value for one in raw for value in _found(one, key)]


def _scores(raw: Any) -> Any:
    import pandas as pd

    answers = [raw] if isinstance(raw, dict) else raw
    return pd.DataFrame(
        [
            {"sequence": one["sequence"], "labels": label, "scores": score}
            for one in answers
            for label, score in zip(one["labels"], one["scores"], strict=True)
        ]
    )


def _features(raw: Any) -> Any:
    """Vectors of the tokens: float64, shape (tokens, dimension), a list of them for many texts.

    For a single text that is not in a list, it is the vector of its first token, as in MLflow.
    """
    import numpy as np

    if isinstance(raw, np.ndarray):
        return raw
    # A text gives [tokens], a list of texts one such list for each.
    many = [np.array(one[0]) for one in raw]
    return many[0] if len(many) == 1 else many


def _entities(answer: list[dict[str, Any]]) -> str:
    return ",".join(str(one.get("entity_group", one.get("entity"))) for one in answer)


def _best_token(answer: Any) -> Any:
    """The likeliest token; of texts with several masks, one for each."""
    if answer and isinstance(answer[0], list):
        return [str(one[0]["token_str"]).strip() for one in answer]
    return str(answer[0]["token_str"]).strip()
