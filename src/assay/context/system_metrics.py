"""System metrics: processor, memory, disk, network and NVIDIA GPUs while a run lasts.

Series carry MLflow's names (``system/cpu_utilization_percentage`` …), so charts of both look alike.
Needs the extra ``assay[system]``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from assay.errors import MissingExtra

_log = logging.getLogger(__name__)

DEFAULT_INTERVAL_S = 10.0
"""MLflow's sampling interval."""


def sampling_interval_s() -> float:
    """Seconds between samples, by ``ASSAY_SYSTEM_METRICS_INTERVAL`` or MLflow's variable."""
    text = os.environ.get("ASSAY_SYSTEM_METRICS_INTERVAL") or os.environ.get(
        "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"
    )
    try:
        return max(0.1, float(text)) if text else DEFAULT_INTERVAL_S
    except ValueError:
        return DEFAULT_INTERVAL_S


class SystemSampler:
    """Reads the machine's load. Network figures count from when the sampler was made."""

    def __init__(self) -> None:
        try:
            import psutil
        except ImportError:
            raise MissingExtra("psutil", extra="system", purpose="Logging system metrics") from None
        self._psutil: ModuleType = psutil
        self._nvml, self._gpus = _open_gpus()
        self._network = psutil.net_io_counters()
        psutil.cpu_percent()

    def sample(self) -> dict[str, float]:
        """One value per series, in the units that the names tell."""
        memory = self._psutil.virtual_memory()
        disk = self._psutil.disk_usage(os.sep)
        values = {
            "system/cpu_utilization_percentage": self._psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": memory.used / 1e6,
            "system/system_memory_usage_percentage": memory.used / memory.total * 100,
            "system/disk_usage_percentage": disk.percent,
            "system/disk_usage_megabytes": disk.used / 1e6,
            "system/disk_available_megabytes": disk.free / 1e6,
        }
        values.update(self._sample_network())
        for number, gpu in enumerate(self._gpus):
            values.update(self._sample_gpu(number, gpu))
        return values

    def _sample_network(self) -> dict[str, float]:
        # Some sandboxes hide the counters; psutil then says None.
        now, start = self._psutil.net_io_counters(), self._network
        if now is None or start is None:
            return {}
        return {
            "system/network_receive_megabytes": (now.bytes_recv - start.bytes_recv) / 1e6,
            "system/network_transmit_megabytes": (now.bytes_sent - start.bytes_sent) / 1e6,
        }

    def _sample_gpu(self, number: int, gpu: Any) -> dict[str, float]:
        nvml = self._nvml
        values: dict[str, float] = {}
        if nvml is None:
            return values
        prefix = f"system/gpu_{number}_"
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
            values[prefix + "memory_usage_megabytes"] = memory.used / 1e6
            values[prefix + "memory_usage_percentage"] = memory.used / memory.total * 100
            load = nvml.nvmlDeviceGetUtilizationRates(gpu)
            values[prefix + "utilization_percentage"] = float(load.gpu)
            power = nvml.nvmlDeviceGetPowerUsage(gpu)
            values[prefix + "power_usage_watts"] = power / 1000
            limit = nvml.nvmlDeviceGetEnforcedPowerLimit(gpu)
            values[prefix + "power_usage_percentage"] = power / limit * 100
        except nvml.NVMLError:
            # Cards differ in what they tell; what came before the refusal is good.
            return values
        return values

    def close(self) -> None:
        """Release NVIDIA's library."""
        if self._nvml is not None:
            self._nvml.nvmlShutdown()
            self._nvml, self._gpus = None, []


def _open_gpus() -> tuple[ModuleType | None, list[Any]]:
    # Any: NVML's handles are ctypes pointers without a Python type.
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001 - the extra is absent, or one of NVML's many ways to say "no GPU"
        return None, []
    try:
        count = pynvml.nvmlDeviceGetCount()
        return pynvml, [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
    except pynvml.NVMLError:
        return pynvml, []


class SystemMonitor:
    """A thread that samples at an interval and hands each sample to ``log(values, step, time_ms)``.

    Steps count intervals since ``start_time_ms``, so a run that is resumed goes on where time has
    brought it. An error of the machine or of ``log`` ends the sampling with one warning, never the
    run.
    """

    def __init__(
        self, log: Callable[[dict[str, float], int, int], None], *, start_time_ms: int
    ) -> None:
        self._sampler = SystemSampler()
        self._sink = log
        self._start_time_ms = start_time_ms
        self._interval_s = sampling_interval_s()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assay-system-metrics", daemon=True)

    def start(self) -> None:
        """Begin; the first sample comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """Take a last sample, so short runs have one too, and end the thread."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            last = False
            while not last:
                last = self._stop.wait(self._interval_s)
                now_ms = time.time_ns() // 1_000_000
                step = int((now_ms - self._start_time_ms) / (self._interval_s * 1_000))
                self._sink(self._sampler.sample(), max(0, step), now_ms)
        except Exception as error:  # noqa: BLE001 - watching the machine must never end the training
            _log.warning("System metrics stopped: %s", error)
        finally:
            self._sampler.close()
