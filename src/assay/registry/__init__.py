"""The registry at work: promoting, approving, rolling back, proving, signing.

``assay.registry.promote`` and its neighbours are loaded when they are first used. What policies and
stores decide is done in the modules behind this front; see docs/guides/registry.md.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "assay.registry.asking": [
        "approve",
        "cancel",
        "history",
        "holder_at",
        "lineage",
        "policy_of",
        "reject",
        "request",
        "requests",
        "rollback",
        "set_policy",
    ],
    "assay.registry.checks": ["How"],
    "assay.registry.comparing": ["compare"],
    "assay.registry.dry_run": ["check"],
    "assay.registry.promotion": ["await_request", "promote", "register_best"],
    "assay.registry.traffic": [
        "end_trial",
        "promote_trial",
        "set_traffic",
        "traffic_of",
        "try_version",
    ],
    "assay.registry.signing": ["sign_version", "verify_version"],
}
_ATTRIBUTES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_ATTRIBUTES)  # noqa: PLE0605 - a list of names


def __getattr__(name: str) -> Any:
    home = _ATTRIBUTES.get(name)
    if home is None:
        raise AttributeError(f"module 'assay.registry' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
