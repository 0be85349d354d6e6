"""What capturing costs a run's start, in a Git repository of many files with changes in it.

    python benchmarks/capture.py [--files 10000]

``start`` is what the program waits for; ``behind`` is how long a thread then gathers the rest, most
of it in git's own processes; ``taken`` is processor time of this process for all of it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROUNDS = 7
CHANGED = 20


def repository(folder: Path, files: int) -> None:
    """Make a repository with so many files, some of them changed and one never added."""
    for number in range(files):
        path = folder / f"d{number // 100}" / f"f{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"value = {number}\n" * 20)
    git = ["git", "-c", "user.email=a@b.c", "-c", "user.name=a", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    for number in range(CHANGED):
        (folder / "d0" / f"f{number}.py").write_text("value = -1\n")


def measure() -> tuple[float, float, float]:
    """Seconds of a run's start, of what a thread gathers behind it, and of the processor."""
    import assay
    from assay.context import capture
    from assay.fluent.active import here

    capture._last = None  # runs started close together share one look
    used = time.process_time()
    begin = time.perf_counter()
    assay.start_run()
    started = time.perf_counter()
    assert here.top is not None
    thread = here.top.capture
    if thread is not None:
        thread.join()
    gathered = time.perf_counter()
    used = time.process_time() - used
    assay.end_run()
    return started - begin, gathered - started, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        repository(folder, options.files)
        os.chdir(folder)
        os.environ.update(ASSAY_TRACKING_URI=str(folder / ".assay"), ASSAY_QUIET="1")
        measure()  # imports, and the store
        rounds = [measure() for _ in range(ROUNDS)]
    start, behind, used = (statistics.median(column) * 1e3 for column in zip(*rounds, strict=True))
    print(f"{options.files:,} files: start {start:.1f} ms", end="  ")
    print(f"behind {behind:.0f} ms  taken {used:.0f} ms")


if __name__ == "__main__":
    main()
