"""Machine: what this machine has for jobs, and which GPUs a job gets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from assay.entities.jobs import Capacity

GPU_VARIABLE: Final = "CUDA_VISIBLE_DEVICES"
_GPU: Final = re.compile(r"nvidia(\d+)\Z")
_MEMORY_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""A container may have less memory than its machine (version 2 and 1 of control groups)."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_mb() -> int:
    """Memory that this process may use; 0 where the system doesn't tell."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
    for file in _MEMORY_LIMITS:
        try:
            size = min(size, int(file.read_text()))
        except (OSError, ValueError):
            continue
    return size >> 20


def gpu_names() -> list[str]:
    """What CUDA knows the GPUs of this machine by, those that this process may use."""
    allowed = os.environ.get(GPU_VARIABLE)
    if allowed is not None:
        return [name.strip() for name in allowed.split(",") if name.strip() not in ("", "-1")]
    try:
        devices = [path.name for path in Path("/dev").iterdir()]
    except OSError:
        return []
    return sorted((m[1] for name in devices if (m := _GPU.match(name))), key=int)


class Machine:
    """What is left for jobs. Used by one thread."""

    def __init__(self, *, cpu: float, memory_mb: int, gpus: list[str]) -> None:
        self._cpu, self._memory_mb, self._gpus = cpu, memory_mb, list(gpus)

    @property
    def free(self) -> Capacity:
        """What a job may ask for now."""
        return Capacity(max(self._cpu, 0.0), max(self._memory_mb, 0), len(self._gpus))

    def take(self, asked: Capacity) -> list[str]:
        """Set apart what a job asks for; returns its GPUs."""
        self._cpu -= asked.cpu
        self._memory_mb -= asked.memory_mb
        mine, self._gpus = self._gpus[: asked.gpu], self._gpus[asked.gpu :]
        return mine

    def release(self, asked: Capacity, gpus: list[str]) -> None:
        """Take back what a job had."""
        self._cpu += asked.cpu
        self._memory_mb += asked.memory_mb
        self._gpus += gpus
