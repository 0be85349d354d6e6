"""Writing PyTorch modules: one function for each format of the flavor ``pytorch``."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import AssayError, InvalidInput, InvalidModel
from assay.flavors.base import Flavor, framework
from assay.flavors.pytorch_archive import archive_hazards

DATA: Final = "data"
EXPORTED: Final = "model.pt2"
PICKLED: Final = "model.pth"
WEIGHTS: Final = "model.safetensors"
PICKLE_MODULE_FILE: Final = "pickle_module_info.txt"
MLFLOW_PICKLE_MODULE: Final = "mlflow.pytorch.pickle_module"
"""cloudpickle, in the shape that ``torch.load`` asks for; MLflow imports it by this name."""
FORMATS: Final = ("pt2", "state_dict", "pickle", "torchscript")
_log = logging.getLogger(__name__)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for."""

    format: str | None
    inputs: Any
    dynamic_shapes: Any
    model_class: Any
    model_kwargs: Mapping[str, Any] | None
    pickle_module: Any


def write(flavor: Flavor, torch: Any, model: Any, folder: Path, request: Request) -> dict[str, Any]:
    """Write the module below ``folder``; returns what its entry says beside MLflow's facts.

    Raises:
        InvalidInput: the module, or an option, doesn't fit the format.
    """
    if request.format not in (None, *FORMATS):
        raise InvalidInput(
            f"serialization_format must be one of {', '.join(FORMATS)}, not {request.format!r}."
        )
    if isinstance(model, torch.export.ExportedProgram):
        if request.format not in (None, "pt2"):
            raise InvalidInput("An ExportedProgram is kept as pt2 only.")
        return _save_program(torch, model, folder)
    if not isinstance(model, torch.nn.Module):
        raise InvalidInput(
            f"PyTorch models are modules (torch.nn.Module), not {type(model).__name__}."
        )
    if isinstance(model, torch.jit.ScriptModule):
        return _save_script(model, folder, request)
    if request.format == "torchscript":
        raise InvalidInput("Make the module one of TorchScript first: torch.jit.script(model).")
    if request.format == "pt2":
        return _export(torch, model, folder, request)
    given = request.model_class is not None or request.model_kwargs is not None
    if request.format == "state_dict" or (request.format is None and given):
        return _save_state(flavor, torch, model, folder, request)
    if request.format is None:
        return _save_best(torch, model, folder, request)
    return _pickle(torch, model, folder, request)


def class_named(torch: Any, name: str) -> Any:
    """The class of modules at ``module:name``; only called once that was declared as a hazard, or
    the module is torch's own.

    Raises:
        InvalidModel: there is none.
    """
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidModel(
            name,
            f"its class can't be imported ({error}): install its package, or save the file"
            " in code_paths",
        ) from error
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise InvalidModel(name, "this is no class of modules")
    return found


