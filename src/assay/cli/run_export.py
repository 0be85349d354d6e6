"""Exporting runs as plain files that any tool reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from assay.entities.runs import Run
from assay.store.base import Store

_PAGE = 25_000


def export_runs(store: Store, runs: Sequence[Run], folder: Path) -> Iterator[tuple[Run, int]]:
    """Write each run to a folder of its own; yields each with the number of its points once it is
    written.

    ``metrics.csv`` spells NaN and ±inf as Python does, and floats so that they read back bit-equal.
    """
    for run in runs:
        # Run ids are letters, digits, '_' and '-' only, so they are safe as names of folders.
        place = folder / run.info.run_id
        place.mkdir(parents=True, exist_ok=True)
        (place / "run.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n"
        )
        yield run, _write_points(store, run, place / "metrics.csv")


def _write_points(store: Store, run: Run, file: Path) -> int:
    count = 0
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("key", "step", "timestamp", "value", "model_id", "dataset", "digest"))
        for key in run.data.metrics:
            token: str | None = None
            while True:
                page = store.metrics.page(run.info.run_id, key, max_results=_PAGE, page_token=token)
                for point in page:
                    writer.writerow(
                        (
                            point.key,
                            point.step,
                            point.timestamp,
                            repr(point.value),
                            point.model_id,
                            point.dataset_name,
                            point.dataset_digest,
                        )
                    )
                count += len(page)
                token = page.token
                if token is None:
                    break
    return count
