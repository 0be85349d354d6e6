"""What a deployment is, and what a target promises.

The methods have MLflow's names and signatures (mlflow/deployments/base.py of 3.17), so that its
plugins and Assay's own targets can be used alike. A module of a target has three names: one
subclass of ``BaseDeploymentClient``, ``run_local(name, model_uri, flavor=None, config=None)`` and
``target_help()``.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from assay.errors import AlreadyExists, InvalidInput, InvalidName, NotFound

FLAVOR: Final = "python_function"
"""Every target serves models by this common face."""
MAX_NAME_LENGTH: Final = 63
"""As of a DNS label, so that a name fits wherever it is used: hosts, labels, containers."""
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\Z")
_MAX_URI: Final = 2_000


class State(StrEnum):
    """How a deployment does, in words that all targets share."""

    STARTING = "starting"
    """It was asked for and doesn't answer yet."""
    RUNNING = "running"
    """It answers."""
    STOPPED = "stopped"
    """It was ended on purpose, and can be started again."""
    DEAD = "dead"
    """It ended by itself."""
    FAILED = "failed"
    """It could never be started; ``reason`` says why."""
    WRITTEN = "written"
    """Its files are made; somebody else has to apply them."""
    UNKNOWN = "unknown"
    """The target can't say now."""


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as its target knows it. ``deployment["name"]`` and ``dict(deployment)`` work
    too, since MLflow's clients give mappings.
    """

    name: str
    target: str
    """Such as ``local`` or ``docker``."""
    model_uri: str
    """As it was asked for."""
    state: State
    reason: str = ""
    """Of the state, for a person; empty if there is nothing to say."""
    endpoint: str = ""
    """URL whose ``/invocations`` answers; empty while there is none."""
    model: str = ""
    """Name of the registered model; empty for a model that isn't in the registry."""
    version: str = ""
    """Number of the version that answers, likewise."""
    actor: str = ""
    """Who made it or changed it last."""
    created_ms: int = 0
    updated_ms: int = 0
    deployment_id: str = ""
    """Under which the registry notes it; empty for a model that isn't in the registry."""
    config: dict[str, str] = {}
    """What was asked for, as text; secrets are left out."""
    details: dict[str, str] = {}
    """What this target alone has: a process id, the name of an image, …"""
    flavor: str = FLAVOR

    def keys(self) -> tuple[str, ...]:
        """Names of the facts."""
        return self.__struct_fields__

    def __getitem__(self, key: str) -> Any:
        if key not in self.__struct_fields__:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__struct_fields__)


class DeploymentNotFound(NotFound):
    """The target has no deployment with this name."""

    def __init__(self, name: str, target: str) -> None:
        super().__init__(
            f"The target {target} has no deployment {name!r}."
            f" `assay deployments list -t {target}` shows those it has."
        )
        self.name, self.target = name, target


class DeploymentExists(AlreadyExists):
    """The target has a deployment with this name."""

    def __init__(self, name: str, target: str) -> None:
        super().__init__(
            f"{target} deployment", name, hint="Change it with update, or delete it first."
        )


