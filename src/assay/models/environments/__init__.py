"""Environments: what a model needs to run, found, written down, made anew and proved."""
