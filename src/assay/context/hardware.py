"""Hardware: processor, memory and GPUs of this machine. Asked once per process: it does not
change.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
from pathlib import Path
from typing import Final

from assay.entities import tags

_DEVICES: Final = ("/dev/nvidiactl", "/dev/dxg")
"""One is there wherever NVIDIA's driver is; the second in the Linux of Windows."""


@functools.cache
def hardware_tags() -> dict[str, str]:
    """``assay.cpu``, ``assay.platform`` and, if NVIDIA's library finds any, ``assay.gpu``."""
    facts = {
        tags.CPU: f"{_cpu_model()}, {_cpu_count()} cores{_memory()}",
        tags.PLATFORM: platform.platform(),
    }
    gpus = _gpus()
    if gpus:
        facts[tags.GPU] = ", ".join(gpus)
    return facts


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def _cpu_count() -> int:
    # The cores this process may use: a container or a batch queue often grants fewer than there
    # are.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return ""
    return f", {size / 2**30:.0f} GiB memory"


def _gpus() -> list[str]:
    if sys.platform == "linux" and not any(Path(device).exists() for device in _DEVICES):
        return []  # loading the library to hear so takes 50 ms
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001 - the extra is absent, or one of NVML's many ways to say "no GPU"
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [_gpu_name(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _gpu_name(name: str | bytes) -> str:
    # Old drivers' bindings give bytes.
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
