"""``MLmodel`` files: flavors and signature, by YAML's safe loader."""

from __future__ import annotations

from typing import Any

from assay.server.files.headers.header import Header

MAX_BYTES = 1 << 20
_NAMES = ("model_id", "model_uuid", "run_id", "artifact_path", "utc_time_created", "mlflow_version")
_MAX_FACTS = 200


def mlmodel_header(text: bytes) -> Header:
    """An ``MLmodel`` file. Only plain values are told: what aliases multiply is not written out."""
    import yaml

    header = Header("MLmodel")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Safe: both loaders make plain values only.
        entries = yaml.load(text, Loader=loader)  # noqa: S506
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError):
        entries = None
    if not isinstance(entries, dict):
        header.truncated = True
        return header
    for name in _NAMES:
        _tell(header, name, entries.get(name))
    flavors = entries.get("flavors")
    if isinstance(flavors, dict):
        names = [name for name in flavors if isinstance(name, str)][:_MAX_FACTS]
        header.fact("flavors", ", ".join(names))
        for name in names:
            _tell_all(header, name, flavors[name])
    _tell_all(header, "signature", entries.get("signature"))
    return header


def _tell_all(header: Header, prefix: str, entries: Any) -> None:
    if isinstance(entries, dict):
        for name, value in entries.items():
            if len(header.facts) >= _MAX_FACTS:
                header.truncated = True
                return
            if isinstance(name, str):
                _tell(header, f"{prefix}.{name}", value)


def _tell(header: Header, name: str, value: Any) -> None:
    if isinstance(value, bool | float | str) or (
        isinstance(value, int) and value.bit_length() <= 64
    ):
        header.fact(name, value)