def by_position(model: Any, named: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs by name as ``forward`` takes them: by position where it can, as graphs need it."""
    try:
        bound = inspect.signature(model.forward).bind(**named)
    except (TypeError, ValueError):
        # TorchScript has no signature; a wrong name is told by the module itself.
        return (), dict(named)
    return bound.args, bound.kwargs


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """In the mode of prediction; each part is put back into its own mode afterwards."""
    # Loaded graphs have no modes: asking for one raises.
    parts = [part for part in model.modules() if part.training] if model.training else []
    for part in parts:
        part.training = False
    try:
        yield
    finally:
        for part in parts:
            part.training = True


def _save_best(torch: Any, model: Any, folder: Path, request: Request) -> dict[str, Any]:
    why = "there is no input_example to trace it with"
    if request.inputs is not None:
        try:
            return _export(torch, model, folder, request)
        except AssayError as error:
            why = str(error)
    (folder / EXPORTED).unlink(missing_ok=True)
    _log.warning("Saved as a pickle, whose loading runs code, and not as pt2: %s", why)
    return _pickle(torch, model, folder, request)


def _export(torch: Any, model: Any, folder: Path, request: Request) -> dict[str, Any]:
    inputs = _tensors(torch, model, request.inputs)
    with evaluating(model), torch.no_grad(), warnings.catch_warnings():
        # Tracing speaks of torch's own inner workings.
        warnings.simplefilter("ignore")
        try:
            program = _traced(torch, model, inputs, request.dynamic_shapes)
        except Exception as error:
            first = str(error).strip().partition("\n")[0]
            raise InvalidInput(
                f"torch.export can't trace {type(model).__name__}: {first} Save it with"
                " serialization_format='pickle', or 'state_dict'."
            ) from error
    return _save_program(torch, program, folder)


def _traced(torch: Any, model: Any, inputs: tuple[Any, ...], shapes: Any) -> Any:
    """The program; the number of rows is free wherever the module allows it."""
    if shapes is not None:
        return torch.export.export(model, inputs, dynamic_shapes=shapes)
    auto = torch.export.Dim.AUTO
    shapes = [{0: auto} if one.ndim else None for one in inputs]
    if not any(one.ndim and one.shape[0] == 1 for one in inputs):
        return torch.export.export(model, inputs, dynamic_shapes=shapes)
    # A dimension of one is taken as a constant: tracing two rows keeps their number free.
    doubled = tuple(torch.cat([one, one]) if one.ndim else one for one in inputs)
    try:
        program = torch.export.export(model, doubled, dynamic_shapes=shapes)
        program.module()(*inputs)
    except Exception as error:  # noqa: BLE001 - whatever tracing raises; one row is what was asked for
        _log.debug("Traced with one row only: %s", error)
        return torch.export.export(model, inputs, dynamic_shapes=shapes)
    return program


def _tensors(torch: Any, model: Any, inputs: Any) -> tuple[Any, ...]:
    if inputs is None:
        raise InvalidInput(
            "pt2 is traced from an example: give an input_example (an array, a tensor or a"
            " DataFrame), or example_inputs for several inputs."
        )
    if isinstance(inputs, tuple) and len(inputs) == 2 and isinstance(inputs[1], dict):
        raise InvalidInput("pt2 keeps no params of forward.")
    if isinstance(inputs, Mapping):
        inputs, rest = by_position(model, inputs)
        if rest:
            raise InvalidInput(f"forward takes no inputs {', '.join(rest)} by position.")
    return tuple(_tensor(torch, one) for one in (inputs if type(inputs) is tuple else (inputs,)))


def _tensor(torch: Any, data: Any) -> Any:
    if isinstance(data, torch.Tensor):
        return data.detach()
    import numpy as np

    try:
        if hasattr(data, "to_numpy"):
            return torch.from_numpy(data.to_numpy(dtype=np.float32).copy())
        array = np.array(data)
        return torch.from_numpy(array.astype(np.float32) if array.dtype == np.float64 else array)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"pt2 takes arrays and tensors as inputs: {error}.") from error


def _save_program(torch: Any, program: Any, folder: Path) -> dict[str, Any]:
    path = folder / EXPORTED
    torch.export.save(program, path)
    found = archive_hazards(path)
    if found:
        _log.warning("Loading this model needs trust: %s.", "; ".join(found))
    return {}


def _save_script(model: Any, folder: Path, request: Request) -> dict[str, Any]:
    if request.format not in (None, "torchscript", "pickle"):
        raise InvalidInput("A TorchScript module is kept as TorchScript only.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(str(folder / PICKLED))
    # MLflow reads this note before it looks at the file.
    (folder / PICKLE_MODULE_FILE).write_text(MLFLOW_PICKLE_MODULE, encoding="utf-8")
    return {}


def _pickle(torch: Any, model: Any, folder: Path, request: Request) -> dict[str, Any]:
    module, name = request.pickle_module, MLFLOW_PICKLE_MODULE
    if module is None:
        import cloudpickle

        module = cloudpickle
    else:
        name = module.__name__
    try:
        torch.save(model, folder / PICKLED, pickle_module=module)
    except Exception as error:
        raise InvalidInput(f"{type(model).__name__} can't be pickled: {error}") from error
    (folder / PICKLE_MODULE_FILE).write_text(name, encoding="utf-8")
    return {}


def _save_state(
    flavor: Flavor, torch: Any, model: Any, folder: Path, request: Request
) -> dict[str, Any]:
    """Weights, and what makes the module that they belong to; tried before it is relied on."""
    kind = request.model_class or type(model)
    name = kind if isinstance(kind, str) else f"{kind.__module__}:{kind.__qualname__}"
    kwargs = _kwargs(model, request)
    if name.startswith("__main__:") or "<locals>" in name:
        raise InvalidInput(
            f"state_dict needs a class that can be imported, not {name!r}: move it to a file and"
            " give that in code_paths, or use another serialization_format."
        )
    safetensors = framework("safetensors.torch", flavor=flavor)
    path = folder / WEIGHTS
    try:
        safetensors.save_model(model, str(path))
        with torch.random.fork_rng(devices=[]):
            again = class_named(torch, name)(**kwargs)
        safetensors.load_model(again, path)
    except Exception as error:
        path.unlink(missing_ok=True)
        raise InvalidInput(
            f"The module can't be made again as {name}(**{kwargs}): {error} Give model_kwargs, what"
            " its class was called with."
        ) from error
    return {"serialization_format": "state_dict", "model_class": name, "model_kwargs": kwargs}


def _kwargs(model: Any, request: Request) -> dict[str, Any]:
    """What was given, or what Lightning's ``save_hyperparameters`` noted."""
    given = request.model_kwargs
    if given is None:
        given = getattr(model, "hparams", None) if "lightning" in _roots(model) else {}
    kwargs = dict(given or {})
    try:
        plain = json.loads(json.dumps(kwargs))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"model_kwargs must be JSON values: {error}.") from None
    return dict(plain)


def _roots(model: Any) -> str:
    return " ".join(kind.__module__.split(".")[0] for kind in type(model).__mro__)
