"""JAX functions and Flax modules, as programs of ``jax.export``.

Format: the program as serialised StableHLO, and its variables as safetensors: plain data, whose
custom calls are looked at before it runs. Neither the user's code nor Flax is needed to load it.
MLflow has no such flavor; it reads these models as pyfunc through ``assay.mlflow_loader``.

What can be kept has its variables with it: ``functools.partial(function, variables)``, a Flax
module that is bound (``module.bind(variables)``) or of NNX, an ``Exported``, or a function without
any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel, MissingFramework
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.flavors.jax_writing import Bound, bound, export
from assay.models.folder import inside

_DATA: Final = "data"
PROGRAM: Final = "model.jax"
VARIABLES: Final = "variables.safetensors"
_CUSTOM_CALL: Final = re.compile(r"stablehlo\.custom_call @(\"[^\"]*\"|[\w.$-]+)", re.ASCII)
_PURE_CALLS: Final = re.compile(
    r"Sharding|SPMD\w+|shape_assertion|annotate_device_placement|(mhlo|stablehlo|chlo)\.[\w.]+"
    r"|lapack_\w+|cu(da|solver|blas|fft)?_\w+|hip_\w+|Qr|Eigh|TopK|ApproxTopK|LuDecomposition"
    r"|ProductOfElementaryHouseholderReflectors|inspect_sharding|xla\.sdy\.\w+",
    re.ASCII,
)
"""Custom calls on numbers alone, as ``jax.export`` promises to keep them (JAX 0.10)."""


class JaxFlavor(Flavor):
    """``jax``."""

    name: ClassVar[str] = "jax"
    title: ClassVar[str] = "JAX"
    packages: ClassVar[tuple[str, ...]] = ("jax", "safetensors")
    loader_module: ClassVar[str] = FOREIGN_LOADER
    wants_example: ClassVar[bool] = True
    """The input example is what a model is traced with: ``example_inputs`` of ``save``."""

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        example_inputs: Any = None,
        dynamic_batch: bool = True,
        platforms: Sequence[str] | None = None,
        **options: Any,
    ) -> Saved:
        """Export and write the program.

        Args:
            model: see the module; ``Exported`` objects need no example.
            folder: where to.
            example_inputs: what it is traced with: the input (an array, a frame, or a dict of
                arrays), or a tuple of inputs.
            dynamic_batch: let the first dimension of all inputs be of any size, where the function
                allows it.
            platforms: which ones it shall run on; those that it can be compiled for, of ``cpu``,
                ``cuda`` and ``tpu``, if left out.
            options: there are no others.
        """
        if options:
            raise InvalidInput(f"JAX models have no option {sorted(options)[0]!r}.")
        jax = framework("jax", flavor=self)
        exporting = framework("jax.export", flavor=self)
        whole = bound(jax, model)
        if isinstance(model, exporting.Exported):
            program = model
        else:
            program = export(
                jax, whole, example_inputs, dynamic_batch=dynamic_batch, platforms=platforms
            )
        data = folder / _DATA
        data.mkdir()
        (data / PROGRAM).write_bytes(program.serialize())
        if whole.variables:
            framework("safetensors.flax", flavor=self).save_file(
                whole.variables, str(data / VARIABLES)
            )
        facts = {
            "data": _DATA,
            "jax_version": jax.__version__,
            "platforms": list(program.platforms),
        }
        return Saved({**facts, "code": None}, {})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """A callable with ``variables``, which takes arrays and gives JAX arrays."""
        if options:
            raise InvalidInput(f"Loading JAX models has no option {sorted(options)[0]!r}.")
        jax = framework("jax", flavor=self, facts=facts)
        data = inside(folder, facts.get("data"))
        place = str(facts["data"]).rstrip("/")
        path = inside(folder, f"{place}/{PROGRAM}")
        try:
            program = _program(self, path)
            # The program is parsed as late as it is called; damage shall be told now.
            program.mlir_module()
            variables: dict[str, Any] = {}
            if (data / VARIABLES).exists():
                stored = inside(folder, f"{place}/{VARIABLES}")
                variables = framework("safetensors.flax", flavor=self).load_file(str(stored))
        except (MissingFramework, InvalidModel, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(str(folder), f"JAX can't read it: {error}") from error
        return JaxModel(jax, program, variables)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Custom calls that aren't known to compute with numbers only."""
        data = inside(folder, facts.get("data"))
        path = inside(folder, f"{str(facts['data']).rstrip('/')}/{PROGRAM}")
        if not data.is_dir():
            raise InvalidModel(str(folder), f"{facts['data']!r} is no folder")
        try:
            text = _program(self, path).mlir_module()
        except MissingFramework:
            return [f"{PROGRAM} can't be looked into without JAX"]
        except Exception as error:  # noqa: BLE001 - damaged files raise whatever they like
            return [f"{PROGRAM} can't be looked into ({str(error)[:80]})"]
        return [f"{PROGRAM} calls {name}" for name in _custom_calls(text)]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """The function called with arrays, giving NumPy's."""
        jax = framework("jax", flavor=self, facts=facts)
        if isinstance(model, JaxModel):
            return _JaxPredictor(jax, model)
        whole = bound(jax, model)
        return _JaxPredictor(jax, _Live(jax, whole))

    def accepts(self, model: Any) -> bool:
        """Exported programs, Flax modules, jitted functions, and partials that hold JAX arrays."""
        bases = {(kind.__module__.split(".")[0], kind.__name__) for kind in type(model).__mro__}
        if {("flax", "Module"), ("jax", "Exported"), ("jaxlib", "PjitFunction")} & bases:
            return True
        return ("functools", "partial") in bases and _holds_arrays([model.args, model.keywords])


