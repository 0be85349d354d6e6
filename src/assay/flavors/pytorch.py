"""PyTorch modules, Lightning's included.

Formats: ``pt2`` (``torch.export``, the default where there is an example to trace: a graph on
tensors, checked before it is loaded), ``state_dict`` (safetensors, and the class with its
arguments; plain data for classes of ``torch.nn``), ``pickle`` (the default otherwise) and
TorchScript. Files and entries as ``mlflow.pytorch`` of MLflow 3 has them; ``state_dict``, which
MLflow doesn't know, is read there through ``assay.mlflow_loader``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel, MissingFramework
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.flavors.pytorch_archive import archive_hazards
from assay.flavors.pytorch_reading import READERS, kind_of
from assay.flavors.pytorch_writing import (
    DATA,
    MLFLOW_PICKLE_MODULE,
    Request,
    by_position,
    evaluating,
    write,
)

_OWN_KINDS: Final = frozenset({"keras", "sentence_transformers", "transformers"})
"""Packages whose models are modules of torch as well and have flavors of their own."""
_SAFE_CLASS: Final = re.compile(r"torch\.nn(\.modules\.[a-z_]+)?:[A-Za-z_]\w*", re.ASCII)


class PytorchFlavor(Flavor):
    """``pytorch``."""

    name: ClassVar[str] = "pytorch"
    title: ClassVar[str] = "PyTorch"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    loader_module: ClassVar[str] = "mlflow.pytorch"
    argument: ClassVar[str] = "pytorch_model"
    wants_example: ClassVar[bool] = True
    """The input example is what a model is traced with: ``example_inputs`` of ``save``."""

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str | None = None,
        export_model: bool = False,
        example_inputs: Any = None,
        dynamic_shapes: Any = None,
        model_class: Any = None,
        model_kwargs: Mapping[str, Any] | None = None,
        pickle_module: Any = None,
        **options: Any,
    ) -> Saved:
        """Write the module.

        Args:
            model: a module, a TorchScript module or an ``ExportedProgram``.
            folder: where to.
            serialization_format: ``pt2``, ``state_dict``, ``pickle``, ``torchscript``; ``None``:
                the first that can keep it.
            export_model: MLflow's older word for ``pt2``.
            example_inputs: what ``pt2`` is traced with: the input, or a tuple of inputs.
            dynamic_shapes: as of ``torch.export.export``; the first dimension if left out.
            model_class: for ``state_dict``: the class or its ``module:name``, if it isn't the
                module's own.
            model_kwargs: for ``state_dict``: what the class is called with; JSON values.
            pickle_module: for ``pickle``; cloudpickle if left out.
            options: there are no others.
        """
        if options:
            raise InvalidInput(f"PyTorch models have no option {sorted(options)[0]!r}.")
        torch = framework("torch", flavor=self)
        request = Request(
            format="pt2" if export_model else serialization_format,
            inputs=example_inputs,
            dynamic_shapes=dynamic_shapes,
            model_class=model_class,
            model_kwargs=model_kwargs,
            pickle_module=pickle_module,
        )
        (folder / DATA).mkdir()
        written = write(self, torch, model, folder / DATA, request)
        facts = {
            "model_data": DATA,
            "pytorch_version": str(torch.__version__),
            "code": None,
            **written,
        }
        if "model_class" in written:
            return Saved(facts, {"loader_module": FOREIGN_LOADER})
        config = {"device": None}
        face = {
            "data": DATA,
            "config": config,
            "pickle_module_name": MLFLOW_PICKLE_MODULE,
        }
        return Saved(facts, face)

    def load(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        device: str | None = None,
        **options: Any,
    ) -> Any:
        """The module, ready to predict; ``options`` are those of ``torch.load`` for pickles."""
        framework("torch", flavor=self, facts=facts)
        kind, path = kind_of(folder, facts)
        try:
            model = READERS[kind](self, path, facts, options)
        except (MissingFramework, InvalidModel, MemoryError):
            raise
        except ModuleNotFoundError as error:
            raise InvalidModel(
                str(folder), f"{path.name} needs the module {error.name!r}: save it in code_paths"
            ) from error
        except Exception as error:
            raise InvalidModel(
                str(folder), f"{path.name} can't be read as {kind}: {error}"
            ) from error
        if kind != "pt2":
            model.eval()
        return model if device is None else model.to(device)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """All but checked graphs and weights of classes of ``torch.nn``."""
        kind, path = kind_of(folder, facts)
        if kind == "pt2":
            return archive_hazards(path)
        if kind == "state_dict":
            name = str(facts.get("model_class"))
            return [] if _SAFE_CLASS.fullmatch(name) else [f"it calls {name} to make the module"]
        if kind == "torchscript":
            return [f"{path.name} is a TorchScript program, which can read and write files"]
        return [f"{path.name} is a pickle"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """The module called without gradients, from arrays to arrays."""
        torch = framework("torch", flavor=self, facts=facts)
        if hasattr(model, "module_call_graph"):
            model = model.module()
        device = (facts.get("config") or {}).get("device")
        return _PytorchPredictor(torch, model, device)

    def accepts(self, model: Any) -> bool:
        """Modules and exported programs, but for those of packages that have their own flavor."""
        bases = [(kind.__module__, kind.__name__) for kind in type(model).__mro__]
        if any(module.split(".")[0] in _OWN_KINDS for module, _ in bases):
            return False
        wanted = {
            ("torch.nn.modules.module", "Module"),
            ("torch.export.exported_program", "ExportedProgram"),
        }
        return not wanted.isdisjoint(bases)


class _PytorchPredictor:
    def __init__(self, torch: Any, model: Any, device: str | None) -> None:
        self._torch = torch
        self._model = model
        tensors = [*model.parameters(), *model.buffers()]
        own = tensors[0].device if tensors else torch.device("cpu")
        self._device = torch.device(device) if device else own
        if device and self._device != own:
            model.to(self._device)
        self._narrow = not any(one.dtype == torch.float64 for one in tensors)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Frames become one float32 tensor; dicts of arrays become arguments by name."""
        with self._torch.no_grad(), evaluating(self._model):
            if isinstance(data, Mapping):
                named = {name: self._tensor(value) for name, value in data.items()}
                args, kwargs = by_position(self._model, {**named, **(params or {})})
                output = self._model(*args, **kwargs)
            else:
                output = self._model(self._tensor(data), **(params or {}))
        output = _arrays(output)
        if hasattr(data, "iloc"):
            return _frame(output, data.index)
        return output

    def _tensor(self, data: Any) -> Any:
        if isinstance(data, self._torch.Tensor):
            return data.to(self._device)
        import numpy as np

        if hasattr(data, "to_numpy"):
            array = data.to_numpy(dtype=np.float32)
        else:
            array = np.asarray(data)
            if array.dtype == np.float64 and self._narrow:
                array = array.astype(np.float32)
        if not array.flags.writeable:
            # torch shares the memory of arrays, and warns of those that it mustn't write to.
            array = array.copy()
        return self._torch.from_numpy(array).to(self._device)


def _arrays(output: Any) -> Any:
    if hasattr(output, "detach"):
        tensor = output.detach().cpu()
        # NumPy has no bfloat16.
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    if isinstance(output, Mapping):
        return {name: _arrays(value) for name, value in output.items()}
    if isinstance(output, list | tuple):
        return [_arrays(value) for value in output]
    return output


def _frame(output: Any, index: Any) -> Any:
    import pandas as pd

    if isinstance(output, Mapping | list) or getattr(output, "ndim", 0) > 2:
        return output
    return pd.DataFrame(output, index=index)
