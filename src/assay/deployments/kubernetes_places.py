"""Where manifests go: to a cluster through ``kubectl``, or into a folder for somebody to apply."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from assay.containers.kubectl import TIMEOUT_S, Kubectl, decoded, last_lines
from assay.deployments.manifests.building import ANNOTATION, MANAGED_BY
from assay.errors import AssayError, Corrupted, InvalidInput, StoreUnavailable

_KINDS: Final = "deployments.apps,services,horizontalpodautoscalers.autoscaling"
_IS_KSERVE: Final = "kserve"
_KSERVE: Final = "inferenceservices.serving.kserve.io"
_FORWARDING: Final = re.compile(r"Forwarding from (127\.0\.0\.1:\d+)")
_NO_SUCH_KIND: Final = "the server doesn't have a resource type"


class Found(msgspec.Struct, frozen=True):
    """A deployment at a place."""

    facts: bytes
    """What was kept with it, as JSON."""
    ready: int | None
    """Pods that answer; ``None``: nobody knows."""
    wanted: int
    message: str = ""
    """What the cluster says of it, if it isn't ready."""


class Place(ABC):
    """Holds the manifests of one namespace."""

    @abstractmethod
    def put(self, name: str, text: str, *, kind: str, wait_s: int) -> str:
        """Put manifests there, in place of those of that name, and wait until pods answer.

        Returns:
            What to tell of it; empty if there is nothing more to do.

        Raises:
            StoreUnavailable: the cluster doesn't take them, or the pods don't answer in time.
        """

    @abstractmethod
    def find(self, name: str) -> Found | None:
        """What is there under this name."""

    @abstractmethod
    def all(self) -> list[Found]:
        """All that Assay has put there, by name."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Take it away; nothing there is no error."""

    @abstractmethod
    def reached(self, name: str, *, kind: str) -> AbstractContextManager[str]:
        """A URL at which its Service answers while the context lasts.

        Raises:
            InvalidInput: there is none.
        """

    def logs(self, name: str, lines: int, *, kind: str) -> str:
        """The last lines that its pods have written.

        Raises:
            InvalidInput: nobody keeps them.
        """
        raise InvalidInput("Written manifests have no logs; look where they are applied.")

    def restart(self, name: str, wait_s: int, *, kind: str) -> None:
        """Replace its pods, one by one.

        Raises:
            InvalidInput: there are none.
        """
        raise InvalidInput("Written manifests can't be restarted; do that where they are applied.")


