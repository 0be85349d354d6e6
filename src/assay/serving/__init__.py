"""Serving: an endpoint that answers with models of the registry, and follows it."""
