"""The interface of a backend: where launches are carried out.

Others are found by the entry point group ``assay.project_backend``: a name and a function without
arguments that gives a ``Backend``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from assay.projects.launch import Launch

if TYPE_CHECKING:
    from assay.client.client import Client
    from assay.entities.runs import Run

Status = Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]
"""MLflow's words for the status of a run."""


@runtime_checkable
class SubmittedRun(Protocol):
    """A launch that was handed to a backend; the face is that of MLflow's ``SubmittedRun``."""

    @property
    def run_id(self) -> str:
        """Of the run."""
        ...

    def wait(self) -> bool:
        """Until it has ended; whether it finished well. Ctrl-C while waiting cancels it."""
        ...

    def get_status(self) -> Status:
        """Its status now."""
        ...

    def cancel(self) -> None:
        """End it, with all that it started; its run is ``KILLED``. Nothing, if it has ended."""
        ...


class Backend(Protocol):
    """A place where launches run."""

    name: str

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SubmittedRun:
        """Begin to carry out a launch, and return at once.

        Args:
            launch: what to run.
            config: the backend's own settings, from ``--backend-config``.
            echo: whether what the command prints is shown here too, where the backend can.

        Raises:
            InvalidInput: a setting that isn't known or doesn't fit, or a resource that the backend
                can't give.
            AssayError: the backend isn't here; the message says what to install or to start.
        """
        ...


@runtime_checkable
class SupportsAttach(Backend, Protocol):
    """A backend whose runs can be followed and ended by another process than the one that
    submitted them: `assay runs stop` does.
    """

    def attach(self, run: Run, client: Client) -> SubmittedRun:
        """The run as it goes on.

        Args:
            run: of this backend.
            client: of the store that has it.

        Raises:
            InvalidInput: it can't be reached from here.
        """
        ...
