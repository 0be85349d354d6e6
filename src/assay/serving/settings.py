"""Settings of a scoring server: one frozen struct, made of command-line options and
``ASSAY_SERVE_*`` variables.
"""

from __future__ import annotations

import msgspec

from assay.serving.batching import BatchSettings

ENVIRONMENT_PREFIX = "ASSAY_SERVE_"


class Limits(msgspec.Struct, frozen=True):
    """What one request, and all at once, may cost."""

    body_bytes: int = 64 << 20
    rows: int = 1_000_000
    """Of one request."""
    concurrency: int = 256
    """Predictions that are asked for at once, in each process; more get 503."""
    timeout_s: float = 60.0
    """For a prediction, and for a body to arrive."""


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the prediction log keeps."""

    place: str
    """A folder, a location of an object store, or ``store``: with a run of the tracking store."""
    sample: float = 1.0
    """Share of the requests."""
    redact: tuple[str, ...] = ()
    """Columns that are left out."""
    hashed: tuple[str, ...] = ()
    """Columns of which only a keyed digest is kept."""
    hash_key: str = ""
    outputs_only: bool = False
    part_s: float = 60.0
    """Seconds after which what was logged can be read."""


class ServingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve."""

    host: str = "127.0.0.1"
    port: int = 5000
    grpc_port: int | None = None
    """Where the Open Inference Protocol is spoken over gRPC too."""
    workers: int = 1
    """Processes, each with all models."""
    threads: int = 4
    """Of each process, for predictions that take long."""
    env_manager: str = "uv"
    trust: bool | None = None
    require_signature: bool = False
    limits: Limits = Limits()
    batches: BatchSettings = BatchSettings()
    follow_s: float = 1.0
    """Between two looks at the registry; 0: it is not followed."""
    allow_load: bool = False
    """Whether clients may have other models of the registry loaded, and models unloaded."""
    stop_timeout_s: int = 5
    insecure: bool = False
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    tls_certificate: str | None = None
    tls_key: str | None = None
    log_level: str = "warning"
    prediction_log: LogSettings | None = None
