"""Sessions of ONNX Runtime from the providers and options that ``MLmodel`` names.

The options are where plain data could become code: some execution providers load a library whose
name they are given. Whatever looks like a file is therefore named as a hazard.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from assay.errors import InvalidInput, InvalidModel

Provider = str | tuple[str, Mapping[str, Any]]
_CPU: Final = "CPUExecutionProvider"
_MODES: Final = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}
_OPTIONS: Final = frozenset(
    {
        "inter_op_num_threads",
        "intra_op_num_threads",
        "execution_mode",
        "graph_optimization_level",
        "extra_session_config",
    }
)
_HARMLESS_VALUE: Final = re.compile(r"[A-Za-z0-9_\-]*")
_FILE_KEY: Final = re.compile(r"path|lib|file|folder|dir|plugin|url", re.IGNORECASE)
_log = logging.getLogger(__name__)


def check_options(options: Mapping[str, Any] | None) -> None:
    """See that session options are those that MLflow knows too.

    Raises:
        InvalidInput: one isn't, or has a value that ONNX Runtime has no use for.
    """
    for name, value in (options or {}).items():
        if name not in _OPTIONS:
            raise InvalidInput(
                f"onnx_session_options has no {name!r}; known are {', '.join(sorted(_OPTIONS))}."
            )
        if name == "execution_mode" and str(value).lower() not in _MODES:
            raise InvalidInput(f"execution_mode is sequential or parallel, not {value!r}.")
        if name == "extra_session_config" and not isinstance(value, Mapping):
            raise InvalidInput("extra_session_config is a dict of texts.")


def session_hazards(facts: Mapping[str, Any]) -> list[str]:
    """Options of providers and of the session that name, or may name, a file."""
    options = facts.get("onnx_session_options") or {}
    extra = options.get("extra_session_config") if isinstance(options, Mapping) else None
    groups = [("the session", extra or {})] + [
        (name, given) for name, given in _providers_of(facts) if given
    ]
    return [
        f"ONNX Runtime gets {key}={value!r} for {name}"
        for name, given in groups
        for key, value in (given.items() if isinstance(given, Mapping) else [("options", given)])
        if _FILE_KEY.search(str(key)) or not _HARMLESS_VALUE.fullmatch(str(value))
    ]


def open_session(runtime: Any, model: bytes | str, facts: Mapping[str, Any]) -> Any:
    """An ``InferenceSession``; providers that aren't there are left out with a warning.

    Args:
        runtime: the module ``onnxruntime``.
        model: its content, or its path.
        facts: the entry of the flavor.

    Raises:
        InvalidModel: ONNX Runtime can't run it.
    """
    try:
        options = _session_options(runtime, facts.get("onnx_session_options") or {})
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidModel("ONNX model", f"its session options can't be used: {error}") from error
    wanted = _providers_of(facts)
    available = set(runtime.get_available_providers())
    usable = [(name, dict(given)) for name, given in wanted if name in available]
    # CUDA is among the defaults: its absence is no news.
    missing = [name for name, _ in wanted if name not in available and not name.startswith("CUDA")]
    if missing:
        _log.warning("ONNX Runtime has no %s here.", ", ".join(missing))
    attempts: list[list[tuple[str, dict[str, Any]]]] = [usable, [(_CPU, {})]]
    for providers in attempts:
        if not providers:
            continue
        try:
            return runtime.InferenceSession(model, sess_options=options, providers=providers)
        except Exception as error:
            if [name for name, _ in providers] == [_CPU]:
                why = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise InvalidModel("ONNX model", f"ONNX Runtime can't run it: {why}") from error
            _log.warning("ONNX Runtime can't use %s (%s): the CPU is used.", providers, error)
    raise AssertionError("the CPU comes last")


def _providers_of(facts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Names and options: YAML gives a name, or a list of a name and options."""
    given = facts.get("providers") or [_CPU]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for one in given if isinstance(given, list | tuple) else [given]:
        pair = one if isinstance(one, list | tuple) else [one]
        name, options = [*pair, None, None][:2]
        if not isinstance(name, str) or not isinstance(options or {}, Mapping):
            raise InvalidModel("ONNX model", f"providers holds {one!r}")
        found.append((name, options or {}))
    return found


def _session_options(runtime: Any, given: Mapping[str, Any]) -> Any:
    options = runtime.SessionOptions()
    for name in ("inter_op_num_threads", "intra_op_num_threads"):
        if given.get(name):
            setattr(options, name, int(given[name]))
    mode = _MODES.get(str(given.get("execution_mode", "")).lower())
    if mode is not None:
        options.execution_mode = getattr(runtime.ExecutionMode, mode)
    if given.get("graph_optimization_level"):
        level = int(given["graph_optimization_level"])
        options.graph_optimization_level = runtime.GraphOptimizationLevel(level)
    for key, value in (given.get("extra_session_config") or {}).items():
        options.add_session_config_entry(str(key), str(value))
    return options
