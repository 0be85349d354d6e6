"""A stand-in for Slurm's programs, for machines without Slurm: jobs really run, one after another
begun at once, by bash as their scripts say.

Jobs of the partition ``full`` wait for ever; those of ``lost`` are killed as they begin.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("sbatch", "squeue", "scancel")
_RUNNER = """
import os, subprocess, sys
state, output, script = sys.argv[1:]
with open(output, "ab") as out:
    job = subprocess.Popen(["bash", script], stdout=out, stderr=out, start_new_session=True)
    open(state + ".pid", "w").write(str(job.pid))
    if "--partition=lost" in open(script).read():
        os.killpg(job.pid, 9)
    job.wait()
open(state + ".ended", "w").write("COMPLETED" if job.returncode == 0 else "FAILED")
"""


def install(folder: Path) -> dict[str, str]:
    """Put them into ``folder/bin``; returns the variables under which they are found."""
    place = folder / "bin"
    place.mkdir()
    for name in PROGRAMS:
        program = place / name
        program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path[:0] = {sys.path!r}\n"
            f"from tests.services.slurm import {name}\n{name}()\n"
        )
        program.chmod(0o755)
    (folder / "slurm").mkdir()
    return {
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "STAND_IN_SLURM": str(folder / "slurm"),
    }


def sbatch() -> None:
    assert sys.argv[1] == "--parsable", sys.argv
    script = Path(sys.argv[2])
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", script.read_text(), re.MULTILINE))
    if options.get("partition") == "none":
        sys.exit("sbatch: error: Batch job submission failed: Invalid partition name specified")
    job = _folder() / str(100 + len(list(_folder().glob("*.job"))))
    job.with_suffix(".job").write_text(str(script))
    if options.get("partition") != "full":
        subprocess.Popen(
            [sys.executable, "-c", _RUNNER, str(job), options["output"], str(script)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    print(job.name)


def squeue() -> None:
    (number,) = (word[7:] for word in sys.argv if word.startswith("--jobs="))
    job = _folder() / number
    for suffix in (".cancelled", ".ended"):
        if job.with_suffix(suffix).is_file():
            print(job.with_suffix(suffix).read_text())
            return
    print("RUNNING" if job.with_suffix(".pid").is_file() else "PENDING")


def scancel() -> None:
    job = _folder() / sys.argv[-1]
    gently = "--signal=TERM" in sys.argv
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = int(job.with_suffix(".pid").read_text())
        if gently:
            os.kill(pid, signal.SIGTERM)
        elif not job.with_suffix(".ended").is_file():
            os.killpg(pid, signal.SIGKILL)
    if not gently and not job.with_suffix(".ended").is_file():
        job.with_suffix(".cancelled").write_text("CANCELLED")


def _folder() -> Path:
    return Path(os.environ["STAND_IN_SLURM"])