class JaxModel:
    """A program with its variables; call it with the inputs that it was exported for."""

    def __init__(self, jax: Any, exported: Any, variables: dict[str, Any]) -> None:
        self.exported = exported
        """The ``jax.export.Exported``."""
        self.variables = variables
        """Arrays by path, such as ``['params']['Dense_0']['kernel']``."""
        self._call = jax.jit(exported.call)

    def __call__(self, *inputs: Any) -> Any:
        """What the function answers, as JAX arrays."""
        return self._call(self.variables, *inputs) if self.variables else self._call(*inputs)

    @property
    def input_avals(self) -> list[Any]:
        """Shapes and dtypes of the inputs, in the order of JAX's trees."""
        return list(self.exported.in_avals)[len(self.variables) :]


class _Live:
    """A model that is about to be saved, with the face of ``JaxModel``."""

    def __init__(self, jax: Any, whole: Bound) -> None:
        self._call = jax.jit(whole.function)
        self._variables = whole.variables
        self.input_avals: list[Any] = []

    def __call__(self, *inputs: Any) -> Any:
        return self._call(self._variables, *inputs) if self._variables else self._call(*inputs)


class _JaxPredictor:
    def __init__(self, jax: Any, model: JaxModel | _Live) -> None:
        self._jax = jax
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Frames become one float32 array; dicts of arrays are one input, tuples several."""
        import numpy as np

        framed = hasattr(data, "iloc")
        inputs = data.to_numpy(dtype=np.float32) if framed else data
        inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        if not any(isinstance(one, Mapping) for one in inputs):
            inputs = tuple(np.asarray(one) for one in inputs)
        leaves, tree = self._jax.tree.flatten(inputs)
        wanted = self._model.input_avals
        if len(wanted) == len(leaves):
            leaves = [np.asarray(a, aval.dtype) for a, aval in zip(leaves, wanted, strict=True)]
        output = self._jax.tree.map(_array, self._model(*self._jax.tree.unflatten(tree, leaves)))
        if framed and getattr(output, "ndim", 9) <= 2:
            import pandas as pd

            return pd.DataFrame(output, index=data.index)
        return output


def _array(value: Any) -> Any:
    import numpy as np

    array = np.asarray(value)
    # NumPy knows bfloat16 and the like by an extension only.
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _program(flavor: Flavor, path: Path) -> Any:
    return framework("jax.export", flavor=flavor).deserialize(bytearray(path.read_bytes()))


def _custom_calls(text: str) -> list[str]:
    """Names of custom calls that aren't known as pure; all of them, if one has no name."""
    names = [name.strip('"') for name in _CUSTOM_CALL.findall(text)]
    found = sorted({name for name in names if not _PURE_CALLS.fullmatch(name)})
    if len(names) < text.count("custom_call"):
        found.append("something without a name")
    return found


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_arrays(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_arrays(inner) for inner in value)
    return type(value).__module__.split(".")[0] == "jaxlib"
