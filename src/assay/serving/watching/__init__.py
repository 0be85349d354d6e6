"""Watching: what goes wrong while models are served, told to the registry."""
