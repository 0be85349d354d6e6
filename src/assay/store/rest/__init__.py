"""The store of a server, over HTTP."""

from __future__ import annotations

from assay.store.rest.store import RestStore, open_rest_store

__all__ = ["RestStore", "open_rest_store"]
