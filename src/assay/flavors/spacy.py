"""spaCy pipelines.

Files as ``mlflow.spacy`` of MLflow 3 has them: what ``nlp.to_disk`` writes (JSON, msgpack and NumPy
arrays without pickles), below ``model.spacy/``. ``config.cfg`` in it names factories and registered
functions, which are spaCy's own or somebody's code. Pipelines with a text categorizer predict as in
MLflow; those that find entities predict them, which MLflow does through ``assay.mlflow_loader``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.models.folder import inside

DATA: Final = "model.spacy"
_OWN_FACTORY: Final = re.compile(
    r"attribute_ruler|beam_ner|beam_parser|doc_cleaner|entity_linker|entity_ruler|"
    r"future_entity_ruler|lemmatizer|merge_entities|merge_noun_chunks|merge_subtokens|"
    r"morphologizer|ner|nn_labeller|parser|sentencizer|senter|span_finder|span_ruler|"
    r"spancat|spancat_singlelabel|tagger|textcat|textcat_multilabel|tok2vec|"
    r"token_splitter|trainable_lemmatizer"
)
_OWN_FUNCTION: Final = re.compile(r"spacy(-legacy)?\.(?!.*(Torch|KBFromFile))[\w.\-]+")
"""Layers of PyTorch read pickles; knowledge bases are read from any place that is named."""
_OWN_REGISTRIES: Final = frozenset(
    {"architectures", "layers", "misc", "scorers", "tokenizers", "vectors"}
)
"""Callbacks and readers are left out: they load other pipelines and files."""
_LANGUAGE: Final = re.compile(r"[a-z]{2,4}")
_FINDS_ENTITIES: Final = frozenset({"ner", "beam_ner", "entity_ruler", "span_ruler"})


class SpacyFlavor(Flavor):
    """``spacy``."""

    name: ClassVar[str] = "spacy"
    title: ClassVar[str] = "spaCy"
    packages: ClassVar[tuple[str, ...]] = ("spacy",)
    loader_module: ClassVar[str] = "mlflow.spacy"
    argument: ClassVar[str] = "spacy_model"

    def save(self, model: Any, folder: Path, **options: Any) -> Saved:
        """Write what ``nlp.to_disk`` does."""
        spacy = framework("spacy", flavor=self)
        if options:
            raise InvalidInput(f"spaCy models have no option {sorted(options)[0]!r}.")
        if not isinstance(model, spacy.Language):
            raise InvalidInput(f"{type(model).__name__} is no spaCy pipeline (Language).")
        model.to_disk(folder / DATA)
        facts = {"spacy_version": spacy.__version__, "data": DATA, "code": None}
        if _categorizes(model):
            return Saved(facts, {"data": DATA})
        if _finds_entities(model):
            return Saved(facts, {"loader_module": FOREIGN_LOADER})
        return Saved(facts)

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The pipeline; options are those of ``spacy.load``, such as ``disable``."""
        spacy = framework("spacy", flavor=self, facts=facts)
        data = _data(folder, facts)
        try:
            return spacy.load(data, **options)
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(str(folder), f"spaCy can't read {data.name}: {error}") from error

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Factories and registered functions that are not spaCy's own."""
        framework("spacy", flavor=self, facts=facts)
        data = _data(folder, facts)
        path = inside(folder, f"{data.relative_to(folder).as_posix()}/config.cfg")
        try:
            config = _config(path, self)
        except InvalidModel:
            return ["config.cfg can't be read"]
        return list(dict.fromkeys(f"config.cfg {what}" for what in _foreign(config)))

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """The categories of texts, or the entities in them."""
        return _SpacyPredictor(model, categories=_categorizes(model))


class _SpacyPredictor:
    def __init__(self, model: Any, *, categories: bool) -> None:
        self._model, self._categories = model, categories

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """A frame with the column ``predictions``: scores by category, or a list of entities."""
        import pandas as pd

        texts, index = _texts(data)
        answer = _cats if self._categories else _entities
        predictions = pd.Series(
            [answer(doc) for doc in self._model.pipe(texts)], index=index, dtype=object
        )
        return predictions.to_frame("predictions")


def _cats(doc: Any) -> dict[str, float]:
    return dict(doc.cats)


def _entities(doc: Any) -> list[dict[str, Any]]:
    return [
        {"text": one.text, "label": one.label_, "start": one.start_char, "end": one.end_char}
        for one in doc.ents
    ]


def _texts(data: Any) -> tuple[list[str], Any]:
    if isinstance(data, str):
        return [data], None
    if hasattr(data, "columns"):
        if len(data.columns) != 1:
            raise InvalidInput(
                f"spaCy pipelines take one column of texts, not {len(data.columns)}."
            )
        return data.iloc[:, 0].tolist(), data.index
    return list(data), getattr(data, "index", None) if hasattr(data, "iloc") else None


def _categorizes(model: Any) -> bool:
    kind = framework("spacy.pipeline", flavor=SpacyFlavor()).TextCategorizer
    return any(isinstance(part, kind) for _, part in model.pipeline)


def _finds_entities(model: Any) -> bool:
    return any(model.get_pipe_meta(name).factory in _FINDS_ENTITIES for name in model.pipe_names)


def _data(folder: Path, facts: Mapping[str, Any]) -> Path:
    return inside(folder, facts.get("data") or DATA)


def _config(path: Path, flavor: Flavor) -> dict[str, Any]:
    """What ``config.cfg`` says, read as spaCy does, variables filled in; nothing is resolved."""
    confection = framework("confection", flavor=flavor)
    try:
        config: dict[str, Any] = confection.Config().from_disk(path, interpolate=True)
    except Exception as error:
        raise InvalidModel(str(path.parent), f"config.cfg can't be read: {error}") from error
    return config


def _foreign(config: Mapping[str, Any]) -> Iterator[str]:
    nlp, parts = config.get("nlp"), config.get("components")
    language = nlp.get("lang") if isinstance(nlp, dict) else None
    if not _LANGUAGE.fullmatch(str(language)):
        yield f"names the language {language!r}"
    for name, part in parts.items() if isinstance(parts, dict) else ():
        factory = part.get("factory") if isinstance(part, dict) else None
        # A factory of a language, such as en.lemmatizer, is the language's own form of one.
        if not _OWN_FACTORY.fullmatch(str(factory).removeprefix(f"{language}.")):
            yield f"makes {name!r} with the factory {factory!r}"
        if isinstance(part, dict) and part.get("source"):
            yield f"takes {name!r} from the pipeline {part['source']!r}"
    # The other sections are for training; nothing of them is made when a pipeline is loaded.
    yield from _foreign_functions([nlp, parts])


def _foreign_functions(sections: list[Any]) -> Iterator[str]:
    waiting = sections
    while waiting:
        one = waiting.pop()
        if isinstance(one, list | tuple):
            waiting += one
        if not isinstance(one, dict):
            continue
        waiting += one.values()
        for key, value in one.items():
            if not key.startswith("@"):
                continue
            own = key[1:] in _OWN_REGISTRIES and _OWN_FUNCTION.fullmatch(str(value))
            if not own:
                yield f"calls {value!r} ({key})"
