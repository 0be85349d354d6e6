"""W&B, offline."""

from __future__ import annotations

import os

PACKAGE = "wandb"


def start(folder: str, url: str | None) -> None:
    if url:
        raise SystemExit("W&B is compared offline only")
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": folder}
    import wandb

    wandb.init(project="bench", dir=folder)


def log(values: dict[str, float], step: int) -> None:
    import wandb

    wandb.log(values, step=step)


def log_one(key: str, value: float, step: int) -> None:
    import wandb

    wandb.log({key: value}, step=step)


def finish() -> None:
    import wandb

    wandb.finish()
