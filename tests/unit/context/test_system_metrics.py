"""The machine's load under MLflow's names."""

from __future__ import annotations

import threading

import pytest

from assay.context.system_metrics import SystemMonitor, SystemSampler, sampling_interval_s


def test_sample_has_the_series_that_mlflow_names() -> None:
    sampler = SystemSampler()
    values = sampler.sample()
    sampler.close()
    assert {
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_megabytes",
        "system/system_memory_usage_percentage",
        "system/disk_usage_percentage",
        "system/disk_usage_megabytes",
        "system/disk_available_megabytes",
        "system/network_receive_megabytes",
        "system/network_transmit_megabytes",
    } <= set(values)
    assert 0 < values["system/system_memory_usage_percentage"] < 100


def test_monitor_samples_until_stopped_and_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_SYSTEM_METRICS_INTERVAL", "0.1")
    seen: list[int] = []
    enough = threading.Event()

    def log(values: dict[str, float], step: int, time_ms: int) -> None:
        seen.append(step)
        if len(seen) == 3:
            enough.set()

    monitor = SystemMonitor(log, start_time_ms=0)
    monitor.start()
    assert enough.wait(20)
    monitor.stop()
    count = len(seen)
    assert count >= 4
    assert seen == sorted(seen)


def test_error_of_the_sink_ends_the_sampling_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ASSAY_SYSTEM_METRICS_INTERVAL", "60")

    def log(values: dict[str, float], step: int, time_ms: int) -> None:
        raise OSError("disk gone")

    monitor = SystemMonitor(log, start_time_ms=0)
    monitor.start()
    monitor.stop()
    assert "disk gone" in caplog.text


@pytest.mark.parametrize(
    ("text", "seconds"), [("2.5", 2.5), ("0", 0.1), ("often", 10.0), ("", 10.0)]
)
def test_interval_comes_from_the_environment(
    text: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_SYSTEM_METRICS_INTERVAL", text)
    assert sampling_interval_s() == seconds
