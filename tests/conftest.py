"""What all tests share: the real components, and reproducible Hypothesis runs."""

from __future__ import annotations

import gc
import signal

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.services.postgres",
    "tests.services.object_stores",
    "tests.services.mlflow_client",
    "tests.services.browser",
    "tests.services.containers",
]

# What tests import, millions of objects, stays to the end: the collector need not go through it
# each time that 700 more were made, nor, once all is imported, ever again.
gc.set_threshold(50_000)


def pytest_collection_finish() -> None:
    """Leave to the collector only what tests make."""
    gc.freeze()


settings.register_profile(
    "assay",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("assay")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts in the background deaf to Ctrl-C, and so would be all that tests
    # start and then stop with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
