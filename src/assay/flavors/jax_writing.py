"""From what people train with JAX to a program of ``jax.export`` and its variables."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from assay.errors import InvalidInput

_PLATFORMS: Final = ("cpu", "cuda", "tpu")
_log = logging.getLogger(__name__)


class Bound(NamedTuple):
    """A function of its variables and inputs; of the inputs alone, if there are no variables."""

    function: Callable[..., Any]
    variables: dict[str, Any]
    """Arrays by their path in the user's own structure."""


def bound(jax: Any, model: Any) -> Bound:
    """The model as one function and its arrays.

    Raises:
        InvalidInput: its variables aren't with it, or it can't be called.
    """
    root = _flax_root(model)
    if root == "nnx":
        return _bound_nnx(jax, model)
    if root == "linen":
        if model.scope is None:
            raise InvalidInput(
                f"{type(model).__name__} has no variables: give module.bind(variables)."
            )
        module, variables = model.unbind()
        return _flattened(jax, module.apply, variables)
    if hasattr(model, "mlir_module_serialized"):
        return Bound(model.call, {})
    if isinstance(model, functools.partial):
        keywords = dict(model.keywords)

        def call(parts: Any, *inputs: Any) -> Any:
            args, named = parts
            return model.func(*args, *inputs, **named)

        return _flattened(jax, call, (model.args, keywords))
    if not callable(model):
        raise InvalidInput(
            f"JAX models are functions or Flax modules, not {type(model).__name__}. Give"
            " functools.partial(function, variables)."
        )
    return Bound(model, {})


def export(
    jax: Any,
    whole: Bound,
    example: Any,
    *,
    dynamic_batch: bool,
    platforms: Sequence[str] | None,
) -> Any:
    """The program, for inputs like ``example``.

    Raises:
        InvalidInput: there is no example, or JAX can't export the function.
    """
    if example is None:
        raise InvalidInput(
            "JAX models are traced from an example: give an input_example (an array, a frame or a"
            " dict of arrays), or example_inputs for several inputs."
        )
    inputs = _inputs(jax, example)
    wanted = [tuple(platforms)] if platforms else [_PLATFORMS, (jax.default_backend(),)]
    tries = [(free, on) for free in ([True, False] if dynamic_batch else [False]) for on in wanted]
    for free, on in tries:
        try:
            return _exported(jax, whole, _shapes(jax, inputs, free=free), on)
        except Exception as error:
            if (free, on) == tries[-1]:
                first = str(error).strip().partition("\n")[0]
                raise InvalidInput(f"jax.export can't keep this function: {first}") from error
            _log.info("Not exported with free=%s for %s: %s", free, on, error)
    raise AssertionError("there is always a last try")


def _exported(jax: Any, whole: Bound, shapes: Any, platforms: Sequence[str]) -> Any:
    jitted = jax.jit(whole.function)
    program = jax.export.export(jitted, platforms=platforms)
    if not whole.variables:
        return program(*shapes)
    known = {
        name: jax.ShapeDtypeStruct(array.shape, array.dtype)
        for name, array in whole.variables.items()
    }
    return program(known, *shapes)


def _inputs(jax: Any, example: Any) -> tuple[Any, ...]:
    import numpy as np

    def array(value: Any) -> Any:
        value = np.asarray(value)
        # What JAX itself makes of it: float32 of float64, unless the user enabled 64 bits.
        return value.astype(jax.dtypes.canonicalize_dtype(value.dtype))

    def one(value: Any) -> Any:
        if hasattr(value, "to_numpy"):
            return value.to_numpy(dtype=np.float32)
        if isinstance(value, Mapping):
            return {name: one(inner) for name, inner in value.items()}
        return array(value)

    try:
        return tuple(map(one, example if isinstance(example, tuple) else (example,)))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"JAX takes arrays as inputs: {error}.") from error


def _shapes(jax: Any, inputs: tuple[Any, ...], *, free: bool) -> Any:
    scope = jax.export.SymbolicScope()

    def shape(array: Any) -> Any:
        if not free or array.ndim == 0:
            return jax.ShapeDtypeStruct(array.shape, array.dtype)
        text = ", ".join(["b", *map(str, array.shape[1:])])
        return jax.ShapeDtypeStruct(jax.export.symbolic_shape(text, scope=scope), array.dtype)

    return jax.tree.map(shape, inputs)


def _flattened(jax: Any, function: Callable[..., Any], variables: Any) -> Bound:
    """Arrays by path; structures of other libraries stay out of the program."""
    pairs, tree = jax.tree_util.tree_flatten_with_path(variables)
    names = [jax.tree_util.keystr(path) for path, _ in pairs]
    keys = {name: leaf for name, (_, leaf) in zip(names, pairs, strict=True) if _is_key(jax, leaf)}
    implementations = {name: jax.random.key_impl(leaf) for name, leaf in keys.items()}

    def call(arrays: dict[str, Any], *inputs: Any) -> Any:
        leaves = [
            jax.random.wrap_key_data(arrays[name], impl=implementations[name])
            if name in implementations
            else arrays[name]
            for name in names
        ]
        return function(jax.tree_util.tree_unflatten(tree, leaves), *inputs)

    arrays = {
        name: jax.random.key_data(leaf) if name in keys else jax.numpy.asarray(leaf)
        for name, (_, leaf) in zip(names, pairs, strict=True)
    }
    return Bound(call, arrays) if arrays else Bound(functools.partial(call, {}), {})


def _is_key(jax: Any, leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _bound_nnx(jax: Any, model: Any) -> Bound:
    nnx = importlib.import_module("flax.nnx")
    # A copy: switching to evaluation changes the module itself.
    copied = nnx.merge(*nnx.split(model))
    copied.eval()
    graph, state = nnx.split(copied)

    def call(state: Any, *inputs: Any) -> Any:
        return nnx.merge(graph, state)(*inputs)

    return _flattened(jax, call, state)


def _flax_root(model: Any) -> str | None:
    """``linen`` or ``nnx`` for modules of Flax."""
    for kind in type(model).__mro__:
        parts = kind.__module__.split(".")
        if parts[0] == "flax" and kind.__name__ == "Module":
            return parts[1]
    return None
