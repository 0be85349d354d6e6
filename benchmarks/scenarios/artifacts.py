"""Files through the server by the tool's own client: one of 256 MB, and 1,000 of 10 kB, up and
down.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import perf_counter
from types import ModuleType

from _main import Figures, run

LARGE_BYTES = 256 << 20
SMALL_FILES, SMALL_BYTES = 1_000, 10_000


def artifacts(tool: ModuleType, folder: str, url: str | None) -> Figures:
    source = Path(folder) / "source"
    (source / "small").mkdir(parents=True)
    large = source / "large.bin"
    large.write_bytes(os.urandom(1 << 20) * (LARGE_BYTES >> 20))
    for i in range(SMALL_FILES):
        (source / "small" / f"{i:04}.bin").write_bytes(os.urandom(SMALL_BYTES))
    module = __import__(tool.PACKAGE)
    tool.start(folder, url)
    run_id = module.active_run().info.run_id

    large_up = _timed(lambda: (module.log_artifact(str(large)), _settle(module)))
    small_up = _timed(
        lambda: (module.log_artifacts(str(source / "small"), "small"), _settle(module))
    )
    large_down = _timed(lambda: _download(module, run_id, "large.bin", folder))
    small_down = _timed(lambda: _download(module, run_id, "small", folder))
    tool.finish()
    shutil.rmtree(source)
    return {
        "large_up_mb_s": LARGE_BYTES / 1e6 / large_up,
        "large_down_mb_s": LARGE_BYTES / 1e6 / large_down,
        "small_up_files_s": SMALL_FILES / small_up,
        "small_down_files_s": SMALL_FILES / small_down,
    }


def _timed(work: object) -> float:
    began = perf_counter()
    work()  # type: ignore[operator]
    return perf_counter() - began


def _settle(module: ModuleType) -> None:
    # Assay's log calls return before the upload; what counts is when the server has the file.
    if module.__name__ == "assay":
        module.flush_async_logging()


def _download(module: ModuleType, run_id: str, path: str, folder: str) -> None:
    target = Path(folder) / "down"
    target.mkdir(exist_ok=True)
    module.artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=str(target))


run(artifacts)
