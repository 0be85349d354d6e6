"""Targets by their URIs: Assay's own, and those that other packages bring as entry points.

``assay.deployments`` is the group of entry points; MLflow's group ``mlflow.deployments`` counts as
well, so its plugins work, given that what they import themselves is installed.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Final

from assay.errors import AssayError, InvalidInput, NotFound

BUILT_IN: Final = {
    "azureml": "assay.deployments.azureml",
    "docker": "assay.deployments.docker",
    "kubernetes": "assay.deployments.kubernetes",
    "local": "assay.deployments.local",
    "sagemaker": "assay.deployments.sagemaker",
}
GROUPS: Final = ("assay.deployments", "mlflow.deployments")
"""Of entry points; the first that has a name wins, and Assay's own win over both."""
_METHODS: Final = (
    "create_deployment",
    "update_deployment",
    "delete_deployment",
    "list_deployments",
    "get_deployment",
    "predict",
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}\Z")
_VARIABLES: Final = ("ASSAY_DEPLOYMENTS_TARGET", "MLFLOW_DEPLOYMENTS_TARGET")
_chosen: str | None = None


class PluginBroken(AssayError):
    """What another package offers as a target can't be used as one."""

    error_code = "INTERNAL_ERROR"


def set_deployments_target(target: str) -> None:
    """Let ``get_deploy_client()`` mean this target.

    Raises:
        InvalidInput: it is no URI of a target.
    """
    global _chosen
    target_name(target)
    _chosen = target


def get_deployments_target() -> str:
    """The target that was set, here or by ``ASSAY_DEPLOYMENTS_TARGET``.

    Raises:
        InvalidInput: none was.
    """
    found = _chosen or next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None)
    if found is None:
        raise InvalidInput(
            "No target was named: give its URI, such as 'local', or set ASSAY_DEPLOYMENTS_TARGET."
        )
    return found


def get_deploy_client(target_uri: str | None = None) -> Any:
    """The client of a target: an ``assay.deployments.BaseDeploymentClient``, or what a plugin has.

    Args:
        target_uri: ``<name>`` or ``<name>:/<more>``; the target's help tells what more it takes.
            ``None``: the one that was set.

    Raises:
        InvalidInput: it is no such URI.
        NotFound: nothing with this name is installed.
        PluginBroken: what is installed under this name is no target.
    """
    uri = target_uri or get_deployments_target()
    return _client_class(plugin(uri), uri)(uri)


def run_local(
    target: str,
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Run a model in the foreground as the target would, until Ctrl-C.

    Raises:
        InvalidInput: the target offers no such thing, or a value is wrong.
        NotFound: nothing with this name is installed.
    """
    plugin(target).run_local(name, model_uri, flavor, config)


def target_help(target: str) -> str:
    """What a target takes, for a person.

    Raises:
        NotFound: nothing with this name is installed.
    """
    return str(plugin(target).target_help())


def target_names() -> list[str]:
    """Targets that can be used here, by name."""
    return sorted({*BUILT_IN, *(one.name for group in GROUPS for one in entry_points(group=group))})


def target_name(target_uri: str) -> str:
    """The name in a target's URI.

    Raises:
        InvalidInput: it has none.
    """
    name = target_uri.partition(":")[0] if isinstance(target_uri, str) else ""
    if not _NAME.match(name) or not target_uri.isprintable():
        raise InvalidInput(
            f"{ascii(target_uri)[:80]} is no target: <name> or <name>:/<more>, such as 'local'."
        )
    return name


def plugin(target_uri: str) -> ModuleType:
    """The module of a target.

    Raises:
        NotFound: nothing with this name is installed.
        PluginBroken: it can't be imported, or lacks ``run_local`` or ``target_help``.
    """
    name = target_name(target_uri)
    if name in BUILT_IN:
        return importlib.import_module(BUILT_IN[name])
    found = _entry_point(name)
    if found is None:
        raise NotFound(
            f"There is no target {name!r} here, only {', '.join(target_names())}. Install the"
            " package that brings it."
        )
    try:
        module = found.load()
    except Exception as error:  # a plugin may raise anything while it is imported
        raise PluginBroken(
            f"The target {name!r} ({found.value}) can't be loaded: {error}"
        ) from error
    missing = [one for one in ("run_local", "target_help") if not hasattr(module, one)]
    if missing:
        raise PluginBroken(
            f"The target {name!r} ({found.value}) has no {' and no '.join(missing)}."
        )
    return module  # type: ignore[no-any-return]  # what an entry point names


def _entry_point(name: str) -> EntryPoint | None:
    for group in GROUPS:
        for one in entry_points(group=group, name=name):
            return one
    return None


def _client_class(module: ModuleType, uri: str) -> type[Any]:
    """The one class of a module that has the methods of a client, bases left out.

    By its methods, since MLflow's plugins inherit from a class that may not be installed here.
    """
    found = [
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if all(callable(getattr(one, method, None)) for method in _METHODS)
        and not inspect.isabstract(one)
    ]
    # A class that another one here extends is there for that one.
    last = [one for one in found if not any(o is not one and issubclass(o, one) for o in found)]
    if len(last) != 1:
        names = ", ".join(sorted(one.__name__ for one in last)) or "none"
        raise PluginBroken(
            f"The module of the target {target_name(uri)!r} must have one class of a client; it has"
            f" {names}."
        )
    return last[0]
