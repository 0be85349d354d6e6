"""transformers: pipelines of Hugging Face, or the components of one.

Files as ``mlflow.transformers`` of MLflow 3 has them: ``model/`` (safetensors and JSON) and
``components/tokenizer/`` and the like. Weights are never pickled; those that were are read with
trust only, and so is code that a configuration maps to. Models that are mere names of a repository
of the Hub are read from there, with trust: what comes from it is no part of the model.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.flavors.pretrained import has_safetensors, needs_code, pretrained_hazards
from assay.flavors.transformers_parts import PARTS, class_named, pipeline_of
from assay.flavors.transformers_predict import (
    NOT_PREDICTED,
    TEMPLATED_TASKS,
    PipelinePredictor,
    check_template,
)
from assay.models.folder import inside
from assay.models.mlmodel import Model

MODEL: Final = "model"
COMPONENTS: Final = "components"
_PROCESSOR: Final = "processor"
_templates: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""Prompt templates of loaded pipelines that MLflow wrote: it keeps them in the model's metadata."""


class TransformersFlavor(Flavor):
    """``transformers``."""

    name: ClassVar[str] = "transformers"
    title: ClassVar[str] = "transformers"
    packages: ClassVar[tuple[str, ...]] = ("transformers", "torch")
    loader_module: ClassVar[str] = "mlflow.transformers"
    argument: ClassVar[str] = "transformers_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        task: str | None = None,
        processor: Any = None,
        torch_dtype: Any = None,
        model_config: Mapping[str, Any] | None = None,
        prompt_template: str | None = None,
        save_pretrained: bool = True,
        **options: Any,
    ) -> Saved:
        """Write the model, and each component beside it.

        Args:
            model: a pipeline; a dict with ``model``, ``tokenizer`` and the like; or the folder of a
                checkpoint, with ``task``.
            folder: where to.
            task: of the pipeline, where the model doesn't tell.
            processor: one that is kept beside; pipelines of transformers don't take it.
            torch_dtype: that it is loaded with, instead of its own.
            model_config: arguments of the pipeline's call when it predicts.
            prompt_template: what prompts are put into; it holds ``{prompt}`` once.
            save_pretrained: ``False`` isn't supported: a model holds its weights.
            options: none.
        """
        if options:
            raise InvalidInput(f"transformers models have no option {sorted(options)[0]!r}.")
        if not save_pretrained:
            raise InvalidInput(
                "save_pretrained=False would leave the weights on the Hub: a model holds its own."
            )
        library = framework("transformers", flavor=self)
        pipeline = pipeline_of(model, task, library)
        facts = _facts(pipeline, processor, torch_dtype)
        _write(pipeline, processor, folder, facts)
        facts = {"transformers_version": library.__version__, "code": None, **facts}
        if type(pipeline).__name__ in NOT_PREDICTED or processor is not None:
            return Saved(facts)
        config = dict(model_config or {})
        face: dict[str, Any] = {}
        if prompt_template is not None:
            facts["prompt_template"] = _checked_template(prompt_template, pipeline.task)
            # MLflow keeps templates elsewhere, and would not apply this one.
            face["loader_module"] = FOREIGN_LOADER
            if pipeline.task == "text-generation":
                config.setdefault("return_full_text", False)
        if config:
            if prompt_template is None:
                face["config"] = config
            else:
                # MLflow hands ``config`` to the loader module, whose one argument is the path.
                facts["model_config"] = config
        return Saved(facts, face)

    def load(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        return_type: str = "pipeline",
        device: Any = None,
        torch_dtype: Any = None,
        dtype: Any = None,
        **options: Any,
    ) -> Any:
        """The pipeline, or with ``return_type="components"`` a dict of what it is made of.

        Options beside the named ones go to ``transformers.pipeline``.
        """
        if return_type not in ("pipeline", "components"):
            raise InvalidInput(f"return_type is 'pipeline' or 'components', not {return_type!r}.")
        library = framework("transformers", flavor=self, facts=facts)
        if return_type == "pipeline" and facts.get("processor_type"):
            raise InvalidInput(
                "This model was saved with a processor, which pipelines don't take: load it with"
                " return_type='components'."
            )
        kind = _dtype(dtype or torch_dtype or facts.get("torch_dtype"), self)
        try:
            loaded: dict[str, Any] = {"task": facts["task"]}
            named = {} if kind is None else {_dtype_argument(library): kind}
            loaded |= named | _read(library, folder, facts, named)
            if device is not None:
                loaded["device"] = device
            if return_type == "components":
                return loaded
            pipeline = library.pipeline(**loaded, trust_remote_code=False, **options)
        except (ImportError, MemoryError, InvalidModel):
            raise
        except Exception as error:
            raise InvalidModel(str(folder), f"transformers can't read it: {error}") from error
        template = facts.get("prompt_template") or (Model.load(folder).metadata or {}).get(
            "prompt_template"
        )
        if template:
            _templates[pipeline] = check_template(str(template))
        return pipeline

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Pickled weights, code that configurations map to, and what is fetched from the Hub."""
        found: list[str] = []
        if facts.get("source_model_revision"):
            found.append(f"its weights come from {facts.get('source_model_name')!r} on the Hub")
        else:
            found += pretrained_hazards(_model_folder(folder, facts), below=folder)
        if (folder / COMPONENTS).exists():
            found += pretrained_hazards(inside(folder, COMPONENTS), below=folder)
        if facts.get("peft_adaptor"):
            adaptor = inside(folder, facts["peft_adaptor"])
            found += pretrained_hazards(adaptor, below=folder)
        return found

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """The pipeline's answers, in the form that MLflow gives them."""
        pipeline = pipeline_of(model, facts.get("task"), framework("transformers", flavor=self))
        template = facts.get("prompt_template") or _templates.get(pipeline)
        return PipelinePredictor(
            pipeline,
            config={**(facts.get("model_config") or {}), **(facts.get("config") or {})},
            template=template,
            inference_task=facts.get("inference_task"),
        )

    def accepts(self, model: Any) -> bool:
        """Whether it is a pipeline, or a dict of components."""
        if isinstance(model, dict):
            model = model.get("model")
            kinds = {"PreTrainedModel"}
        else:
            kinds = {"Pipeline"}
        return any(
            base.__module__.startswith("transformers.") and base.__name__ in kinds
            for base in type(model).__mro__
        )


