"""Engine: Docker or Podman, asked about images and containers of this machine."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Final

from assay.containers.builder import Builder
from assay.errors import AssayError, StoreUnavailable

STOP_S: Final = 10
"""Between the request to end and the kill."""
_COMMAND_S: Final = 120.0
_MAX_TOLD: Final = 600


class Refused(AssayError):
    """The engine can't do what it was asked. ``why`` is what it says itself, in short."""

    def __init__(self, engine: str, why: str) -> None:
        super().__init__(f"{engine} refuses: {why}")
        self.engine, self.why = engine, why


class Engine:
    """Docker or Podman. Every method may raise ``StoreUnavailable`` if it doesn't answer."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image of this name."""
        try:
            self.ask("image", "inspect", image)
        except Refused:
            return False
        return True

    def remove(self, ident: str) -> None:
        """End and remove a container. One that isn't there is no error."""
        for words in (("stop", "--time", str(STOP_S)), ("rm", "--force", "--volumes")):
            with contextlib.suppress(Refused):
                self.ask(*words, ident)

    def remove_image(self, image: str) -> None:
        """Remove an image, unless something else uses it."""
        with contextlib.suppress(Refused):
            self.ask("rmi", image)

    def ask(self, *arguments: str) -> str:
        """What the engine prints when it is run with these arguments.

        Raises:
            Refused: it ends with an error.
        """
        done = self.done(*arguments)
        if done.returncode != 0:
            raise Refused(self.builder.name, _short(done.stderr))
        return done.stdout

    def done(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, with whatever it ends."""
        try:
            return subprocess.run(  # noqa: S603 - an argument list
                [self.builder.program, *arguments],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=_COMMAND_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreUnavailable(f"{self.builder.name} doesn't answer: {error}.") from error


def _short(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "level=" not in line]
    return (lines[-1] if lines else "no reason given").removeprefix("Error: ")[:_MAX_TOLD]