class DeploymentFailed(InvalidInput):
    """A deployment can't be made or changed; what was there before is still there."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"The deployment {name!r} failed: {why}")
        self.name, self.why = name, why


class BaseDeploymentClient(abc.ABC):
    """One target, such as this machine or a cluster.

    Methods block until what they were asked for is so. A failed ``create_deployment`` leaves
    nothing behind; a failed ``update_deployment`` leaves the deployment as it was and answering.
    Names are checked by ``check_name``; an unknown key of ``config`` is an error that lists the
    known ones. Several programs may work on one target at a time.

    Endpoints that hold several deployments aren't offered: ``endpoint`` must be ``None``.
    """

    def __init__(self, target_uri: str) -> None:
        self.target_uri = target_uri

    @abc.abstractmethod
    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        """Put a model to work, and note that in the registry.

        Args:
            name: unique within the target.
            model_uri: as for ``assay serve``.
            flavor: ``None`` or ``python_function``.
            config: settings of the target; see its ``target_help``.
            endpoint: not offered.

        Raises:
            DeploymentExists: the name is taken.
            DeploymentFailed: it can't be started.
            InvalidInput: the name, URI, flavor or config is wrong.
        """

    @abc.abstractmethod
    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        """Change the model, or settings: those in ``config`` replace those of before, one by one,
        and an empty one goes back to its default. Without either, a URI by stage or alias is
        looked up again.

        Raises:
            DeploymentNotFound: there is none with this name.
            DeploymentFailed: the new one can't be started; the old one goes on.
            InvalidInput: as of ``create_deployment``.
        """

    @abc.abstractmethod
    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """End a deployment, and note that in the registry. One that isn't there is no error."""

    @abc.abstractmethod
    def list_deployments(self, endpoint: str | None = None) -> list[Deployed]:
        """All deployments of the target, by name."""

    @abc.abstractmethod
    def get_deployment(self, name: str, endpoint: str | None = None) -> Deployed:
        """One deployment, as it is now.

        Raises:
            DeploymentNotFound: there is none with this name.
        """

    @abc.abstractmethod
    def predict(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> Mapping[str, Any]:
        """Predictions of a deployment, as a mapping with ``predictions``.

        Args:
            deployment_name: which one.
            inputs: what ``assay.deployments.asking.body_of`` takes: a table, an array, lists,
                named inputs, or a whole body of ``/invocations``.
            endpoint: not offered.

        Raises:
            DeploymentNotFound: there is none with this name.
            StoreUnavailable: it doesn't answer.
            InvalidInput: it refuses the inputs.
        """

    def logs(self, name: str, *, lines: int = 100) -> str:
        """The last lines that a deployment has written.

        Raises:
            DeploymentNotFound: there is none with this name.
            InvalidInput: the target keeps none.
        """
        raise InvalidInput(f"The target {self.target_uri} doesn't show logs.")

    def restart(self, name: str) -> Deployed:
        """Start a deployment again, whether it has died or not.

        Raises:
            DeploymentNotFound: there is none with this name.
            DeploymentFailed: it can't be started.
            InvalidInput: the target offers no such thing.
        """
        raise InvalidInput(f"The target {self.target_uri} doesn't restart deployments.")


def check_name(name: str) -> str:
    """``name`` as that of a deployment: letters, digits, ``-`` and ``_``, at most 63, the first
    and the last no sign. It is safe as a file name, a label and an argument.

    Raises:
        InvalidName: it is another.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH or not _NAME.match(name):
        shown = name[: MAX_NAME_LENGTH + 1] if isinstance(name, str) else repr(name)
        raise InvalidName(
            "deployment name",
            shown,
            f"it must be 1 to {MAX_NAME_LENGTH} letters, digits, '-' and '_', beginning and ending"
            " with a letter or digit",
        )
    return name


def check_asked(model_uri: str, *, flavor: str | None, endpoint: str | None) -> str:
    """The URI, when all three can be carried out.

    Raises:
        InvalidInput: one can't.
    """
    if flavor not in (None, FLAVOR):
        raise InvalidInput(
            f"The flavor {flavor!r} can't be deployed by itself: every model is served as"
            f" {FLAVOR!r}. Leave it out."
        )
    check_no_endpoint(endpoint)
    if not isinstance(model_uri, str) or not 0 < len(model_uri) <= _MAX_URI:
        raise InvalidInput("The model's URI must be a text of 1 to 2,000 characters.")
    if not model_uri.isprintable() or model_uri.startswith("-"):
        raise InvalidInput(
            f"The model's URI {model_uri[:80]!a} has control characters, or begins with '-'."
        )
    return model_uri


def check_no_endpoint(endpoint: str | None) -> None:
    """Refuse an endpoint.

    Raises:
        InvalidInput: one was named.
    """
    if endpoint is not None:
        raise InvalidInput(
            "Endpoints that hold several deployments aren't offered here; leave --endpoint out."
        )


def check_named(deployment_name: str | None) -> str:
    """The name of the deployment to ask.

    Raises:
        InvalidInput: none was given.
    """
    if deployment_name is None:
        raise InvalidInput("Which deployment is to predict? Give its name.")
    return check_name(deployment_name)
