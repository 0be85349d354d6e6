"""Environments of workers: this Python, or the one that the models were saved for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from assay.models.batches.pool import Interpreter, own_interpreter
from assay.models.environments.interpreter import NEEDS, interpreter_of, is_here, make_environment
from assay.serving.process.plan import Plan
from assay.serving.settings import ServingSettings

_NEEDS: Final = (*NEEDS, "uvicorn", "click", "h11", "httptools", "uvloop")
"""What a worker takes along into a model's environment; the environment's own come first."""
_GRPC_NEEDS: Final = ("grpcio", "protobuf", "typing-extensions")


@contextmanager
def interpreter_for(
    plan: Plan, settings: ServingSettings, *, progress: Callable[[str], None] | None = None
) -> Iterator[Interpreter]:
    """The Python that the workers of a plan run in.

    All models of a server share one: it is made for the first, and the others say when they are
    loaded if it doesn't do for them.

    Raises:
        EnvironmentFailed: the environment can't be made.
        MissingExtra: uv isn't there.
    """
    first = plan.versions[0]
    folder = Path(first.folder)
    manager = settings.env_manager
    if manager == "local" or (manager == "auto" and all(is_here(v.folder) for v in plan.versions)):
        yield own_interpreter()
        return
    python = make_environment(
        folder,
        manager="conda" if manager == "conda" else "uv",
        trusted=settings.trust,
        origin=first.origin,
        progress=progress,
    )
    needs = _NEEDS if settings.grpc_port is None else (*_NEEDS, *_GRPC_NEEDS)
    with interpreter_of(python, needs=needs, progress=progress) as found:
        yield found
