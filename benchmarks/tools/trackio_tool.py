"""trackio: its local SQLite store."""

from __future__ import annotations

import os

PACKAGE = "trackio"


def start(folder: str, url: str | None) -> None:
    if url:
        raise SystemExit("trackio is compared locally only")
    os.environ["TRACKIO_DIR"] = folder
    os.environ["HF_HUB_OFFLINE"] = "1"
    import trackio

    trackio.init(project="bench", name="run")


def log(values: dict[str, float], step: int) -> None:
    import trackio

    trackio.log(values, step=step)


def log_one(key: str, value: float, step: int) -> None:
    import trackio

    trackio.log({key: value}, step=step)


def finish() -> None:
    import trackio

    trackio.finish()