def _facts(pipeline: Any, processor: Any, torch_dtype: Any) -> dict[str, Any]:
    model = pipeline.model
    facts: dict[str, Any] = {"task": pipeline.task, "instance_type": type(pipeline).__name__}
    if getattr(pipeline, "framework", None):
        facts["framework"] = pipeline.framework
    dtype = torch_dtype or getattr(model, "dtype", None)
    if dtype is not None:
        facts["torch_dtype"] = str(dtype)
    facts |= {
        "pipeline_model_type": type(model).__name__,
        "source_model_name": str(getattr(model, "name_or_path", "") or ""),
        "model_binary": MODEL,
    }
    parts = [name for name in PARTS if getattr(pipeline, name, None) is not None]
    for name in parts:
        facts[f"{name}_type"] = type(getattr(pipeline, name)).__name__
    if processor is not None:
        facts["processor_type"] = type(processor).__name__
    facts["components"] = parts
    return facts


def _write(pipeline: Any, processor: Any, folder: Path, facts: Mapping[str, Any]) -> None:
    if hasattr(pipeline.model, "peft_config"):
        raise InvalidInput(
            "Adapters of peft are not kept apart from their base model: save what"
            " model.merge_and_unload() gives."
        )
    pipeline.model.save_pretrained(folder / MODEL)
    for name in facts["components"]:
        getattr(pipeline, name).save_pretrained(folder / COMPONENTS / name)
    if processor is not None:
        processor.save_pretrained(folder / COMPONENTS / _PROCESSOR)


def _read(
    library: Any, folder: Path, facts: Mapping[str, Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    revision = facts.get("source_model_revision")
    arguments = dict(named)
    if revision:
        place = str(facts.get("source_model_name"))
        arguments["revision"] = revision
        custom = False
    else:
        data = _model_folder(folder, facts)
        place, custom = str(data), needs_code(data)
        arguments["local_files_only"] = True
        # Where there are no safetensors, ``hazards`` has named the pickles.
        arguments["use_safetensors"] = True if has_safetensors(data) else None
    kind, code = class_named(library, str(facts.get("pipeline_model_type")), MODEL, custom=custom)
    model = kind.from_pretrained(place, trust_remote_code=code, **arguments)
    if facts.get("peft_adaptor"):
        peft = framework("peft", flavor=TransformersFlavor())
        model = peft.PeftModel.from_pretrained(model, str(inside(folder, facts["peft_adaptor"])))
    loaded = {MODEL: model}
    names = list(facts.get("components") or [])
    for name in [*names, *([_PROCESSOR] if facts.get("processor_type") else [])]:
        loaded[name] = _read_part(library, folder, facts, str(name))
    return loaded


def _read_part(library: Any, folder: Path, facts: Mapping[str, Any], name: str) -> Any:
    if name not in (*PARTS, _PROCESSOR):
        raise InvalidModel(str(folder), f"it names the component {name!r}")
    typed = str(facts.get(f"{name}_type"))
    if facts.get(f"{name}_name"):
        kind, _ = class_named(library, typed, name, custom=False)
        return kind.from_pretrained(
            str(facts[f"{name}_name"]), revision=facts.get(f"{name}_revision")
        )
    data = inside(folder, f"{COMPONENTS}/{name}")
    kind, code = class_named(library, typed, name, custom=needs_code(data))
    return kind.from_pretrained(str(data), trust_remote_code=code, local_files_only=True)


def _model_folder(folder: Path, facts: Mapping[str, Any]) -> Path:
    if facts.get("local_base_model_path"):
        raise InvalidModel(str(folder), "its base model is outside of it, at local_base_model_path")
    # Before MLflow 2.4 the folder had another name and no entry.
    return inside(folder, facts.get("model_binary") or "pipeline")


def _dtype(given: Any, flavor: Flavor) -> Any:
    if not isinstance(given, str):
        return given
    torch = framework("torch", flavor=flavor)
    found = getattr(torch, given.removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise InvalidInput(f"{given!r} is no dtype of PyTorch.")
    return found


def _dtype_argument(library: Any) -> str:
    # Renamed in transformers 4.56; the old name warns since.
    numbers = [int(part) for part in library.__version__.split(".")[:2]]
    return "dtype" if numbers >= [4, 56] else "torch_dtype"


def _checked_template(template: str, task: str) -> str:
    if task not in TEMPLATED_TASKS:
        raise InvalidInput(
            f"prompt_template fits the tasks {', '.join(sorted(TEMPLATED_TASKS))}, not {task!r}."
        )
    return check_template(template)