class FolderPlace(Place):
    """Files ``<name>.yaml`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, text: str, *, kind: str, wait_s: int) -> str:  # noqa: D102 - the contract is in the base class
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(name)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        return f"apply it with: kubectl apply -f {file}"

    def find(self, name: str) -> Found | None:  # noqa: D102
        file = self._file(name)
        if not file.is_file():
            return None
        try:
            first = next(iter(yaml.safe_load_all(file.read_text(encoding="utf-8"))))
            return Found(_facts(first), None, 0)
        except (yaml.YAMLError, StopIteration, KeyError, TypeError, UnicodeDecodeError) as error:
            raise Corrupted(f"{file} isn't what Assay wrote: {error}.") from None

    def all(self) -> list[Found]:  # noqa: D102
        found = (self.find(one.stem) for one in sorted(self.folder.glob("*.yaml")))
        return [one for one in found if one is not None]

    def delete(self, name: str) -> None:  # noqa: D102
        self._file(name).unlink(missing_ok=True)

    def reached(self, name: str, *, kind: str) -> AbstractContextManager[str]:  # noqa: D102
        raise InvalidInput(
            f"The deployment {name!r} is only written to {self._file(name)}: apply it, and say"
            " where it answers with -C url=…"
        )

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"


class ClusterPlace(Place):
    """A namespace of the cluster that ``kubectl`` is set up for."""

    def __init__(self, namespace: str, context: str | None) -> None:
        self._kubectl = Kubectl(namespace, context)

    def put(self, name: str, text: str, *, kind: str, wait_s: int) -> str:  # noqa: D102
        self._kubectl.run(["apply", "-f", "-"], text=text)
        if kind == _IS_KSERVE:
            what = ["wait", "--for=condition=Ready", f"{_KSERVE}/{name}", f"--timeout={wait_s}s"]
        else:
            what = ["rollout", "status", f"deployment/{name}", f"--timeout={wait_s}s"]
            # An autoscaler of before stays otherwise.
            if "HorizontalPodAutoscaler" not in text:
                selector = f"app.kubernetes.io/name={name},{MANAGED_BY}=assay"
                self._kubectl.run(["delete", "hpa", "-l", selector])
        self._kubectl.run(what, timeout_s=wait_s + TIMEOUT_S)
        return ""

    def find(self, name: str) -> Found | None:  # noqa: D102
        for kind in ("deployment.apps", _KSERVE):
            try:
                text = self._kubectl.run(["get", kind, name, "--ignore-not-found", "-o", "json"])
            except StoreUnavailable as error:
                if kind == _KSERVE and _NO_SUCH_KIND in error.message:
                    return None
                raise
            if text.strip():
                return _of_cluster(decoded(text), name)
        return None

    def all(self) -> list[Found]:  # noqa: D102
        found: list[Any] = []
        for kind in ("deployments.apps", _KSERVE):
            try:
                text = self._kubectl.run(["get", kind, "-l", f"{MANAGED_BY}=assay", "-o", "json"])
            except StoreUnavailable as error:
                if kind == _KSERVE and _NO_SUCH_KIND in error.message:
                    break
                raise
            found += decoded(text)["items"]
        items = sorted(found, key=lambda one: str(one["metadata"]["name"]))
        ours = (one for one in items if ANNOTATION in one["metadata"].get("annotations", {}))
        return [_of_cluster(one, str(one["metadata"]["name"])) for one in ours]

    def delete(self, name: str) -> None:  # noqa: D102
        # By our label: what others call so as well stays.
        selector = f"app.kubernetes.io/name={name},{MANAGED_BY}=assay"
        self._kubectl.run(["delete", _KINDS, "-l", selector])
        try:
            self._kubectl.run(["delete", _KSERVE, "-l", selector])
        except StoreUnavailable as error:
            if _NO_SUCH_KIND not in error.message:
                raise

    def logs(self, name: str, lines: int, *, kind: str) -> str:  # noqa: D102
        label = (
            "serving.kserve.io/inferenceservice" if kind == _IS_KSERVE else "app.kubernetes.io/name"
        )
        selector = f"{label}={name}"
        return self._kubectl.run(["logs", "-l", selector, "--prefix", f"--tail={lines}"])

    def restart(self, name: str, wait_s: int, *, kind: str) -> None:  # noqa: D102
        deployment = f"deployment/{_within(name, kind)}"
        self._kubectl.run(["rollout", "restart", deployment])
        what = ["rollout", "status", deployment, f"--timeout={wait_s}s"]
        self._kubectl.run(what, timeout_s=wait_s + TIMEOUT_S)

    @contextmanager
    def reached(self, name: str, *, kind: str) -> Iterator[str]:  # noqa: D102
        # Port 0: kubectl chooses a free one and says which.
        command = [*self._kubectl.command, "port-forward", f"service/{_within(name, kind)}", ":80"]
        with subprocess.Popen(  # noqa: S603 - an argument list
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as forward:
            try:
                assert forward.stdout is not None
                assert forward.stderr is not None
                said = _FORWARDING.search(forward.stdout.readline())
                if said is None:
                    why = last_lines(forward.stderr.read())
                    raise StoreUnavailable(f"kubectl can't reach the Service {name!r}: {why}")
                yield f"http://{said[1]}"
            finally:
                forward.terminate()


def place_of(namespace: str, *, context: str | None, folder: str | None) -> Place:
    """The place for a namespace: a folder if one is named or there is no ``kubectl``."""
    if folder is not None:
        return FolderPlace(Path(folder))
    if shutil.which("kubectl") is None:
        return FolderPlace(Path("kubernetes") / namespace)
    return ClusterPlace(namespace, context)


def _within(name: str, kind: str) -> str:
    """Name of the Deployment and Service; KServe makes them of its own."""
    return f"{name}-predictor" if kind == _IS_KSERVE else name


def _facts(resource: Any) -> bytes:
    return str(resource["metadata"]["annotations"][ANNOTATION]).encode()


def _of_cluster(resource: Any, name: str) -> Found:
    try:
        facts = _facts(resource)
    except KeyError:
        raise NotOurs(name) from None
    status = resource.get("status", {})
    conditions = {one.get("type"): one for one in status.get("conditions", [])}
    if resource["kind"] == "InferenceService":
        ready = conditions.get("Ready", {})
        return Found(facts, int(ready.get("status") == "True"), 1, str(ready.get("message", "")))
    wanted = int(resource["spec"].get("replicas", 1))
    failing = conditions.get("Progressing", {})
    message = "" if failing.get("status") == "True" else str(failing.get("message", ""))
    return Found(facts, int(status.get("readyReplicas", 0)), wanted, message)


class NotOurs(AssayError):
    """A resource of that name is there, and Assay didn't make it."""

    error_code = "RESOURCE_ALREADY_EXISTS"
    http_status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The cluster has a resource {name!r} that Assay didn't make; choose another name."
        )
